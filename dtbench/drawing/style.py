"""How figures look, and the bytes they become: the same content gives the same bytes, in any thread.

Colours are those of Okabe and Ito, which people with any common colour blindness tell apart; marks and strokes differ,
too, so that things can be told apart without colours.

References
----------
M. Okabe, K. Ito, "Color Universal Design (CUD): How to make figures and presentations that are friendly to colorblind
people", 2002.
"""

from __future__ import annotations

import contextlib
import io
import threading
from collections.abc import Iterator, Mapping
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from dtbench.errors import DtbenchError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLOURS = (
    "#0072B2",
    "#D55E00",
    "#009E73",
    "#CC79A7",
    "#E69F00",
    "#56B4E9",
    "#000000",
)  # without their yellow: too light
NAMED: Mapping[str, str] = {
    "blue": "#0072B2", "orange": "#D55E00", "green": "#009E73", "pink": "#CC79A7", "yellow": "#E69F00",
    "sky": "#56B4E9", "black": "#000000", "grey": "#808080", "light": "#E8E8E8",
}  # fmt: skip
GREY = "#4D4D4D"
DPI = 200  # of files
STYLE: Any = {
    "font.family": "DejaVu Sans",  # comes with matplotlib: the same on every machine
    "font.size": 9.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "grid.color": "#D9D9D9",
    "grid.linewidth": 0.6,
    "axes.axisbelow": True,
    "legend.frameon": False,
    "text.parse_math": False,  # a $ in a name is a $
    "svg.hashsalt": "dtbench",  # instead of a random one
}
NO_DATES: Mapping[str, dict[str, Any]] = {
    "png": {"Software": None, "Creation Time": None},
    "svg": {"Date": None, "Creator": None},
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
}
FORMATS = tuple(NO_DATES)

_style = threading.RLock()  # matplotlib's settings are the process's


@contextlib.contextmanager
def styled() -> Iterator[None]:
    """Matplotlib's defaults with :data:`STYLE`, whatever a user's matplotlibrc says; one thread at a time."""
    import matplotlib as mpl

    with _style, mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(STYLE)
        yield


def canvas(width: float, height: float, dpi: float = 100.0, layout: Any = None) -> Figure:
    """An empty figure of a size in inches, apart from pyplot."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=dpi, layout=layout)
    FigureCanvasAgg(figure)
    return figure


def format_of(file: PurePath, more: tuple[str, ...] = ()) -> str:
    """The format that a file's name asks for.

    Raises
    ------
    DtbenchError
        If it asks for none of :data:`FORMATS` and ``more``.
    """
    known = (*FORMATS, *more)
    if file.suffix.lower().removeprefix(".") not in known:
        raise DtbenchError(
            f"output is '{file}'; expected a name that ends in {', '.join('.' + each for each in known)}."
        )
    return file.suffix.lower().removeprefix(".")


def encoded(figure: Figure, form: str, dpi: float = DPI) -> bytes:
    """A figure as the content of a file of one of :data:`FORMATS`, without date or version."""
    stream = io.BytesIO()
    with styled():
        figure.savefig(stream, format=form, dpi=dpi, metadata=NO_DATES[form])
    return stream.getvalue()


def pixels(figure: Figure) -> npt.NDArray[np.uint8]:
    """A figure as an image (height, width, 3), 0 to 255."""
    with styled():
        shown: Any = figure.canvas
        shown.draw()
        return np.array(shown.buffer_rgba(), dtype=np.uint8)[..., :3].copy()
