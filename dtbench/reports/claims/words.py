"""The report's words: what was measured in the claim's terms, lines of tables, and the texts around them."""

from __future__ import annotations

from dtbench.experiments.studies import Study
from dtbench.experiments.study_file import ClaimTable, MetricTable
from dtbench.reports.claims import verdict
from dtbench.reports.claims.curves import SETTLED
from dtbench.reports.claims.judge import OPTIMAL, Judged
from dtbench.reports.claims.parts import Distance, FigurePart, PaperPart, Report, distances, short
from dtbench.reports.claims.verdict import VERDICTS, Verdict
from dtbench.reports.statistics import MeanInterval

Row = dict[str, str]
BUDGET_WORDS = {
    "quick": "quick: trainings of a small part of the papers' length; it shows that all runs, and decides little",
    "hours": "hours: what fits into some hours of two cores",
    "paper": "paper: the settings' whole trainings",
}
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
    "How far each paper's method is from the certified optimum, where it comes nearest after its longest training; how "
    "far the best rule or search is in the same figure; and what became of the paper's claims that a method is better "
    "than others. A distance is the mean over the points of a figure at which the method was run, relative to the "
    "optimum, with its 95 % interval over trainings and instances. Where the search for the optimum was stopped by its "
    "time limit, distances are from the best decision that it found; what its bound leaves open stands beside it."
)
NO_DISTANCES = "Not run, or without the optimum."
RULE_BEGIN = (
    "An effect is written so that above 0 is what the paper claims: by which part of B's value A is better. It is "
    "measured with a 95 % interval over trainings and instances. A training has converged if the second half of it has "
    f"{100 * SETTLED:.0f} % of all that it gains; a method is optimal if it is within {100 * OPTIMAL:.0f} % of the "
    "optimum."
)
RULES: dict[Verdict, str] = {
    "holds": "the whole interval is above 0, and the estimate is at least "
    f"{100 * (1 - verdict.NEAR):.0f} % of the claimed number, where there is one; a value lies in its tolerance, and "
    "its interval is no wider.",
    "holds in direction": "the whole interval is above 0, and the estimate is less than that; a trend holds on the "
    "whole, with a step back.",
    "cannot be decided": f"there are fewer than {verdict.FEWEST} seeds or instances, or the interval holds the claimed "
    "effect and none; or the claim did not hold, but a method was trained for less than its settings say, or the "
    "number hangs on a parameter that the paper leaves open; or there is nothing to measure.",
    "does not hold": "the whole interval is below 0; or both are level: the interval is within "
    f"{100 * verdict.LEVEL:.0f} % of 0; or the interval excludes an effect as large as claimed and does not exclude 0; "
    "or not even the proven bound on the optimum is that much better than B, however long A is trained; or a value's "
    "interval has nothing of its tolerance.",
}
RULE_END = (
    "A claim about several methods, points or steps has the worst of their verdicts. Where the paper can be read in "
    "several ways, or a method was trained with the paper's settings and with ours, the reading that favours the paper "
    "counts. The rule is the module dtbench.reports.claims.verdict."
)


def measured(claim: ClaimTable, metric: MetricTable, found: MeanInterval | None) -> str:
    """What was measured of a claim, with its interval, in the claim's terms."""
    if found is None:
        return "-"
    sign = 1.0 if found.mean >= 0.0 else -1.0
    size = _percent(found, sign)
    falls = (claim.direction == "falls") is (found.mean >= 0.0)
    match claim.kind:
        case "effect" | "order" | "improves" | "ahead":
            return f"better by {size}" if found.mean >= 0.0 else f"worse by {size}"
        case "trend":
            return f"{'falls' if falls else 'rises'} by {size} of the greater value"
        case "growth":
            return f"{'rises' if found.mean >= 0.0 else 'falls'} by {size}"
        case "faster":
            return f"{'sooner' if found.mean >= 0.0 else 'later'} by {size}"
        case "outweighs":
            return f"{'more' if found.mean >= 0.0 else 'less'} by {size}"
        case "optimal":
            return f"{_percent(found, 1.0)} from the optimum"
        case "converges":
            return f"{_percent(found, 1.0)} of the gain"
        case "slopes":
            return in_unit(found, MetricTable(name="", label=""))
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
    return {"trend": claim.direction, "growth": "rises", "improves": "better than before"}.get(claim.kind, "")


def budgets(report: Report) -> list[str]:
    """What the budgets of this report's runs are."""
    there = {part.bundle.budget for paper in report.papers for part in paper.figures if part.bundle is not None}
    return [words for name, words in BUDGET_WORDS.items() if name in there]


def headline(facts: Row) -> str:
    """A claim and what was measured, in a line."""
    where = f" ({facts['where']})" if facts["where"] else ""
    because = f"; {facts['reason']}" if facts["reason"] else ""
    because += f" [{facts['others']}]" if facts["others"] else ""
    return f'{facts["claimed"]}: {facts["measured"]}{where}{because}. "{facts["quote"]}"'


SHORT_COLUMNS = ("paper", "its method", "from the optimum", "best rule or search", "from the optimum", "its rankings")


def short_rows(report: Report) -> list[list[str]]:
    """A line per paper: how far its method is, how far the best rule or search, what became of its rankings."""
    rows = []
    for each in map(short, report.papers):
        method, rule = each.method, each.rule
        told = [f"{verdict}: {count}" for verdict in VERDICTS if (count := each.rankings[verdict])]
        rows.append(
            [
                each.paper.title,
                f"{method.method} (Fig. {method.study.content.figure})" if method else "-",
                _percent(method.gap, 1.0) if method else "-",
                rule.method if rule else "-",
                _percent(rule.gap, 1.0) if rule else "-",
                "; ".join(told) or "-",
            ]
        )
    return rows


DISTANCE_COLUMNS = ("figure", "method", "role", "from the optimum", "training")
ROLES = {
    "method": "the paper's", "rival": "rival", "baseline": "baseline", "rule": "best rule", "optimum": "optimum"
}  # fmt: skip
PROVEN = 1e-3  # an optimum with a smaller gap is proven


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
            distance = _proof(each.unproven) if each.role == "optimum" else _percent(each.gap, 1.0)
            rows.append([number, each.method, ROLES[each.role], distance, trained])
    return rows


def _proof(unproven: float | None) -> str:
    """What is proven of the optimum."""
    if unproven is None:
        return "not proven"
    return "proven" if unproven <= PROVEN else f"proven to within {100 * unproven:.2g} %"
