"""The report on the papers' claims: Markdown, a self-contained HTML page, figures and a table of all verdicts.

    <results>/report.md  report.html  claims.csv
    <results>/figures/<paper>-<figure>.png and .pdf
    <results>/data/<paper>-<figure>.json     what all of it is made from

The same data give the same bytes: nothing is in the report that is not in the data or in the studies' files.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from dtbench.experiments.studies import Study
from dtbench.files import csv_text, write_safely
from dtbench.reports import page
from dtbench.reports.claims import figure, words
from dtbench.reports.claims.parts import Report, headlines
from dtbench.reports.claims.verdict import VERDICTS
from dtbench.reports.claims.words import CLAIM_HEADS, DISTANCE_COLUMNS, budgets, distance_rows, headline, row
from dtbench.reports.render import markdown_escape

FIGURES = "figures"
COLUMNS = (
    "paper", "figure", "claim", "place", "quote", "claimed", "measured", "lower", "upper", "n", "optimum", "best_rule",
    "best_rule_value", "verdict", "reason", "where", "other_readings", "budget",
)  # fmt: skip


def write(results: Path, report: Report, only: Iterable[Study] | None = None) -> list[Path]:
    """Write report, table and figures; of figures those of ``only``, where it is given, others if they are missing."""
    (results / FIGURES).mkdir(parents=True, exist_ok=True)
    chosen = None if only is None else {each.key for each in only}
    files, images = [], {}
    for paper in report.papers:
        for part in paper.figures:
            if part.bundle is None:
                continue
            for form in figure.FORMATS:
                file = results / FIGURES / f"{part.stem}.{form}"
                if chosen is None or part.study.key in chosen or not file.is_file():
                    write_safely(file, figure.write(part.study, part.bundle, form))
                    files.append(file)
            images[part.stem] = (results / FIGURES / f"{part.stem}.png").read_bytes()
    for name, content in texts(report, images).items():
        write_safely(results / name, content.encode())
        files.append(results / name)
    return files


def texts(report: Report, images: dict[str, bytes]) -> dict[str, str]:
    """The files of text: report.md, report.html, claims.csv."""
    return {"report.md": markdown(report), "report.html": html(report, images), "claims.csv": table(report)}


# Markdown


def markdown(report: Report) -> str:
    """The report as Markdown."""
    return "\n".join(_markdown(report)) + "\n"


def _markdown(report: Report) -> Iterator[str]:
    e = markdown_escape
    yield "# The papers' claims, run again\n"
    yield e(words.INTRODUCTION) + "\n"
    yield from (f"- Budget {e(words)}." for words in budgets(report))
    yield ""
    yield from _md_table(
        ["paper", *VERDICTS], [[p.title, *(str(p.verdicts[v]) for v in VERDICTS)] for p in report.papers]
    )
    yield "\n## What it says first\n"
    yield e(words.FIRST) + "\n"
    yield from _md_table(list(words.SHORT_COLUMNS), words.short_rows(report))
    yield ""
    for paper in report.papers:
        yield f"### {e(paper.title)}: distance from the certified optimum\n"
        rows = distance_rows(paper)
        yield from _md_table(list(DISTANCE_COLUMNS), rows) if rows else [words.NO_DISTANCES]
        yield ""
        for part, each in headlines(paper):
            facts = row(part, each)
            yield f"- **{e(facts['verdict'])}**: Fig. {e(part.study.content.figure)}, {e(headline(facts))}"
        yield ""
    for paper in report.papers:
        yield f"## {e(paper.title)}\n"
        yield f"{e(paper.paper.title)}.\n"
        if paper.paper.without:
            yield f"Without results: {e('; '.join(paper.paper.without))}.\n"
        for part in paper.figures:
            content = part.study.content
            yield f"### Fig. {e(content.figure)}: {e(content.title or content.caption)}\n"
            yield f"The paper's caption: {e(content.caption)} Run: {e(part.budget)}.\n"
            if part.bundle is not None:
                yield f"![Fig. {e(content.figure)} of {e(paper.title)}, run again]({FIGURES}/{part.stem}.png)\n"
            for note in content.notes:
                yield f"- {e(note)}"
            yield ""
            if part.judged:
                lines = [row(part, each) for each in part.judged]
                yield from _md_table(list(CLAIM_HEADS.values()), [[r[name] for name in CLAIM_HEADS] for r in lines])
                yield ""
    yield "## How a verdict is made\n"
    yield e(words.RULE_BEGIN) + "\n"
    yield from (f"- **{name}**: {e(meaning)}" for name, meaning in words.RULES.items())
    yield "\n" + e(words.RULE_END)


def _md_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(map(markdown_escape, head))} |"
    yield f"|{'|'.join(' --- ' for _ in head)}|"
    for each in rows:
        yield f"| {' | '.join(markdown_escape(cell) for cell in each)} |"


# HTML


def html(report: Report, images: dict[str, bytes]) -> str:
    """The report as a page of one file: pictures are inside, nothing runs or is loaded."""
    style = page.checksum("leaderboard.css"), page.checksum("claims.css")
    policy = (
        f"default-src 'none'; style-src {' '.join(style)}; img-src data:; base-uri 'none'; form-action 'none'"
    )  # fmt: skip
    pictures = {stem: "data:image/png;base64," + base64.b64encode(content).decode() for stem, content in images.items()}
    return page.environment().get_template("claims.html").render(
        report=report, pictures=pictures, policy=policy, verdicts=VERDICTS, row=row, heads=CLAIM_HEADS,
        budgets=budgets(report), short_columns=words.SHORT_COLUMNS, short_rows=words.short_rows(report),
        distance_rows=distance_rows,
        distance_columns=DISTANCE_COLUMNS, introduction=words.INTRODUCTION, first=words.FIRST,
        rules=words.RULES, rule_begin=words.RULE_BEGIN, no_distances=words.NO_DISTANCES,
        rule_end=words.RULE_END, headline=headline, headlines=headlines,
    )  # fmt: skip


# CSV


def table(report: Report) -> str:
    """All claims, a line each, numbers with all their digits."""
    rows = []
    for part, each in report.claims():
        facts, found = row(part, each), each.found.measured
        numbers = [found.mean, found.lower, found.upper, found.n] if found else [None] * 4
        rows.append(
            [
                part.study.content.paper, part.study.content.figure, each.claim.id, each.claim.place, each.claim.quote,
                facts["claimed"], *numbers, each.optimum.mean if each.optimum else None,
                each.rule[0] if each.rule else "", each.rule[1].mean if each.rule else None, facts["verdict"],
                facts["reason"], facts["where"], facts["others"], part.bundle.budget if part.bundle else "",
            ]
        )  # fmt: skip
    return csv_text([COLUMNS, *rows])
