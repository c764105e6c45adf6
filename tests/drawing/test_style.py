import subprocess
import sys
from pathlib import Path

import pytest

from dtbench.drawing.style import format_of
from dtbench.errors import DtbenchError


def test_formats_follow_the_name():
    assert format_of(Path("a.PNG")) == "png"
    assert format_of(Path("a.csv"), ("csv",)) == "csv"
    with pytest.raises(DtbenchError, match=r"output is 'a\.jpg'; expected a name that ends in \.png, \.svg, \.pdf\."):
        format_of(Path("a.jpg"))


def test_playing_and_listing_import_no_matplotlib():
    code = (
        "import sys, dtbench, dtbench.drawing.figure, dtbench.reports.slots, dtbench.cli.main\n"
        "env = dtbench.make_env('stin-deployment/tiny', 'gym', render_mode='ansi', seed=1)\n"
        "env.reset(); env.step(env.action_space.sample()); env.render()\n"
        "sys.exit('matplotlib' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
