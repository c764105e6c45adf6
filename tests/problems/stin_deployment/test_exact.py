"""Every exact method against enumeration of all placements, against the referee, and against each other."""

import itertools
from dataclasses import replace

import highspy
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from dtbench.arrays import specs
from dtbench.core import Limits
from dtbench.errors import Declined
from dtbench.exact.export import write_model
from dtbench.exact.form import form_of
from dtbench.exact.highs import solve_highs
from dtbench.exact.pyomo_backend import solve_pyomo
from dtbench.problems import problem
from dtbench.problems.stin_deployment import curved, reference
from dtbench.problems.stin_deployment.formulation import Layout, level_model, levels
from dtbench.problems.stin_deployment.heuristics import greedy
from dtbench.problems.stin_deployment.model import StinDecision, StinSlot

from .hand import hand_slot

STIN = problem("stin-deployment")
READINGS = list(itertools.product(["active", "all"], ["even", "optimal"]))
WEAK = {"f_local_min": 0.3e9, "f_local_max": 0.6e9}
VARIANTS = [{}, {"cap_min": 1, "cap_max": 1}, {"cap_min": 0, "cap_max": 0}, {"cap_min": 2, "cap_max": 6, **WEAK}, WEAK]
seeds = st.integers(0, 2**32 - 1)


def draw(seed: int, size: str = "tiny", t: int = 0, **overrides) -> StinSlot:
    instance = STIN.generate(size, seed, **overrides)
    return STIN.slot(instance, t, STIN.start(instance))


def optimum(slot: StinSlot) -> float:
    return STIN.exact(slot, Limits(), "strong").objective


def placements(slot: StinSlot) -> StinDecision:
    """All (J + 2)^I placements."""
    return StinDecision(node=np.array(list(itertools.product(range(slot.n_nodes), repeat=slot.n_users))))


def brute_force(slot: StinSlot) -> float:
    outcome = STIN.evaluate(slot, placements(slot))
    return float(outcome.objective[outcome.feasible].min())


def change(slot: StinSlot, axis: str, index) -> StinSlot:
    """The slot with entries ``index`` of one dimension: users or devices, relabelled or left out."""
    new = {
        name: np.take(value, index, axis=spec.dims.index(axis) - len(spec.dims))
        for name, spec, value in slot.arrays()
        if axis in spec.dims
    }
    return replace(slot, **new)


# Optima


@pytest.mark.parametrize("method", STIN.exactness.methods)
@pytest.mark.parametrize(
    ("params", "node", "value"),
    [
        ({}, [1, 2, 0], 0.497692),
        ({"sat_share": "all"}, [1, 1, 0], 0.600000),
        ({"split": "optimal"}, [1, 2, 0], 0.497692),
        ({"sat_share": "all", "split": "optimal"}, [1, 1, 0], 0.599545),
    ],
)
def test_hand_example(method, params, node, value):
    slot = hand_slot(**params)
    if method == "enumeration" and params.get("split") == "optimal":
        with pytest.raises(Declined, match="split 'optimal'"):
            STIN.exact(slot, Limits(), method)
        return
    made = STIN.exact(slot, Limits(), method)
    assert_array_equal(made.decision.node, node)
    assert_allclose([made.objective, made.bound], value, atol=5e-7)
    assert (made.status, made.method) == ("optimal", method)


@pytest.mark.parametrize(("sat_share", "split"), READINGS)
@pytest.mark.parametrize("variant", VARIANTS, ids=["default", "one", "none", "crowded", "weak"])
def test_every_method_finds_the_optimum(sat_share, split, variant):
    """100 slots in all."""
    for seed in range(5):
        slot = draw(seed, t=seed, sat_share=sat_share, split=split, **variant)
        best = brute_force(slot)
        for method in STIN.exactness.methods:
            if method == "enumeration" and split == "optimal" and (slot.cap_end > 1).any():
                continue
            made = STIN.exact(slot, Limits(), method)
            assert made.status == "optimal"
            assert made.objective == pytest.approx(best, abs=1e-9), (method, seed)
            assert best * (1 - 1e-7) - 1e-9 <= made.bound <= made.objective


@pytest.mark.parametrize("params", [{}, {"sat_share": "all"}, {"split": "optimal"}])
def test_methods_agree_on_larger_slots(params):
    for seed in range(3):
        slot = draw(seed, "small", **params)
        methods = ("strong", "cpsat", "reference") if params.get("split") else STIN.exactness.methods
        values = [STIN.exact(slot, Limits(), method).objective for method in methods]
        assert_allclose(values, values[0], atol=1e-9)
    for seed in range(3):
        slot = draw(seed, "paper", **params)
        methods = ("strong", "cpsat") if params.get("split") else ("strong", "cpsat", "enumeration")
        values = [STIN.exact(slot, Limits(), method).objective for method in methods]
        assert_allclose(values, values[0], atol=1e-9)


def test_tangents_meet_the_value_where_the_split_matters():
    """Weak users crowd the devices: the first tangents leave a gap on this slot, those at the incumbent close it."""
    slot = draw(0, "small", split="optimal", cap_min=4, cap_max=6, f_local_max=2e9)
    made = STIN.exact(slot, Limits(), "strong")
    assert (made.status, made.details["rounds"]) == ("optimal", 2)
    assert np.bincount(made.decision.node, minlength=5)[1:4].max() > 1
    assert made.objective < optimum(replace(slot, params=slot.params.replace({"split": "even"}))) - 1e-6
    assert made.objective == pytest.approx(STIN.exact(slot, Limits(), "cpsat").objective, rel=1e-7)


def test_dead_links_are_left_out():
    slot = draw(3)
    gain, rate = slot.g_us.copy(), slot.r_end.copy()
    gain[1], gain[2], rate[0, 0], rate[3] = 0.0, 1e-30, 0.0, 0.0
    for sat_share, split in READINGS:
        params = slot.params.replace({"sat_share": sat_share, "split": split})
        dead = replace(slot, params=params, g_us=gain, r_end=rate)
        best = brute_force(dead)
        for method in ("strong", "cpsat", "reference"):
            assert STIN.exact(dead, Limits(), method).objective == pytest.approx(best, abs=1e-9)


# Certificates


@pytest.mark.parametrize("method", STIN.exactness.methods)
def test_without_time_nothing_is_optimal(method):
    """The incumbent is that of ``greedy`` at worst; the bound is what any user waits at least, at worst."""
    slot = draw(0, "paper")
    made = STIN.exact(slot, Limits(seconds=0.0), method)
    best = optimum(slot)
    start = float(STIN.evaluate(slot, greedy(slot)).objective)
    assert made.status == "feasible"
    assert 0.0 < made.bound <= best + 1e-9
    assert best - 1e-9 <= made.objective <= start
    assert made.gap > 1e-7


def test_a_wide_gap_is_enough_where_it_is_asked_for():
    slot = draw(1, "paper")
    made = STIN.exact(slot, Limits(gap=0.9), "strong")
    assert made.status == "optimal"
    assert made.gap <= 0.9
    assert made.bound <= optimum(slot) + 1e-9


def test_certificate_says_who_proved_it():
    backends = {m: STIN.exact(draw(0), Limits(), m).backend for m in STIN.exactness.methods}
    assert backends["strong"].startswith("HiGHS ")
    assert backends["enumeration"].startswith("SciPy ")
    assert backends["cpsat"].startswith("CP-SAT ")
    assert backends["reference"].startswith("Pyomo ")
    assert backends["reference"].endswith(backends["strong"])


def test_misuse():
    slot = draw(0)
    with pytest.raises(ValueError, match="unknown method 'magic'; known: strong, enumeration"):
        STIN.exact(slot, Limits(), "magic")
    with pytest.raises(ValueError, match=r"leading axes \(1,\)"):
        STIN.exact(slot[None], Limits(), "strong")
    with pytest.raises(Declined, match="grows exponentially"):
        STIN.exact(draw(0, "large"), Limits(), "enumeration")


# Models against the referee


@given(seeds, st.sampled_from(READINGS))
@settings(max_examples=20, deadline=None)
def test_strong_model_prices_placements_like_the_referee(seed, reading):
    """Every feasible placement no worse than all on their own devices is a feasible point with the referee's value."""
    slot = draw(seed, sat_share=reading[0], split=reading[1], cap_min=0, cap_max=6, **WEAK)
    every = placements(slot)
    outcome = STIN.evaluate(slot, every)
    usable = np.flatnonzero(outcome.feasible & (outcome.objective <= slot.own.sum()))
    layout = Layout.of(levels(slot))
    build, point = (
        (curved.pair_model, curved.pair_point)
        if reading[1] == "optimal"
        else (level_model, lambda where, decision: where.point(decision))
    )
    model = build(layout)
    for index in np.random.default_rng(seed).choice(usable, 20):
        x = point(layout, every[index])
        assert model.violation(x) == 0.0
        assert model.value(x) == pytest.approx(outcome.objective[index], rel=1e-9)
        assert_array_equal(layout.decision(x).node, every[index].node)


@given(seeds)
@settings(max_examples=20, deadline=None)
def test_tangents_never_cut_off_a_placement(seed):
    slot = draw(seed, split="optimal", cap_min=1, cap_max=6, **WEAK)
    every = placements(slot)
    outcome = STIN.evaluate(slot, every)
    usable = np.flatnonzero(outcome.feasible & (outcome.objective <= slot.own.sum()))
    layout = Layout.of(levels(slot))
    model = curved.tangent_model(layout)
    for index in np.random.default_rng(seed).choice(usable, 20):
        x = curved.tangent_point(layout, every[index])
        assert model.violation(x) < 1e-12
        assert model.value(x) == pytest.approx(outcome.objective[index], rel=1e-9)


@given(seeds, st.sampled_from(READINGS), st.floats(1.0, 1.5))
@settings(max_examples=20, deadline=None)
def test_pruning_keeps_every_better_placement(seed, reading, slack):
    slot = draw(seed, sat_share=reading[0], split=reading[1], cap_min=0, cap_max=6, **WEAK)
    every = placements(slot)
    outcome = STIN.evaluate(slot, every)
    upper = slack * float(outcome.objective[outcome.feasible].min())
    better = np.flatnonzero(outcome.feasible & (outcome.objective <= upper))
    layout = Layout.of(levels(slot, upper))
    model = level_model(layout)
    assert layout.table.floor.sum() <= upper
    for index in better[:50]:
        assert model.violation(layout.point(every[index])) == 0.0


@pytest.mark.parametrize(("sat_share", "split"), READINGS)
def test_reference_prices_placements_like_the_referee(sat_share, split):
    slot = draw(5, sat_share=sat_share, split=split, cap_min=2, cap_max=5, **WEAK)
    rng = np.random.default_rng(0)
    for node in STIN.repair(slot, StinDecision(node=rng.integers(0, slot.n_nodes, (5, slot.n_users)))).node:
        model = reference.build(slot)
        for (i, k), variable in model.deploy.items():
            variable.fix(int(node[i] == k))
        result = solve_pyomo(model, Limits())
        assert result.status == "optimal"
        assert result.objective == pytest.approx(
            float(STIN.evaluate(slot, StinDecision(node=node)).objective), rel=1e-6
        )
        assert_array_equal(reference.decision(model).node, node)


def test_reference_is_named_after_the_paper():
    model = STIN.reference_model(hand_slot())
    docs = {c.local_name: c.doc for c in model.component_objects() if c.doc}
    assert docs["deploy"].endswith("(13b)")
    assert docs["one_node"] == "Eq. (13c)"
    assert docs["capacity"] == "Eq. (13d)"
    assert "(13a)" in docs["total_delay"]


@pytest.mark.parametrize("split", ["even", "optimal"])
def test_linear_model_is_the_whole_problem(split):
    slot = draw(2, split=split, cap_min=2, cap_max=3, **WEAK)
    model = STIN.linear_model(slot)
    assert len(set(model.names)) == model.n_columns
    assert solve_highs(model, Limits()).objective == pytest.approx(brute_force(slot), abs=1e-8)


@pytest.mark.parametrize("fmt", ["lp", "mps"])
def test_written_reference_has_the_same_optimum(tmp_path, fmt):
    for name, slot in (("hand", hand_slot()), ("drawn", draw(4, split="optimal", cap_min=2, cap_max=3, **WEAK))):
        path = tmp_path / f"{name}.{fmt}"
        write_model(form_of(STIN, slot, "reference", None).model, path, fmt)
        highs = highspy.Highs()
        highs.silent()
        highs.readModel(str(path))
        highs.setOptionValue("mip_rel_gap", 0.0)
        highs.run()
        assert highs.getInfo().objective_function_value == pytest.approx(brute_force(slot), abs=1e-7)
        assert all(name in path.read_text() for name in ("deploy_0_0", "one_node_0", "capacity_1", "product_0_1_1"))


# Laws of the optimum


def raised(slot: StinSlot, name: str, by: float) -> StinSlot:
    return replace(slot, **{name: getattr(slot, name) * by})


@given(seeds, st.sampled_from(READINGS), st.sampled_from(["f_end", "f_local", "g_us", "r_end"]), st.floats(1.0, 3.0))
@settings(max_examples=30, deadline=None)
def test_better_devices_and_links_never_raise_the_optimum(seed, reading, name, by):
    slot = draw(seed, sat_share=reading[0], split=reading[1])
    assert optimum(raised(slot, name, by)) <= optimum(slot) + 1e-9


@given(seeds, st.sampled_from(READINGS), st.sampled_from(["w_sat", "w_end", "p_user"]), st.floats(1.0, 3.0))
@settings(max_examples=30, deadline=None)
def test_more_band_or_power_never_raises_the_optimum(seed, reading, name, by):
    params = {"sat_share": reading[0], "split": reading[1]}
    slot = draw(seed, **params)
    more = draw(seed, **params, **{name: by * getattr(slot.params, name)})
    assert_allclose(more.data_bits, slot.data_bits)  # the same draw otherwise
    assert optimum(more) <= optimum(slot) + 1e-9


@given(seeds, st.sampled_from(READINGS), st.integers(0, 1))
@settings(max_examples=30, deadline=None)
def test_one_more_place_never_raises_the_optimum(seed, reading, device):
    slot = draw(seed, sat_share=reading[0], split=reading[1], cap_min=0, **WEAK)
    more = slot.cap_end + (np.arange(2) == device)
    assert optimum(replace(slot, cap_end=more)) <= optimum(slot) + 1e-9


@given(seeds, st.sampled_from(READINGS), st.sampled_from(["data_bits", "cycles_per_bit"]), st.integers(0, 4))
@settings(max_examples=30, deadline=None)
def test_more_work_never_lowers_the_optimum(seed, reading, name, user):
    slot = draw(seed, sat_share=reading[0], split=reading[1])
    more = getattr(slot, name) * np.where(np.arange(5) == user, 1.3, 1.0)
    assert optimum(replace(slot, **{name: more})) >= optimum(slot) - 1e-9


@given(seeds, st.sampled_from(READINGS), st.integers(0, 4))
@settings(max_examples=30, deadline=None)
def test_removing_a_user_lowers_the_optimum(seed, reading, user):
    slot = draw(seed, sat_share=reading[0], split=reading[1])
    assert optimum(change(slot, "user", np.delete(np.arange(5), user))) < optimum(slot)


@given(seeds, st.sampled_from(READINGS), st.permutations(range(5)), st.permutations(range(2)))
@settings(max_examples=30, deadline=None)
def test_relabelling_keeps_the_optimum(seed, reading, users, devices):
    slot = draw(seed, sat_share=reading[0], split=reading[1], **WEAK)
    relabelled = change(change(slot, "user", users), "end_device", devices)
    assert optimum(relabelled) == pytest.approx(optimum(slot), abs=1e-9)


@given(seeds, st.sampled_from(READINGS), st.floats(0.25, 4.0))
@settings(max_examples=20, deadline=None)
def test_the_optimum_scales_with_the_data(seed, reading, s):
    """Without propagation every term is proportional to D."""
    slot = draw(seed, sat_share=reading[0], split=reading[1])
    slot = replace(slot, d_us=np.array(0.0), d_sc=np.array(0.0))
    assert optimum(raised(slot, "data_bits", s)) == pytest.approx(s * optimum(slot), rel=1e-6)


@given(seeds, st.sampled_from(READINGS))
@settings(max_examples=20, deadline=None)
def test_without_places_and_satellite_everybody_stays(seed, reading):
    slot = draw(seed, sat_share=reading[0], split=reading[1], cap_min=0, cap_max=0)
    slot = replace(slot, g_us=np.full(5, 1e-30))
    assert optimum(slot) == pytest.approx(slot.own.sum(), rel=1e-12)


@given(seeds, st.sampled_from(["even", "optimal"]))
@settings(max_examples=20, deadline=None)
def test_without_congestion_everybody_takes_the_best(seed, split):
    """Endless processors and places, and a band whose share is fixed: sum of min(u, e, q)."""
    slot = draw(seed, sat_share="all", split=split, cap_min=5, cap_max=5)
    slot = replace(slot, f_end=np.full(2, 1e30))
    cloud = STIN.evaluate(slot, StinDecision(node=np.full(5, 3))).metrics["latency"]
    alone = np.minimum(np.minimum(slot.own, slot.link.min(axis=1)), cloud)
    assert optimum(slot) == pytest.approx(alone.sum(), rel=1e-6)


def test_slots_are_left_as_they_were():
    slot = draw(0)
    before = {name: np.array(getattr(slot, name)) for name in specs(StinSlot)}
    for method in STIN.exactness.methods:
        STIN.exact(slot, Limits(), method)
    for name, value in before.items():
        assert_array_equal(getattr(slot, name), value)


@pytest.mark.parametrize("method", ["strong", "enumeration", "cpsat"])
def test_users_who_can_hardly_compute(method):
    """Own devices of 1 to 10 cycle/s: their latency must not drown the others in rounding."""
    slot = draw(11, f_local_min=1.0, f_local_max=10.0)
    found = STIN.exact(slot, method=method)
    assert found.status == "optimal"
    assert found.objective == pytest.approx(brute_force(slot), rel=1e-9)


def test_a_dead_feeder_and_nothing_to_send():
    """Without a feeder nobody is in the cloud; a user without data waits for nothing there but propagation."""
    dead = draw(5, p_sat=0.0)
    assert STIN.exact(dead).objective == pytest.approx(brute_force(dead), rel=1e-9)
    nothing = replace(dead, data_bits=np.zeros(5))
    assert STIN.exact(nothing).objective == 0.0
    assert np.isfinite(STIN.observe(nothing).state).all()
