"""The report on the papers' claims: Markdown, a self-contained HTML page, figures and a table of all verdicts.

    <results>/report.md  report.html  claims.csv
    <results>/figures/<paper>-<figure>.png and .pdf
    <results>/data/<paper>-<figure>.json     what all of it is made from

The same data give the same bytes: nothing is in the report that is not in the data or in the studies' files.
"""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from dtbench.experiments.studies import ClaimTable, MetricTable, PaperTable, Study, papers, studies
from dtbench.files import csv_text, write_safely
from dtbench.reports import page
from dtbench.reports.claims import figure, verdict
from dtbench.reports.claims.bundle import Bundle, file_of, read
from dtbench.reports.claims.judge import Judged, best_rule, judge
from dtbench.reports.claims.measure import Runs
from dtbench.reports.claims.verdict import VERDICTS, Verdict
from dtbench.reports.render import markdown_escape
from dtbench.reports.statistics import MeanInterval

FIGURES = "figures"
COLUMNS = (
    "paper", "figure", "claim", "place", "quote", "claimed", "measured", "lower", "upper", "n", "optimum", "best_rule",
    "best_rule_value", "verdict", "reason", "where", "other_readings", "budget",
)  # fmt: skip
BUDGET_WORDS = {
    "quick": "quick: trainings of a small part of the papers' length; it shows that all runs, and decides little",
    "hours": "hours: what fits into some hours of two cores",
    "paper": "paper: the settings' whole trainings",
}
Row = dict[str, str]


@dataclass(frozen=True)
class Distance:
    """How far a method is from the optimum [1], mean over the points of a figure, and the best rule there."""

    study: Study
    method: str
    role: str
    gap: MeanInterval
    trained: float


@dataclass(frozen=True)
class FigurePart:
    """A figure with its claims; ``bundle`` is None where it was not run."""

    study: Study
    bundle: Bundle | None
    judged: tuple[Judged, ...]

    @property
    def stem(self) -> str:
        """``tao-fig6``."""
        return self.study.key.replace("/", "-")

    @property
    def budget(self) -> str:
        """What it was run with, in words."""
        if self.bundle is None:
            return "not run"
        b = self.bundle
        some = f"{b.instances} instances for each point, {b.seeds} trainings of each learner"
        parts = sorted({round(100 * run.trained, 2) for run in b.runs if run.method in b.learners})
        trained = f", {_percents(parts)} of the settings' training" if parts else ""
        changed = (
            "; the study's file asks for other runs now" if b.study_sha256 != self.study.runs_sha256(b.budget) else ""
        )
        return f"budget {b.budget}, {some}{trained}{changed}"


@dataclass(frozen=True)
class PaperPart:
    """A paper with its figures."""

    key: str
    paper: PaperTable
    figures: tuple[FigurePart, ...]

    @property
    def title(self) -> str:
        """Authors and year."""
        return f"{self.paper.authors} ({self.paper.year})"

    @property
    def verdicts(self) -> Counter[Verdict]:
        """How many claims have which verdict."""
        return Counter(each.found.verdict for part in self.figures for each in part.judged)


@dataclass(frozen=True)
class Report:
    """All papers."""

    papers: tuple[PaperPart, ...]

    def claims(self) -> Iterator[tuple[FigurePart, Judged]]:
        """Every claim with its figure."""
        for paper in self.papers:
            for part in paper.figures:
                yield from ((part, each) for each in part.judged)


def _percents(parts: Sequence[float]) -> str:
    low, high = (f"{part:g}" for part in (parts[0], parts[-1]))
    return f"{low} %" if low == high else f"{low} to {high} %"


def build(results: Path) -> Report:
    """The report on the data in a folder; figures without data are in it as not run."""
    known = papers()
    made = []
    for key, paper in known.items():
        parts = []
        for each in studies(key):
            file = file_of(results, each)
            bundle = read(file) if file.is_file() else None
            judged = tuple(judge(each, claim, bundle) for claim in each.content.claims)
            parts.append(FigurePart(each, bundle, judged))
        made.append(PaperPart(key, paper, tuple(parts)))
    return Report(tuple(made))


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


# Numbers in words


def measured(claim: ClaimTable, metric: MetricTable, found: MeanInterval | None) -> str:
    """What was measured of a claim, with its interval, in the claim's terms."""
    if found is None:
        return "-"
    if claim.kind in ("effect", "order"):
        words = "better by" if found.mean >= 0.0 else "worse by"
        sign = 1.0 if found.mean >= 0.0 else -1.0
        return f"{words} {_percent(found, sign)}"
    if claim.kind in ("growth", "trend", "optimal", "converges") and not (claim.kind == "growth" and claim.tolerance):
        return _percent(found, 1.0)
    if claim.kind == "growth":
        return _percent(found, 1.0)
    return in_unit(found, metric)


def _percent(found: MeanInterval, sign: float) -> str:
    mean = f"{100.0 * sign * found.mean:.3g} %"
    if found.lower is None or found.upper is None:
        return mean
    low, high = sorted((100.0 * sign * found.lower, 100.0 * sign * found.upper))
    return f"{mean} [{low:.3g}, {high:.3g}]"


def in_unit(found: MeanInterval | None, metric: MetricTable) -> str:
    """A value of a metric with its interval."""
    if found is None:
        return "-"
    digits = metric.digits
    mean = f"{found.mean:.{digits}g}"
    if found.lower is None or found.upper is None:
        return mean
    return f"{mean} [{found.lower:.{digits}g}, {found.upper:.{digits}g}]"


def metric_of(study: Study, claim: ClaimTable) -> MetricTable:
    """The metric of a claim."""
    known = {each.name: each for each in study.content.metrics}
    return known.get(claim.metric, MetricTable(name=claim.metric, label=claim.metric))


def row(part: FigurePart, judged: Judged) -> Row:
    """A claim as a line of a table."""
    claim, found, metric = judged.claim, judged.found, metric_of(part.study, judged.claim)
    claimed = claim.said or ("" if claim.claimed is None else f"{claim.claimed:g}") or _said(claim)
    reason = found.reason
    if found.ceiling is not None:
        reason = "; ".join(each for each in (reason, f"the optimum: {measured(claim, metric, found.ceiling)}") if each)
    if claim.contradicts:
        reason = "; ".join(each for each in (reason, f"contradiction in the paper: {claim.contradicts}") if each)
    return {
        "claim": claim.id,
        "place": claim.place,
        "quote": claim.quote,
        "claimed": claimed,
        "measured": measured(claim, metric, found.measured),
        "optimum": in_unit(judged.optimum, metric),
        "rule": "-" if judged.rule is None else f"{judged.rule[0]}: {in_unit(judged.rule[1], metric)}",
        "metric": "" if claim.kind == "stated" else metric.label,
        "verdict": found.verdict,
        "where": ", ".join(each for each in (found.where, found.reading) if each),
        "reason": reason,
        "others": "; ".join(
            f"{other.reading or 'otherwise'}: {other.verdict}, {measured(claim, metric, other.measured)}"
            for other in found.others
        ),
    }


def _said(claim: ClaimTable) -> str:
    """A claim without a number in a few words."""
    if claim.kind == "order":
        rest = claim.methods or claim.order[1:]
        return f"{claim.order[0]} better than {', '.join(rest)}" if claim.methods else " > ".join(claim.order)
    if claim.kind == "effect":
        return f"{claim.a} better than {claim.b}"
    return {"trend": claim.direction, "growth": "rises", "stated": ""}.get(claim.kind, "")


def budgets(report: Report) -> list[str]:
    """What the budgets of this report's runs are."""
    there = {part.bundle.budget for paper in report.papers for part in paper.figures if part.bundle is not None}
    return [words for name, words in BUDGET_WORDS.items() if name in there]


def distances(paper: PaperPart) -> list[Distance]:
    """How far learners and rules are from the optimum, for each figure that has runs of its own."""
    found = []
    for part in paper.figures:
        if part.bundle is None or part.study.runs is not None:
            continue
        runs = Runs(part.study, part.bundle)
        best = next((m.title for m in part.study.methods if m.role == "optimum" and m.title in runs.methods), None)
        if best is None:
            continue
        rules = [m.title for m in part.study.methods if m.role == "rule" and m.title in runs.methods]
        rule = best_rule(runs, rules, runs.points)
        for method in part.study.methods:
            if method.title in runs.methods and (
                method.role in ("method", "rival", "baseline") or method.title == rule
            ):
                gap = gap_of(runs, method.title, best)
                if gap is not None:
                    found.append(Distance(part.study, method.title, method.role, gap, runs.trained([method.title])))
    return found


def gap_of(runs: Runs, method: str, best: str) -> MeanInterval | None:
    """The distance of a method from the optimum, relative to it, of means over the points where it was run."""
    points = [p for p in runs.points if runs.value(method, p, "objective") is not None]
    if not points:
        return None
    sign = -1.0 if runs.metric("objective").better == "more" else 1.0
    keys = [(method, p) for p in points] + [(best, p) for p in points]

    def of(values: Sequence[float]) -> float:
        mine, optimum = sum(values[: len(points)]), sum(values[len(points) :])
        return sign * (mine - optimum) / abs(optimum)

    return runs.effect(keys, "objective", of)


# Markdown


def markdown(report: Report) -> str:
    """The report as Markdown."""
    return "\n".join(_markdown(report)) + "\n"


def _markdown(report: Report) -> Iterator[str]:
    e = markdown_escape
    yield "# The papers' claims, run again\n"
    yield e(INTRODUCTION) + "\n"
    yield from (f"- Budget {e(words)}." for words in budgets(report))
    yield ""
    yield from _md_table(
        ["paper", *VERDICTS], [[p.title, *(str(p.verdicts[v]) for v in VERDICTS)] for p in report.papers]
    )
    yield "\n## What it says first\n"
    yield e(FIRST) + "\n"
    for paper in report.papers:
        yield f"### {e(paper.title)}: distance from the certified optimum\n"
        rows = distance_rows(paper)
        yield from _md_table(list(DISTANCE_COLUMNS), rows) if rows else [NO_DISTANCES]
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
    yield e(RULE_BEGIN) + "\n"
    yield from (f"- **{name}**: {e(meaning)}" for name, meaning in RULES.items())
    yield "\n" + e(RULE_END)


def _md_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(map(markdown_escape, head))} |"
    yield f"|{'|'.join(' --- ' for _ in head)}|"
    for each in rows:
        yield f"| {' | '.join(markdown_escape(cell) for cell in each)} |"


def headlines(paper: PaperPart) -> list[tuple[FigurePart, Judged]]:
    """The claims that come first, of figures that were run."""
    run = [part for part in paper.figures if part.bundle is not None]
    return [(part, each) for part in run for each in part.judged if each.claim.headline]


def headline(facts: Row) -> str:
    """A claim and what was measured, in a line."""
    where = f" ({facts['where']})" if facts["where"] else ""
    because = f"; {facts['reason']}" if facts["reason"] else ""
    because += f" [{facts['others']}]" if facts["others"] else ""
    return f'{facts["claimed"]}: {facts["measured"]}{where}{because}. "{facts["quote"]}"'


DISTANCE_COLUMNS = ("figure", "method", "role", "from the optimum", "training")
ROLES = {"method": "the paper's", "rival": "rival", "baseline": "baseline", "rule": "best rule"}


def distance_rows(paper: PaperPart) -> list[list[str]]:
    """Lines of the table of distances, the nearest first within a figure."""
    rows = []
    by_figure: dict[str, list[Distance]] = {}
    for each in distances(paper):
        by_figure.setdefault(each.study.content.figure, []).append(each)
    for number, found in by_figure.items():
        for each in sorted(found, key=lambda d: d.gap.mean):
            learned = each.role in ("method", "rival")
            trained = f"{100 * each.trained:.3g} % of the settings'" if learned else ""
            rows.append([number, each.method, ROLES[each.role], _percent(each.gap, 1.0), trained])
    return rows


CLAIM_HEADS = {
    "verdict": "verdict", "quote": "the paper says", "place": "where", "claimed": "claimed", "measured": "measured",
    "metric": "of", "optimum": "optimum", "rule": "best rule", "where": "decided by", "reason": "because",
    "others": "other readings", "claim": "id",
}  # fmt: skip
INTRODUCTION = (
    "Every figure of the five papers that holds a result is run again on the problem's model, with the paper's axis, "
    "methods and baselines, and with two things that the papers leave out: the certified optimum and the best simple "
    "rule. Each claim has a verdict that follows from its numbers by the rule at the end."
)
FIRST = (
    "How far each method is from the optimum, and what became of the papers' rankings. A distance is the mean over the "
    "points of a figure, relative to the optimum, with its 95 % interval over trainings and instances."
)
NO_DISTANCES = "Not run, or without the optimum."
RULE_BEGIN = (
    "An effect is written so that above 0 is what the paper claims: by which part of B's value A is better. It is "
    "measured with a 95 % interval over trainings and instances."
)
RULES: dict[Verdict, str] = {
    "holds": "the whole interval is above 0, and the estimate is at least "
    f"{100 * (1 - verdict.NEAR):.0f} % of the claimed number, where there is one; a value lies in its tolerance, and "
    "its interval is no wider.",
    "holds in direction": "the whole interval is above 0, and the estimate is less than that; a trend holds on the "
    "whole, with a step back.",
    "cannot be decided": f"there are fewer than {verdict.FEWEST} seeds or instances, or the interval holds the claimed "
    "effect and none; or the claim did not hold, but a method was trained for less than its settings say, or the "
    "number hangs on a parameter that the paper leaves open.",
    "does not hold": "the whole interval is below 0; or both are level: the interval is within "
    f"{100 * verdict.LEVEL:.0f} % of 0; or the interval excludes an effect as large as claimed and does not exclude 0; "
    "or not even the certified optimum is that much better, however long anything is trained.",
}
RULE_END = (
    "A claim about several methods, points or steps has the worst of their verdicts. Where the paper can be read in "
    "several ways, or a method was trained with the paper's settings and with ours, the reading that favours the paper "
    "counts. The rule is the module dtbench.reports.claims.verdict."
)


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
        budgets=budgets(report), distance_rows=distance_rows,
        distance_columns=DISTANCE_COLUMNS, introduction=INTRODUCTION, first=FIRST,
        rules=RULES, rule_begin=RULE_BEGIN, no_distances=NO_DISTANCES,
        rule_end=RULE_END, headline=headline, headlines=headlines,
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
