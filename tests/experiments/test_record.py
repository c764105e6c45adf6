import pytest
from pydantic import ValidationError

from dtbench.experiments.record import Cell, CellLimits, Payload, Slots

CELL = Cell(
    problem="p", instance="p/tiny-000", size="tiny", instance_sha256="a", solver="s", solver_sha256="b",
    solver_file="s.py", label="s", options={"n": 1}, seed=0,
)  # fmt: skip


def test_key_follows_all_that_can_change_the_result_and_nothing_else():
    changes = {
        "instance_sha256": "x", "solver": "x", "solver_sha256": "x", "options": {"n": 2}, "seed": 1,
        "limits": CellLimits(seconds=1.0),
    }  # fmt: skip
    keys = {CELL.key} | {CELL.model_copy(update={name: value}).key for name, value in changes.items()}
    assert len(keys) == 1 + len(changes)
    assert CELL.model_copy(update={"label": "another"}).key == CELL.key


def test_stem_is_the_same_for_every_version_of_files_and_limits():
    same = {"instance_sha256": "x", "solver_sha256": "x", "limits": CellLimits(seconds=1.0), "label": "x"}
    assert CELL.model_copy(update=same).stem == CELL.stem
    assert CELL.stem.startswith("p--tiny-000--s--s0--")
    assert CELL.model_copy(update={"options": {"n": 2}}).stem != CELL.stem
    assert CELL.model_copy(update={"seed": 1}).stem != CELL.stem


def slots(**changes):
    return {"objective": [1.0, 2.0], "repaired": [False, True], "feasible": [True, True], "seconds": [0.0, 0.0],
            "bound": [None, 1.5]} | changes  # fmt: skip


def test_slots_have_one_length_and_a_mean():
    assert Slots(**slots()).mean == 1.5
    with pytest.raises(ValidationError, match="unequal or no lengths"):
        Slots(**slots(repaired=[True]))
    with pytest.raises(ValidationError, match="unequal or no lengths"):
        Slots(**{name: [] for name in slots()})
    with pytest.raises(ValidationError, match="finite number"):
        Slots(**slots(objective=[1.0, float("inf")]))


def test_scores_belong_to_ok():
    Payload(status="ok", slots=Slots(**slots()))
    for status, given in (("ok", None), ("error", Slots(**slots()))):
        with pytest.raises(ValidationError, match="belong to 'ok'"):
            Payload(status=status, slots=given)


def test_facts_of_a_method_are_what_json_can_hold():
    deep = []
    for _ in range(3000):
        deep = [deep]
    for value in (float("nan"), float("inf"), deep):
        with pytest.raises(ValidationError, match="method"):
            Payload(status="skipped", method={"x": value})


@pytest.mark.parametrize(("field", "value"), [("seed", True), ("seed", "1"), ("label", 3), ("options", {"a": None})])
def test_values_of_another_type_are_refused(field, value):
    """JSON's true is no seed 1."""
    with pytest.raises(ValidationError, match=field):
        Cell.model_validate(CELL.model_dump() | {field: value})
