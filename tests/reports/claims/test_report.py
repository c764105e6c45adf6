"""The report: the same data give the same bytes; words of files are escaped; nothing runs in the page."""

import csv
import io
import re
from pathlib import Path

import pytest

from dtbench.experiments.study_file import ClaimTable, MetricTable
from dtbench.reports.claims import bundle, parts, report, words
from dtbench.reports.statistics import MeanInterval
from tests.reports.claims.conftest import LEARNER, RIVAL, claim

COMMITTED = Path(__file__).parents[3] / "results" / "claims"


@pytest.fixture
def results(tmp_path, make_study, make_bundle):
    """A folder with data of a figure, and a second figure that was not run."""
    study = make_study(
        claim(
            "effect",
            a='"Learner"',
            b='"Rival"',
            claimed=0.2,
            headline="true",
            contradicts='"<script>alert(1)</script>"',
        )
    )
    make_study(
        text=study.source.text.replace('"c-effect"', '"d-effect"').replace('figure = "1"', 'figure = "2"'), name="fig2"
    )
    values = {LEARNER: 1.2, RIVAL: 1.5, "RD": 3.0, "greedy": 1.1, "optimum": 1.0}
    made = make_bundle(lambda title, n, i, s: values[title] * n + 0.01 * i)
    bundle.write(tmp_path / "out", study, made)
    return tmp_path / "out"


def test_data_are_read_as_they_were_written(results, make_study, make_bundle):
    file = results / "data" / "hand-fig1.json"
    read = bundle.read(file)
    assert read.text().encode() == file.read_bytes()
    assert len(read.runs) == 3 * (3 * 3 * 2 + 3 * 3)


def test_the_same_data_give_the_same_bytes(results):
    first = {file.name: file.read_bytes() for file in report.write(results, parts.build(results))}
    again = {file.name: file.read_bytes() for file in report.write(results, parts.build(results))}
    assert set(first) == {"report.md", "report.html", "claims.csv", "hand-fig1.png", "hand-fig1.pdf"}
    assert first == again


def test_a_line_per_claim(results):
    report.write(results, parts.build(results))
    rows = list(csv.DictReader(io.StringIO((results / "claims.csv").read_text())))
    assert [(row["claim"], row["verdict"], row["budget"]) for row in rows] == [
        ("c-effect", "holds", "quick"), ("d-effect", "cannot be decided", "")
    ]  # fmt: skip
    assert float(rows[0]["measured"]) == pytest.approx(0.2, abs=0.01)
    assert (rows[0]["best_rule"], rows[1]["reason"]) == (
        "greedy",
        "not run; contradiction in the paper: <script>alert(1)</script>",
    )


def test_words_are_escaped(results):
    report.write(results, parts.build(results))
    html = (results / "report.html").read_text()
    assert "<script" not in html
    assert "&lt;script&gt;alert(1)" in html
    assert "Hand &amp; &lt;b&gt;Eye&lt;/b&gt; (2024)" in html
    markdown = (results / "report.md").read_text()
    assert r"\<script\>" in markdown
    assert not re.search(r"(?<!\\)<script", markdown)
    assert "- a \\| b" in markdown


def test_nothing_runs_or_is_loaded(results):
    report.write(results, parts.build(results))
    html = (results / "report.html").read_text()
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', html)[1]
    assert policy.startswith("default-src &#39;none&#39;") or policy.startswith("default-src 'none'")
    assert "script-src" not in policy
    assert not re.search(r'(?:src|href)="(?!data:|#)', html)


def test_distances_are_those_of_means(results):
    """1.2 n + 0.01 i against n + 0.01 i, n in 3, 4, 5: 14.43 against 12.03."""
    (paper,) = parts.build(results).papers
    found = {each.method: each.gap.mean for each in parts.distances(paper)}
    assert found[LEARNER] == pytest.approx(2.4 / 12.03)
    assert set(found) == {LEARNER, RIVAL, "RD", "greedy", "optimum"}
    assert ["1", "optimum", "optimum", "proven", ""] in words.distance_rows(paper)


def test_what_runs_leave_out_is_said(results):
    markdown = report.markdown(parts.build(results))
    assert "3 instances for each point, 3 trainings of each learner, 100 % of the settings' training" in markdown
    assert "; without Learner, our settings." in markdown


@pytest.mark.parametrize(
    ("kind", "mean", "direction", "text"),
    [
        ("trend", 0.2, "falls", "falls by 20 % of the greater value"),
        ("trend", -0.2, "falls", "rises by 20 % of the greater value"),
        ("growth", -0.2, "", "falls by 20 %"),
        ("effect", -0.2, "", "worse by 20 %"),
        ("faster", 0.2, "", "sooner by 20 %"),
        ("optimal", 0.2, "", "20 % from the optimum"),
    ],
)
def test_what_was_measured_is_said_in_the_claims_terms(kind, mean, direction, text):
    given = ClaimTable(id="c", place="p", quote="q", kind=kind, direction=direction)
    assert words.measured(given, MetricTable(name="objective", label="l"), MeanInterval(1, mean)) == text


def test_a_paper_in_a_line(results):
    """The learner at 2.4 / 12.03, the rule at 1.2 / 12.03 from the optimum; one claim was judged, one was not run."""
    ((paper, method, gap, rule, its, rankings),) = words.short_rows(parts.build(results))
    assert (paper, method, rule) == ("Hand & <b>Eye</b> (2024)", f"{LEARNER} (Fig. 1)", "greedy")
    assert (gap.split()[0], its.split()[0]) == ("20", "9.98")
    assert rankings == "holds: 1; cannot be decided: 1"
    report.write(results, parts.build(results))
    assert rankings in (results / "report.md").read_text()
    assert rankings in (results / "report.html").read_text()


def test_a_figure_is_drawn_only_where_it_is_asked_for(results):
    made = parts.build(results)
    (part, _) = made.papers[0].figures
    report.write(results, made, [part.study])
    before = (results / "figures" / "hand-fig1.png").read_bytes()
    written = report.write(results, made, [])
    assert [file.suffix for file in written] == [".md", ".html", ".csv"]
    assert (results / "figures" / "hand-fig1.png").read_bytes() == before


@pytest.mark.skipif(not (COMMITTED / "data").is_dir(), reason="no committed report")
def test_the_committed_report_is_what_its_data_say():
    """Text to the byte; pictures are compared by a test of their own: they hang on matplotlib's version."""
    made = parts.build(COMMITTED)
    images = {file.stem: file.read_bytes() for file in (COMMITTED / "figures").glob("*.png")}
    stems = {part.stem for paper in made.papers for part in paper.figures if part.bundle is not None}
    assert stems == set(images)
    for name, content in report.texts(made, images).items():
        assert content.encode() == (COMMITTED / name).read_bytes(), f"{name}: run dtbench reproduce all --report-only"


@pytest.mark.slow
@pytest.mark.skipif(not (COMMITTED / "data").is_dir(), reason="no committed report")
def test_the_committed_figures_are_what_their_data_say():
    from dtbench.reports.claims import figure

    for paper in parts.build(COMMITTED).papers:
        for part in paper.figures:
            if part.bundle is not None:
                for form in figure.FORMATS:
                    made = figure.write(part.study, part.bundle, form)
                    assert made == (COMMITTED / "figures" / f"{part.stem}.{form}").read_bytes(), part.stem
