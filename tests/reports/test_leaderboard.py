"""The leaderboard's rows, order, coverage and notes; numbers checked by hand."""

from __future__ import annotations

import dataclasses
import math
import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dtbench.errors import DtbenchError
from dtbench.experiments.verify import Lacking
from dtbench.reports.columns import chosen, compact, shown
from dtbench.reports.leaderboard import build
from dtbench.reports.render import FORMATS, as_data, instances_csv
from dtbench.reports.scores import ProblemFacts

BEST = {f"lights/tiny-{i:03d}": 2.0 for i in range(8)} | {f"harvest/tiny-{i:03d}": 100.0 for i in range(4)}


@pytest.fixture
def rows(facts):
    """The rows of the only section, as raw numbers."""

    def rows_of(records, best=BEST):
        (section,) = build(records, best, facts).sections
        return section.table.fields()

    return rows_of


@pytest.fixture
def notes(facts):
    def notes_of(records, best=BEST):
        return " ".join(build(records, best, facts).sections[0].notes)

    return notes_of


def solvers(rows):
    return [(row["rank"], row["solver"]) for row in rows]


class TestNumbers:
    def test_gap_by_hand(self, rows, make_record):
        """Objectives 2, 2.2, 2.4, 4 over a best known 2: gaps 0, 0.1, 0.2, 1; the middle two average 0.15."""
        (row,) = rows([make_record("a", i, x) for i, x in enumerate([2.0, 2.2, 2.4, 4.0])])
        assert row["gap_ratio"] == pytest.approx(0.15)
        assert 0.0 <= row["gap_ratio_low"] < 0.15 < row["gap_ratio_high"] <= 1.0

    def test_gap_of_a_maximisation(self, rows, make_record):
        """90 of at best 100 kg is 10 % worse; 120 kg would be 20 % better and comes first."""
        found = rows([make_record(label, 0, x, problem="harvest") for label, x in (("a", 90.0), ("b", 120.0))])
        assert solvers(found) == [(1, "b"), (2, "a")]
        assert [row["gap_ratio"] for row in found] == pytest.approx([-0.2, 0.1])
        assert [row["mean_rank"] for row in found] == [1.0, 2.0]

    def test_instances_count_the_same(self, rows, make_record):
        """Gap 0 on three instances with one seed each missing nowhere, 1 on one: its two seeds do not weigh more."""
        records = [make_record("a", i, 2.0, seed=s) for i in range(3) for s in range(2)]
        (row,) = rows(records + [make_record("a", 3, 4.0, seed=s) for s in range(2)])
        assert row["gap_ratio"] == 0.0

    def test_slots_by_hand(self, rows, make_record):
        """4 slots of two runs: 1 repaired; seconds 1, 1, 3, 3: median 2; training 10 and 30 s: median 20."""
        records = [
            make_record("a", 0, [2.0, 2.0], repaired=[True, False], seconds=1.0, train_seconds=10.0),
            make_record("a", 1, [2.0, 2.0], seconds=3.0, train_seconds=30.0),
        ]
        (row,) = rows(records)
        assert (row["repaired_share"], row["decision_time_s"], row["train_time_s"]) == (0.25, 2.0, 20.0)

    def test_training_cost_says_frames_where_records_tell(self, make_record, facts):
        """Medians of 10 and 30 s, of 1000 and 3000 frames; a record without them counts for the time only."""
        training = [{"training": {"frames": frames}} for frames in (1000, 3000)]
        records = [
            make_record("a", 0, [2.0], train_seconds=10.0, method=training[0]),
            make_record("a", 1, [2.0], train_seconds=30.0, method=training[1]),
            make_record("b", 0, [2.0], train_seconds=5.0, method={"training": "odd"}),
            make_record("b", 1, [2.0], train_seconds=5.0),
        ]
        table = build(records, {}, facts).sections[0].table
        shown = [row[[c.name for c in table.columns].index("train_time")] for row in table.rows]
        assert [value.text for value in shown] == ["20.0 s (2k frames)", "5.00 s"]
        assert [row["train_frames"] for row in table.fields()] == [2000.0, None]

    def test_proven_where_slots_are_coupled_is_the_horizons(self, facts, make_record):
        """Bounds of single slots prove nothing; a bound of 2 on the horizon proves 2, not 2.1."""
        coupled = {"lights": dataclasses.replace(facts["lights"], coupled=("tiny",))}
        method = {"horizon_bound": 2.0, "statuses": {"optimal": 1}}
        records = [make_record("slots", 0, 2.0, bound=[2.0, 2.0])]
        records += [make_record("horizon", 0, 2.0, method=method), make_record("worse", 0, 2.1, method=method)]
        shown = build(records, BEST, coupled).sections[0].table.fields()
        assert {row["solver"]: row["proven_share"] for row in shown} == {"slots": None, "horizon": 1.0, "worse": 0.0}

    def test_proven_where_the_slots_of_another_size_are_coupled(self, facts, make_record):
        """Slots of this size are not; in a file of one's own they might be."""
        other = {"lights": dataclasses.replace(facts["lights"], coupled=("closed",))}
        records = [make_record("slots", 0, 2.0, bound=[2.0, 2.0])]
        assert build(records, BEST, other).sections[0].table.fields()[0]["proven_share"] == 1.0
        records = [make_record("slots", 0, 2.0, bound=[2.0, 2.0], cell={"instance": "mine.nc"})]
        assert build(records, BEST, other).sections[0].table.fields()[0]["proven_share"] is None

    def test_proven_by_hand(self, rows, make_record):
        """Bounds 2 (proven), 1.9999 (within 1e-4), 1.99 (not), none (not): half of the slots."""
        (row,) = rows([make_record("a", 0, [2.0] * 4, bound=[2.0, 1.9999, 1.99, None])])
        assert row["proven_share"] == 0.5

    def test_blank_where_there_is_nothing_to_say(self, rows, make_record):
        (row,) = rows([make_record("a", 0, 2.0)])
        names = ("proven_share", "train_time_s", "gap_ratio_low", "gap_ratio_high")
        assert [row[name] for name in names] == [None] * 4

    def test_mean_rank_by_hand(self, rows, make_record):
        """a is first, then second; b second (mean of seeds 3), then first; c always third."""
        records = [make_record("a", 0, 2.0, seed=s) for s in (0, 1)] + [
            make_record("a", 1, 3.0, seed=s) for s in (0, 1)
        ]
        records += [make_record("b", 0, x, seed=s) for s, x in enumerate([2.0, 4.0])]
        records += [make_record("b", 1, 2.5, seed=s) for s in (0, 1)]
        records += [make_record("c", i, 9.0) for i in (0, 1)]
        assert {row["solver"]: row["mean_rank"] for row in rows(records)} == {"a": 1.5, "b": 1.5, "c": 3.0}

    def test_scores_that_agree_to_nine_digits_share_a_place(self, rows, make_record):
        found = rows([make_record(n, 0, 2.0 * (1 + d)) for n, d in (("a", 1e-11), ("b", 0.0), ("c", 0.1))])
        assert solvers(found) == [(1, "a"), (1, "b"), (3, "c")]
        assert [row["mean_rank"] for row in found] == [1.5, 1.5, 3.0]


class TestCoverage:
    def test_a_failure_takes_the_place_away(self, rows, notes, make_record):
        """b is better where it runs, and failed once: it stands below a, and its failed instance is a last place."""
        records = [make_record("a", i, 3.0) for i in range(3)] + [make_record("b", i, 2.0) for i in range(2)]
        records.append(make_record("b", 2, status="timeout", reason="too slow"))
        found = rows(records)
        assert solvers(found) == [(1, "a"), (None, "b")]
        assert (found[1]["cells_ok"], found[1]["cells_planned"], found[1]["timeout"]) == (2, 3, 1)
        assert found[1]["mean_rank"] == pytest.approx((1 + 1 + 2) / 3)
        assert "Rows without a rank" in notes(records)

    def test_cells_without_a_record_are_missed(self, rows, make_record):
        """b has 2 seeds and lacks one instance and one more seed: 3 of 6."""
        records = [make_record("a", i, 3.0) for i in range(3)]
        records += [make_record("b", i, 2.0, seed=s) for i, s in ((0, 0), (0, 1), (1, 0))]
        found = rows(records)
        assert solvers(found) == [(1, "a"), (None, "b")]
        assert (found[1]["cells_ok"], found[1]["cells_planned"], found[1]["marks"]) == (3, 6, "3 not run")

    def test_an_instance_with_a_failed_seed_is_a_last_place(self, rows, make_record):
        """b wins with the seed that ended, but the other one crashed."""
        records = [make_record("a", 0, 3.0), make_record("b", 0, 2.0), make_record("b", 0, seed=1, status="crash")]
        assert {row["solver"]: row["mean_rank"] for row in rows(records)} == {"a": 1.0, "b": 2.0}

    def test_planned_cells_count_not_records(self, facts, make_record):
        """a has 2 of 3 planned cells, b all, c none; nothing of the third instance is there but b's record."""
        records = [make_record("a", i, 2.0) for i in range(2)] + [make_record("b", i, 3.0) for i in range(3)]
        lacking = [
            Lacking(make_record(label, i).cell, "not run") for label, i in [("a", 2), *(("c", i) for i in range(3))]
        ]
        (section,) = build(records, BEST, facts, lacking).sections
        table = section.table.fields()
        assert solvers(table) == [(1, "b"), (None, "a"), (None, "c")]
        assert [(row["cells_ok"], row["cells_planned"], row["marks"]) for row in table] == [
            (3, 3, ""), (2, 3, "1 not run"), (0, 3, "3 not run"),
        ]  # fmt: skip
        assert "Planned, but without any record: c." in section.notes
        assert "Ranks are not final, planned cells still lack a record that holds: a, c." in section.notes

    def test_an_instance_without_any_record_is_named(self, facts, make_record):
        records = [make_record(label, 0, 2.0) for label in "ab"]
        lacking = [Lacking(make_record(label, 1).cell, "not run") for label in "ab"]
        (section,) = build(records, BEST, facts, lacking).sections
        assert solvers(section.table.fields()) == [(None, "a"), (None, "b")]
        assert section.n_instances == 2
        assert "Planned instances without any record: lights/tiny-001." in section.notes

    def test_records_that_do_not_hold_are_failures(self, facts, make_record):
        records = [make_record("a", 0, 2.0), make_record("b", 0, 3.0), make_record("b", 1, 3.0)]
        board = build(records, BEST, facts, [Lacking(make_record("a", 1).cell, "not valid", "checksum differs")])
        (b, a) = board.sections[0].table.fields()
        assert (a["rank"], a["cells_ok"], a["cells_planned"], a["not_valid"]) == (None, 1, 2, 1)
        assert b["rank"] == 1
        assert [(r["solver"], r["status"], r["reason"]) for r in board.failures.fields()] == [
            ("a", "not valid", "checksum differs")
        ]

    def test_stale_records_do_not_count(self, facts, make_record):
        (row,) = build([], BEST, facts, [Lacking(make_record("a").cell, "stale")]).sections[0].table.fields()
        assert (row["rank"], row["cells_ok"], row["marks"]) == (None, 0, "1 stale")

    def test_fewer_instances_and_seeds_by_plan_are_no_gaps(self, facts, make_record):
        """b is planned on one instance of two: nothing is missing, but its numbers are over other cells."""
        records = [make_record("a", i, 3.0, seed=s) for i in range(2) for s in range(2)]
        records += [make_record("b", 0, 2.0), *(make_record("c", i, 4.0) for i in range(2))]
        (section,) = build(records, BEST, facts, []).sections
        table = section.table.fields()
        assert [(row["rank"], row["solver"], row["marks"]) for row in table] == [
            (1, "a", ""), (2, "c", ""), (None, "b", "on 1 of 2 instances"),
        ]  # fmt: skip
        assert {row["solver"]: row["mean_rank"] for row in table} == {"a": 1.5, "b": 1.0, "c": 2.5}
        assert "Planned on a part of the instances, hence without a rank: b." in section.notes
        assert "Ranks are not final" not in " ".join(section.notes)

    @settings(max_examples=40, deadline=None)
    @given(st.data())
    def test_deleting_the_records_of_an_instance_never_improves_a_rank(self, facts, make_record, data):
        """Whatever the scores, and whichever cells had failed before."""
        statuses = st.sampled_from(["ok", "ok", "ok", "timeout"])
        records = [
            make_record(label, i, data.draw(st.sampled_from([2.0, 2.5, 3.0])), status=data.draw(statuses), reason="x")
            for label in "abc"
            for i in range(3)
        ]
        gone = data.draw(st.integers(0, 2))
        left = [r for r in records if not r.cell.instance.endswith(f"{gone:03d}")]
        lacking = [Lacking(r.cell, "not run") for r in records if r not in left]

        def places(records, lacking):
            table = build(records, BEST, facts, lacking).sections[0].table.fields()
            return {row["solver"]: (row["rank"] or math.inf, row["mean_rank"] or math.inf) for row in table}

        before, after = places(records, []), places(left, lacking)
        assert all(after[label][i] >= before[label][i] for label in "abc" for i in range(2))

    def test_more_coverage_stands_higher(self, rows, make_record):
        records = [make_record(label, i, 2.0) for label, n in (("a", 1), ("b", 2), ("c", 3)) for i in range(n)]
        assert solvers(rows(records)) == [(1, "c"), (None, "b"), (None, "a")]

    def test_declined_everywhere(self, rows, facts, make_record):
        records = [make_record("a", 0), make_record("b", 0, status="skipped", reason="too large")]
        row = rows(records)[1]
        assert (row["rank"], row["gap_ratio"], row["mean_rank"], row["marks"]) == (None, None, None, "1 skipped")
        board = build(records, BEST, facts)
        assert board.failures.rows == ()
        assert [r["reason"] for r in board.skipped.fields()] == ["too large"]

    def test_without_best_known_values_the_mean_rank_decides(self, rows, notes, make_record):
        records = [make_record("b", i, 2.0) for i in range(2)] + [make_record("a", i, 3.0) for i in range(2)]
        assert solvers(rows(records, best={})) == [(1, "b"), (2, "a")]
        assert "No best known value, hence no gap: lights/tiny-000, lights/tiny-001." in notes(records, best={})

    def test_without_best_known_values_objectives_are_shown(self, facts, make_record):
        """2 and 4 on one instance, 6 on the other: the mean over instances is (3 + 6) / 2. Not where gaps are known."""
        records = [make_record("a", 0, 2.0), make_record("a", 0, 4.0, seed=1), make_record("a", 1, 6.0)]
        for best, there in (({}, True), ({"lights/tiny-000": 1.0}, True), (BEST, False)):
            (section,) = build(records, best, facts).sections
            for table in (shown(section), compact(section)[0]):
                found = {column.name: value for column, value in zip(table.columns, table.rows[0], strict=True)}
                assert ("objective" in found) == there
                if there:
                    assert found["objective"].text == "4.50000"
            assert section.table.fields()[0]["objective"] == 4.5

    def test_chosen_columns_keep_what_must_be_known(self, facts, make_record):
        """Order as asked, the solver among them, rounded; marks that are no column are notes."""
        records = [make_record("a", 0, 3.0, method={"regime": "clairvoyant"})]
        board = chosen(build(records, BEST, facts), ["objective", "rank"], 2)
        table, notes = compact(board.sections[0])
        assert [column.name for column in table.columns] == ["solver", "objective", "rank"]
        assert [value.text for value in table.rows[0]] == ["a", "3.0", "1"]
        assert "a: sees the future." in notes
        with pytest.raises(DtbenchError, match=r"unknown column 'obj'"):
            chosen(board, ["obj"])

    def test_some_best_known_values(self, rows, make_record):
        (row,) = rows([make_record("a", i, 2.2 + i) for i in range(2)], best={"lights/tiny-000": 2.0})
        assert row["gap_ratio"] == pytest.approx(0.1)


class TestRegimes:
    @pytest.fixture
    def board(self, facts, make_record):
        regimes = {"a": "local", "b": "local", "c": "global", "d": "policy", "e": "future", "f": "clairvoyant"}
        gaps = {"a": 2.4, "b": 2.2, "c": 2.6, "d": 2.6, "e": 2.0, "f": 2.1}
        records = [make_record(x, i, gaps[x], method={"regime": told}) for x, told in regimes.items() for i in (0, 1)]
        records.append(make_record("g", 0, 2.0, method={"regime": "local"}))  # not on all instances: no rank
        return build(records, BEST, facts)

    def test_each_row_says_what_the_method_sees(self, board):
        seen = {row["solver"]: row["sees"] for row in board.sections[0].table.fields()}
        assert seen == {"a": "local", "b": "local", "c": "global", "d": "global", "e": "future", "f": "future",
                        "g": "local"}  # fmt: skip
        assert {row["sees"] for row in board.instances.fields() if row["cells_ok"]} == {"local", "global", "future"}

    def test_the_best_of_each_regime_is_named_once(self, board):
        (section,) = board.sections
        assert [(best.regime, best.solvers) for best in section.best] == [
            ("local", ("b",)), ("global", ("c", "d")), ("future", ("e",)),
        ]  # fmt: skip
        (line,) = section.best_line
        assert line.startswith("Best of each regime: local: b (")
        for form in ("md", "html"):
            assert FORMATS[form](board).count("Best of each regime") == 1, form
        facts = as_data(board)["sections"][0]["best"]
        assert [fact["solvers"] for fact in facts] == [["b"], ["c", "d"], ["e"]]
        assert [fact["gap_ratio"] for fact in facts] == [best.gap.value for best in section.best]

    def test_earlier_records_are_said_to_be_shown_as_global(self, board):
        (note,) = [note for note in board.sections[0].notes if note.startswith("Earlier records")]
        assert note.endswith("shown as global: d.")

    def test_without_a_rank_there_is_no_best(self, facts, make_record):
        (section,) = build([make_record("a", 0, status="crash", reason="x")], BEST, facts).sections
        assert section.best == section.best_line == ()
        assert section.table.fields()[0]["sees"] == ""


class TestMarks:
    @pytest.mark.parametrize(
        ("changes", "marks"),
        [
            ({}, ""),
            ({"feasible": [True, False]}, "1 infeasible slots"),
            ({"cell": {"solver_sha256": "c" * 64}}, "mixed versions"),
            ({"cell": {"options": {"members": 5}}}, "mixed versions"),
            ({"objective": 1.9}, "new best on 1"),
            ({"origin": {"dtbench": "0.0.9"}}, "1 of another version"),
            ({"schema_version": 1}, "1 of another version"),
        ],
    )
    def test_marks(self, facts, make_record, changes, marks):
        today = {id: dataclasses.replace(each, dtbench="0.1.0") for id, each in facts.items()}
        records = [make_record("a", 0, 2.0), make_record("a", 1, **{"objective": 2.0} | changes)]
        (row,) = build(records, BEST, today).sections[0].table.fields()
        assert row["marks"] == marks

    def test_another_version_of_the_problem_is_named(self, facts, make_record):
        today = {"lights": dataclasses.replace(facts["lights"], dtbench="0.1.0", sha256="1" * 64)}
        records = [make_record(x, 0, 2.0, cell={"problem_sha256": sha}) for x, sha in (("a", "1" * 64), ("b", "2"))]
        (section,) = build(records, BEST, today).sections
        assert [row["marks"] for row in section.table.fields()] == ["", "1 of another version"]
        assert "Made by another version of dtbench or of the problem, scored again by this one: b." in section.notes

    def test_objectives_one_ulp_apart_share_a_place(self, rows, make_record):
        """2 + 1e-9 is on the boundary of nine decimals of the gap over 2; its neighbours lie on both sides of it."""
        for value in (2.0, 2.0 + 1e-9, 2.0 + 3e-9, 2.7):
            beside = math.nextafter(value, 3.0)
            found = rows([make_record("a", 0, beside), make_record("b", 0, value), make_record("c", 0, 2.9)])
            assert [(row["rank"], row["mean_rank"]) for row in found] == [(1, 1.5), (1, 1.5), (3, 3.0)]

    def test_new_best_is_named(self, notes, make_record):
        assert "value: lights/tiny-001 by a." in notes([make_record("a", 0, 2.0), make_record("a", 1, 1.9)])

    def test_rounding_is_not_a_new_best(self, notes, make_record):
        assert "New best" not in notes([make_record("a", 0, 2.0 * (1 - 1e-12))])

    @pytest.mark.parametrize(("n", "words"), [(1, "One instance"), (3, "3 instances"), (5, None)])
    def test_few_instances(self, notes, make_record, n, words):
        text = notes([make_record("a", i, 2.0) for i in range(n)])
        assert (words or "") in text
        assert ("intervals" in text) == (words is not None)


class TestFailures:
    def test_every_failure_is_listed_with_its_reason(self, facts, make_record):
        statuses = ("timeout", "memory", "crash", "error", "invalid")
        records = [make_record("a", i, status=s, reason=f"because {s}") for i, s in enumerate(statuses)]
        board = build(records, BEST, facts)
        assert [(r["status"], r["reason"]) for r in board.failures.fields()] == [(s, f"because {s}") for s in statuses]
        (row,) = board.sections[0].table.fields()
        assert [row[s] for s in statuses] == [1] * 5
        assert (row["cells_ok"], row["cells_planned"]) == (0, 5)

    @pytest.mark.parametrize(
        ("changes", "reason"),
        [
            ({"reason": "first\nsecond \x1b[31mred"}, "first second [31mred"),
            ({"signal": "SIGKILL"}, "SIGKILL"),
            ({"traceback": "Traceback\n  line\nValueError: no\n"}, "ValueError: no"),
            ({}, "no reason was recorded"),
        ],
    )
    def test_reason(self, facts, make_record, changes, reason):
        board = build([make_record("a", status="crash", **changes)], BEST, facts)
        assert board.failures.fields()[0]["reason"] == reason


class TestOrder:
    def test_sections_follow_problem_and_declared_size(self, facts, make_record):
        sizes = ("zoo", "paper", "small", "tiny")
        records = [make_record("a", 0, size=s) for s in sizes] + [make_record("a", 0, problem="harvest")]
        found = [(s.problem, s.size) for s in build(records, BEST, facts).sections]
        assert found == [("harvest", "tiny"), *(("lights", s) for s in ("tiny", "small", "paper", "zoo"))]

    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=10, deadline=None)
    @given(st.integers(0, 10**6))
    def test_order_of_records_and_best_known_values_changes_no_byte(self, facts, make_record, seed):
        rng = random.Random(0)
        records = [
            make_record(label, i, rng.uniform(2, 3), seed=s, origin={"cpu": f"cpu {s}"})
            for label in ("a", "b", "c")
            for i in range(3)
            for s in range(2)
        ]
        records += [make_record("d", i, status="crash", reason=f"reason {i}") for i in range(3)]
        shuffler = random.Random(seed)
        shuffled, best = shuffler.sample(records, len(records)), dict(shuffler.sample(list(BEST.items()), len(BEST)))
        one, two = build(records, BEST, facts), build(shuffled, best, facts)
        assert one == two
        for form in FORMATS.values():
            assert form(one) == form(two)

    def test_times_do_not_order_rows(self, facts, make_record):
        def labels(times):
            records = [make_record(label, 0, 2.0, seconds=t) for label, t in zip("abc", times, strict=True)]
            return [row["solver"] for row in build(records, BEST, facts).sections[0].table.fields()]

        assert labels([1.0, 2.0, 3.0]) == labels([3.0, 1.0, 2.0])

    def test_start_time_and_command_are_not_shown(self, facts, make_record):
        one = build([make_record("a")], BEST, facts)
        two = build([make_record("a", origin={"started": "2030-01-01", "command": "other"})], BEST, facts)
        assert one == two


class TestMisuse:
    def test_no_records(self, facts):
        with pytest.raises(DtbenchError, match="no records.*dtbench run"):
            build([], BEST, facts)

    def test_unknown_problem(self, make_record):
        with pytest.raises(DtbenchError, match="'lights'. Known: other"):
            build([make_record("a")], BEST, {"other": ProblemFacts("Other", "min", "s")})

    def test_two_records_of_one_run(self, facts, make_record):
        records = [make_record("a"), make_record("a", cell={"options": {"members": 5}})]
        with pytest.raises(DtbenchError, match="two records of 'a' on 'lights/tiny-000' with seed 0"):
            build(records, BEST, facts)

    def test_two_versions_of_an_instance(self, facts, make_record):
        records = [make_record("a"), make_record("b", cell={"instance_sha256": "0" * 64})]
        with pytest.raises(DtbenchError, match="different versions of the instance"):
            build(records, BEST, facts)


def test_files_of_a_user_are_named_without_their_folder(facts, make_record):
    """Two files of one name in two folders are two instances."""
    files = {"/home/me/mine.nc": "1" * 64, "/tmp/mine.nc": "2" * 64}
    records = [make_record("a", cell={"instance": f, "instance_sha256": h}) for f, h in files.items()]
    board = build(records, {}, facts)
    assert [row["instance"] for row in board.instances.fields()] == ["mine.nc@11111111", "mine.nc@22222222"]
    assert not any(folder in FORMATS["html"](board) for folder in ("/home", "/tmp"))


def test_instances_by_hand(facts, make_record):
    """Seeds 0 and 1 of one instance: objectives 2 and 3 average 2.5, a gap of 25 %; seed 2 crashed."""
    records = [make_record("a", 0, x, seed=s) for s, x in enumerate([2.0, 3.0])]
    records.append(make_record("a", 0, seed=2, status="crash"))
    header, line = (text.split(",") for text in instances_csv(build(records, BEST, facts)).splitlines())
    row = dict(zip(header, line, strict=True))
    assert row["instance"] == "lights/tiny-000"
    assert [float(row[name]) for name in ("objective_mean", "best_known", "gap_mean_ratio")] == [2.5, 2.0, 0.25]
    counts = [row[name] for name in ("cells_ok", "cells_planned", "crash", "objective_unit")]
    assert counts == ["2", "3", "1", "seconds"]


def test_provenance_is_distinct_and_sorted(facts, make_record):
    origins = [{"cpu": "Z80"}, {"cpu": "Abacus"}, {"cpu": "Z80", "suite": "/home/me/mine.toml"}]
    records = [make_record("a", i, origin=origin) for i, origin in enumerate(origins)]
    provenance = build(records, BEST, facts).provenance
    assert provenance["processors"] == "Abacus (4 cores); Z80 (4 cores)"
    assert provenance["suites"] == "mine.toml (sha256 feedfeed); quick (sha256 feedfeed)"
    assert provenance["records"] == "3 (3 ok)"
    assert provenance["limits per cell"] == "60.0 s, 8 GiB, 1 thread"


def test_data_is_plain(facts, make_record):
    """Nothing but dicts, lists, numbers, words and None, so it is JSON."""
    import json

    board = build([make_record("a", 0, 2.0), make_record("b", 0, status="crash")], BEST, facts)
    data = json.loads(json.dumps(as_data(board), allow_nan=False))
    assert data["sections"][0]["rows"][0]["gap_ratio"] == 0.0
    assert data["failures"][0]["status"] == "crash"
    assert not any(dataclasses.is_dataclass(value) for value in data.values())
