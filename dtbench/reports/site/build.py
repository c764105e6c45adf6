"""All pages of the site, rendered and written.

A kind of page is a module with ``pages(site)``, and ``files(site)`` where it brings more than pages; it yields nothing
where there is nothing to show. To add one: write it, name it in :data:`KINDS`, and in ``menu`` of ``base.html``.

Equal records give equal bytes: nothing here looks at the clock, the folder or the order of the records. Pages work from
a file and load the style sheet and the script beside them; the content security policy allows nothing else.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from dtbench import __version__
from dtbench.errors import DtbenchError
from dtbench.params import unit_in_words
from dtbench.reports.numbers import DASH, format_seconds
from dtbench.reports.site import charts, claims, frontier, instance, overview, problem, reading, results, solver
from dtbench.reports.site.model import Site, file_name, named
from dtbench.reports.site.page import Page
from dtbench.reports.site.scale import bin_names, gap_class

TEMPLATES = Path(__file__).parent / "templates"
KINDS = (overview, results, problem, solver, instance, claims, frontier, reading)
ASSETS = ("site.css", "site.js")
LIST = "files.txt"  # what the last build wrote: what is no longer made is removed
POLICY = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'"


def made(site: Site) -> Iterator[tuple[str, bytes]]:
    """Every file of the site: its path and its content."""
    for name in ASSETS:
        yield name, (TEMPLATES / name).read_bytes()
    here = {kind.__name__.rpartition(".")[2] for kind in KINDS}
    pages = [page for kind in KINDS for page in kind.pages(site)]
    menu = {page.here for page in pages}
    for page in pages:
        yield page.path, rendered(page, site, menu & {*here, "solvers", "instances", "problems"}).encode()
    for kind in KINDS:
        if hasattr(kind, "files"):
            yield from kind.files(site)


def rendered(page: Page, site: Site, menu: set[str]) -> str:
    """A page as HTML."""
    template = _environment().get_template(page.template)
    return template.render(page=page, root=page.root, site=site, menu=menu, policy=POLICY, **page.context)


def write(folder: Path, site: Site) -> list[Path]:
    """Write the site; what an earlier one had more is removed.

    Raises
    ------
    DtbenchError
        If the folder holds other things than a site, or cannot be written to.
    """
    before = _before(folder)
    try:
        names = []
        for name, content in made(site):
            file = folder / name
            file.parent.mkdir(parents=True, exist_ok=True)
            if not file.is_file() or file.read_bytes() != content:
                file.write_bytes(content)
            names.append(name)
        for name in sorted(before - set(names)):
            with contextlib.suppress(OSError):
                (folder / name).unlink()
        (folder / LIST).write_text("".join(f"{name}\n" for name in sorted(names)), encoding="utf-8")
    except OSError as error:
        raise DtbenchError(
            f"cannot write to '{folder}': {error.strerror}. Name a folder that can be written."
        ) from error
    return [folder / name for name in names]


def _before(folder: Path) -> set[str]:
    """What an earlier site wrote there."""
    if not folder.exists():
        return set()
    if folder.is_dir() and not any(folder.iterdir()):
        return set()
    if not (folder / LIST).is_file():
        raise DtbenchError(
            f"'{folder}' holds other things than a site of `dtbench publish`; name a new folder with -o."
        )
    listed = (folder / LIST).read_text(encoding="utf-8", errors="replace").splitlines()
    return {name for name in listed if name and not Path(name).is_absolute() and ".." not in Path(name).parts}


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True, keep_trailing_newline=True,
    )  # fmt: skip
    environment.globals |= {
        "charts": charts,
        "named": named,
        "file_name": file_name,
        "version": __version__,
        "seconds": _seconds,
        "frames": _frames,
        "gap_class": gap_class,
        "classes": bin_names(),
    }
    environment.filters["unit"] = unit_in_words
    return environment


def _seconds(value: float | None) -> str:
    return DASH if value is None else format_seconds(value)


def _frames(n: float) -> str:
    """Frames of a training, in a line that does not break."""
    return f"{n:,.0f} frames".replace(",", " ").replace(" ", "\N{NO-BREAK SPACE}")
