"""Elements of SVG with everything escaped: what is drawn by hand where matplotlib would be slow or heavy."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from markupsafe import Markup, escape

Inner = str | Iterable[Markup]
EMPTY: Final = Markup("")


def tag(name: str, inner: Inner = "", **attributes: object) -> Markup:
    """An element; texts and values are escaped, markup inside is not. ``class_`` and ``stroke_width`` lose and change
    their underscores; attributes that are None are left out.

    >>> print(tag("text", "a < b", x=1.25, class_="name"))
    <text x="1.2" class="name">a &lt; b</text>
    """
    given = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(_value(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    body = escape(inner) if isinstance(inner, str) else "".join(inner)
    return Markup(f"<{name}{given}>{body}</{name}>" if body else f"<{name}{given}/>")  # noqa: S704  escaped above


def short(value: float) -> str:
    """A coordinate with one decimal at most.

    >>> [short(x) for x in (3.0, 0.26, -0.04)]
    ['3', '0.3', '0']
    """
    text = f"{value:.1f}".removesuffix(".0")
    return "0" if text == "-0" else text


def points(pairs: Iterable[tuple[float, float]]) -> str:
    """Coordinates as ``polyline`` takes them."""
    return " ".join(f"{short(x)},{short(y)}" for x, y in pairs)


def drawing(
    width: float, height: float, inner: Iterable[Markup], *, title: str, text: str = "", class_: str = "plot"
) -> Markup:
    """A picture that a screen reader calls by its title, and describes by ``text``."""
    said = f"{title}. {text}" if text else title
    return tag(
        "svg", inner, viewBox=f"0 0 {short(width)} {short(height)}", class_=class_, role="img", aria_label=said
    )  # fmt: skip


def _value(value: object) -> object:
    return short(value) if isinstance(value, float) else value
