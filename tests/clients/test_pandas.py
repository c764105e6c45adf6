"""pandas reads what `--json` of lists prints."""

import io
import subprocess
import sys
from pathlib import Path


def test_lists_are_frames(library):
    library("pandas", what="`list problems --json` as a frame")
    import pandas as pd

    said = subprocess.run(
        [Path(sys.executable).with_name("dtbench"), "list", "problems", "--json"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert "stin-deployment" in pd.read_json(io.StringIO(said)).to_string()
