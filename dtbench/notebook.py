"""What a notebook shows: small tables in HTML, and one output that is drawn anew in place."""

from __future__ import annotations

import html
import importlib
import sys
from collections.abc import Iterable, Sequence
from typing import Any


def here() -> bool:
    """Whether this process is the kernel of a notebook, which shows HTML. IPython at a terminal is not."""
    found = sys.modules.get("IPython")  # a kernel has imported it
    shell = found.get_ipython() if found is not None else None
    return shell is not None and hasattr(shell, "kernel")


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table under a line of words; texts are escaped, and numbers stand to the right.

    >>> table("a < b", ["x"], [[1]]).count("&lt;")
    1
    """

    def cell(value: object, kind: str) -> str:
        side = "right" if isinstance(value, int | float) else "left"
        return f'<{kind} style="text-align:{side}">{html.escape(str(value))}</{kind}>'

    head = "".join(cell(name, "th") for name in columns)
    body = "".join("<tr>" + "".join(cell(value, "td") for value in row) + "</tr>" for row in rows)
    return f"<p>{html.escape(title)}</p><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def bar(done: int, total: int, words: str, lines: Iterable[str] = ()) -> str:
    """A bar of progress with words beside it, and lines below."""
    value = f'value="{done}" max="{total}"' if total else ""  # without a value, the bar says that nobody knows
    below = "".join(f"<br>{html.escape(line)}" for line in lines)
    return f'<div><progress {value} style="width:18em"></progress> {html.escape(words)}{below}</div>'


class Output:
    """An output of the cell that runs, shown at the first :meth:`draw` and replaced by the next ones."""

    def __init__(self) -> None:
        self._handle: Any = None

    def draw(self, content: str, words: str = "") -> None:
        """Show HTML; ``words`` stand for it where no HTML is shown."""
        show: Any = importlib.import_module("IPython.display").display
        data = {"text/html": content, "text/plain": words}
        if self._handle is None:
            self._handle = show(data, raw=True, display_id=True)
        else:
            self._handle.update(data, raw=True)
