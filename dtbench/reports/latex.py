"""Tables in LaTeX that fit a column of a paper: words escaped, widths counted, and the package booktabs.

A table is as wide as the line. Columns of numbers take what they need, and the one of names takes what is left, where
names wrap. So the same file fits columns of any class, with no package that measures, and nothing is shrunk. Widths are
in em of the table's own font, in which a digit is half an em in Computer Modern and in Times.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

LATEX_SPECIAL: Mapping[str, str] = {
    **{c: rf"\{c}" for c in "#%&_{}"},
    "$": r"{\upshape\char36}",  # the command takes a font of its own, which not every class can scale
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "`": "{`}",  # straight ones are in few fonts, and two make others
    "'": "{'}",
    '"': r"\textquotedblright{}",  # the straight one is in few fonts
    "[": "{[}",  # a command before it, such as the end of a row, takes a bracket or star for its own
    "*": "{*}",
    "-": "-{}",  # "--" would become a dash
    "–": "--",
    "−": "$-$",
    "µ": r"$\mu$",
    "×": r"$\times$",
    "÷": r"$\div$",
    "…": r"\dots{}",
}
NEEDS = r"Needs \usepackage{booktabs} alone, and LaTeX of 2020 or newer."
LACKING = "ÐÞðþ"  # in the fonts that LaTeX takes without a package
LONG = 15  # letters of a word after which it may break anywhere
BREAK = r"\hspace{0pt}"  # a line may end here, and what follows is hyphenated like a word


def latex_escape(text: str) -> str:
    """Words that LaTeX prints as they are; letters that its standard fonts lack become their code point.

    >>> latex_escape("50 % of a_b, 中")
    '50 \\\\% of a\\\\_b, {[}U+4E2D]'
    """

    def one(c: str) -> str:
        known = LATEX_SPECIAL.get(c)
        if known is None:
            plain = c.isascii() or ("À" <= c <= "ÿ" and c not in LACKING)
            return c if plain else f"{{[}}U+{ord(c):04X}]"
        return known

    return re.sub(r"-\{\}(?!-)", "-", "".join(map(one, text)))


def breakable(text: str) -> str:
    """Escaped words of which long ones may break, so that they fit narrow columns.

    >>> print(breakable("5 %, genetic: stin-deployment/tiny"))
    5\\,\\%, genetic: stin-\\hspace{0pt}deployment/\\hspace{0pt}tiny
    """
    words = " ".join(BREAK.join(map(latex_escape, _pieces(word))) for word in text.split(" "))
    return words.replace(r" \%", r"\,\%")


def _pieces(word: str) -> list[str]:
    """A long word in parts, after a sign that may end a line or so many letters."""
    if len(word) <= LONG:
        return [word]
    parts = [part for part in re.split(r"(?<=[/_=,.:;-])", word) if part]
    return [part[i : i + LONG] for part in parts for i in range(0, len(part), LONG)]


# Widths

NARROW, WIDE = set("iIjlftr.,:;'!|()[] /-`"), set("mwMW%@—&<>−+=–#")


def width(text: str, *, bold: bool = False) -> float:
    """What plain words take at most, in em: of Computer Modern and Times the wider.

    >>> round(width("12.3"), 2), round(width("12.3", bold=True), 2)
    (1.78, 2.05)
    """

    def one(c: str) -> float:
        if c.isdigit():
            return 0.5
        if c in ".,":
            return 0.28
        if c in NARROW:
            return 0.4
        return 0.85 if c in WIDE else 0.78 if c.isupper() or not c.isascii() else 0.56

    return (1.15 if bold else 1.0) * sum(map(one, text))


Mark = Literal["", "bold", "underline"]


@dataclass(frozen=True)
class Part:
    """What stands in one place of a row: LaTeX, and how wide it is at most [em]."""

    tex: str = ""
    em: float = 0.0


Cells = tuple[tuple[Part, ...], ...]  # a row: the parts of each column
DASHED = Part("--", 0.5)


def plain(text: str, mark: Mark = "") -> Part:
    """Plain words, perhaps bold or underlined."""
    command = {"": "{}", "bold": r"\textbf{{{}}}", "underline": r"\underline{{{}}}"}[mark]
    tex = re.sub(r"(?<=\d) (?=\S)", r"\\,", latex_escape(text))  # between a number and its unit
    return Part(command.format(tex), width(text, bold=mark == "bold"))


Kind = Literal["name", "number", "interval", "word", "prose"]
PLACES: Mapping[Kind, tuple[str, ...]] = {
    "name": ("p",),
    "number": ("r",),
    "interval": ("r", "l"),
    "word": ("l",),
    "prose": ("p",),
}
GAP = 0.35  # em on each side of a column
INNER = 0.35  # em between a number and its interval
PROSE = 9.0  # em of a column whose words wrap


@dataclass(frozen=True)
class Head:
    """A column: the lines of its heading in plain words, and what it holds. One column at most holds names."""

    lines: tuple[str, ...]
    kind: Kind = "number"

    @property
    def places(self) -> int:
        """Of how many parts each of its cells is."""
        return len(PLACES[self.kind])


@dataclass(frozen=True)
class Block:
    """Rows that belong together, and words over them; each row has a tuple of parts for each column."""

    title: str
    rows: tuple[Cells, ...]


@dataclass(frozen=True)
class PaperTable:
    """A table for a paper: its key, unique in the document, and what it says.

    Caption, rows and ``notes``, the sentences below the table, are LaTeX. Heads, titles of blocks, and ``comments`` for
    whoever opens the file, are plain words.
    """

    key: str
    caption: str
    heads: tuple[Head, ...]
    blocks: tuple[Block, ...]
    notes: tuple[str, ...] = ()
    comments: tuple[str, ...] = ()

    @property
    def taken(self) -> float:
        """What all columns but that of names take, with the space between all [em]."""
        wide = [PROSE if head.kind == "prose" else self._wide(i) for i, head in enumerate(self.heads)]
        return sum(w for w, head in zip(wide, self.heads, strict=True) if head.kind != "name") + 2 * GAP * (
            len(self.heads) - 1
        )

    @property
    def least(self) -> float:
        """How wide the table is at least, with no name broken inside a word of usual length [em]."""
        names = [i for i, head in enumerate(self.heads) if head.kind == "name"]
        words = [word for i in names for row in self._rows() for word in _words(row[i][0].tex)]
        return self.taken + max((width(word) for word in words), default=0.0)

    @property
    def length(self) -> int:
        """Rows, titles of blocks among them."""
        return sum(len(block.rows) + bool(block.title) for block in self.blocks)

    def _rows(self) -> Iterator[Cells]:
        for block in self.blocks:
            yield from block.rows

    def _wide(self, column: int) -> float:
        """What a column of numbers or words takes [em]."""
        head = self.heads[column]
        parts = [max((row[column][k].em for row in self._rows()), default=0.0) for k in range(head.places)]
        return max(sum(parts) + INNER * (head.places - 1), *(width(line) for line in head.lines))

    def tabular(self) -> list[str]:
        """The lines of the tabular alone."""
        titles = [block.title for block in self.blocks]
        lines = [rf"\setlength{{\tabcolsep}}{{{GAP}em}}%"]
        lines += [
            rf"\begin{{tabular*}}{{\linewidth}}{{@{{\extracolsep{{\fill}}}}{self._preamble()}@{{}}}}",
            r"  \toprule",
        ]
        lines += [f"  {line}" for line in self._heading()]
        for number, block in enumerate(self.blocks):
            lines.append(r"  \midrule")
            if titles[number]:
                places = sum(head.places for head in self.heads)
                title = rf"\emph{{{latex_escape(titles[number])}}}"
                lines.append(rf"  \multicolumn{{{places}}}{{@{{}}l@{{}}}}{{{title}}} \tabularnewline")
            lines += [f"  {self._row(row)}" for row in block.rows]
        return [*lines, r"  \bottomrule", r"\end{tabular*}"]

    def floating(self, *, wide: bool = False) -> list[str]:
        """The lines of a float with caption, label and notes; ``wide``: over both columns of the page."""
        name = "table*" if wide else "table"
        return [
            rf"\begin{{{name}}}",
            r"  \centering\footnotesize\setlength{\belowcaptionskip}{4pt}",
            rf"  \caption{{{self.caption}}}",
            rf"  \label{{tab:dtbench-{re.sub('[^A-Za-z0-9-]', '-', self.key)}}}",
            *(f"  {line}" for line in self.tabular()),
            *([r"  \par\smallskip\raggedright", *(f"  {note}" for note in self.notes)] if self.notes else []),
            rf"\end{{{name}}}",
        ]

    def bare(self) -> list[str]:
        """The lines of the tabular in its font, to stand in a float of one's own; notes become comments."""
        return ["{\\footnotesize", *self.tabular(), r"}", *(f"% {note}" for note in self.notes)]

    def text(self, *, wide: bool = False, bare: bool = False) -> str:
        """The content of a file: comments, then the float or the tabular alone."""
        lines = [f"% {line}" for line in self.comments]
        return "\n".join(lines + (self.bare() if bare else self.floating(wide=wide))) + "\n"

    def _preamble(self) -> str:
        kinds = []
        for head in self.heads:
            if head.kind == "name":
                kinds.append(rf"p{{\dimexpr\linewidth-{self.taken:.2f}em\relax}}")
            elif head.kind == "prose":
                kinds.append(f"p{{{PROSE}em}}")
            elif head.kind == "interval":
                last = head is self.heads[-1]
                after = "" if last else rf"@{{\extracolsep{{\fill}}\hspace{{{2 * GAP}em}}}}"
                kinds.append(rf"r@{{\extracolsep{{0pt}}\hspace{{{INNER}em}}}}l{after}")
            else:
                kinds += PLACES[head.kind]
        return "".join(kinds)

    def _heading(self) -> Iterator[str]:
        """The lines of the heads; short ones stand at the bottom."""
        n = max(len(head.lines) for head in self.heads)
        for k in range(n):
            cells = []
            for head in self.heads:
                at = k - (n - len(head.lines))
                words = latex_escape(head.lines[at]) if at >= 0 else ""
                if head.places > 1:
                    words = rf"\multicolumn{{{head.places}}}{{c}}{{{words}}}"
                cells.append(words)
            yield " & ".join(cells) + r" \tabularnewline"

    def _row(self, row: Cells) -> str:
        cells = []
        for head, parts in zip(self.heads, row, strict=True):
            hanging = rf"\raggedright\hangindent=1em{BREAK}" if PLACES[head.kind] == ("p",) else ""
            cells += [hanging + part.tex for part in parts]
        return " & ".join(cells) + r" \tabularnewline"


def _words(tex: str) -> list[str]:
    """Pieces of escaped words between which a line may break."""
    bare = re.sub(r"\$[^$]*\$", "x", tex.replace(BREAK, " ").replace("-", "- "))
    return re.sub(r"\\[a-z]+|[{}\\]", "", bare).split()
