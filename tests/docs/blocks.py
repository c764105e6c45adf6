"""Blocks of code in the README and the pages of the documentation."""

import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
FENCE = re.compile(r"^( *)```(\w+)\n(.*?)^\1```$", re.DOTALL | re.MULTILINE)


def pages() -> list[Path]:
    """The README, CONTRIBUTING and every page, but not what a build writes."""
    built = {ROOT / "docs" / "_build", ROOT / "docs" / "_generated"}
    found = [file for file in (ROOT / "docs").rglob("*.md") if not built & set(file.parents)]
    return [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(found)]


def blocks(page: str, language: str) -> list[str]:
    """Blocks of a language on a page, in order."""
    text = (ROOT / page).read_text(encoding="utf-8")
    return [body for _, name, body in FENCE.findall(text) if name == language]


def commands(page: Path) -> Iterator[str]:
    """Lines of shell blocks without their comments."""
    text = page.read_text(encoding="utf-8")
    for _, language, body in FENCE.findall(text):
        if language == "sh":
            for line in body.replace("\\\n", " ").splitlines():
                yield re.sub(r"\s+#.*$", "", line).strip()
