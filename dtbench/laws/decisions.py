"""Laws of decisions: scored, repaired, encoded, observed and paid, in batches as one by one."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.testing import assert_allclose, assert_array_equal

from dtbench.core import AnyProblem, Decision, Outcome, Slot
from dtbench.encoding import Categorical, Observation, limits
from dtbench.laws.cases import MEMBERS, disturbed, drawn, frozen, instance_of, readonly, walked, writable
from dtbench.laws.compare import arrays, member, require, require_batch_equals_loop, require_close
from dtbench.laws.law import Laws, encodings, sizes
from dtbench.picture import colours_of

LAWS = Laws()
law = LAWS.law


# A batch equals its loop


@law(sizes)
def decisions_in_a_batch(problem: AnyProblem, size: str) -> None:
    """Scoring, repairing and advancing a batch equals the loop over its members."""
    met, _, _, decisions = drawn(problem, size)
    raw = disturbed(decisions)
    batch = (MEMBERS, *met.batch_shape)
    repaired = frozen(problem.repair(met, raw))
    for given in (raw, repaired):
        outcome = problem.evaluate(met, given)
        require(isinstance(outcome, Outcome), f"evaluate gives {type(outcome).__name__}")
        shapes = {outcome.objective.shape, outcome.feasible.shape, *(v.shape for v in outcome.violations.values())}
        require(shapes == {batch}, f"objective, feasible and violations have shapes {shapes}, expected {batch}")

        def one(i: Any, given: Decision = given) -> Outcome:
            return problem.evaluate(met[i[1]], given[i])

        require_batch_equals_loop(outcome, one, batch)
    require_batch_equals_loop(repaired, lambda i: problem.repair(met[i[1]], raw[i]), batch)
    after = problem.advance(met, repaired)
    require_batch_equals_loop(after[...], lambda i: problem.advance(met[i[1]], repaired[i]), batch)


@law(sizes)
def observations_of_a_batch(problem: AnyProblem, size: str) -> None:
    """Observing a batch equals the loop over its members."""
    met = walked(problem, size)
    require_batch_equals_loop(problem.observe(met), lambda i: problem.observe(met[i]), met.batch_shape)
    grid = problem.observe(met[None, :])
    require_close(member(grid, 0, (1, *met.batch_shape)), arrays(problem.observe(met)), rtol=1e-5)


@law(encodings)
def decoding_a_batch(problem: AnyProblem, name: str, size: str) -> None:
    """Decoding a batch equals the loop over its members."""
    met, encoding, x, decisions = drawn(problem, size, name)
    require(x.dtype == encoding.dtype, f"joint actions hold {x.dtype}, expected {encoding.dtype}")
    require_batch_equals_loop(decisions, lambda i: encoding.decode(met[i[1]], x[i]), (MEMBERS, *met.batch_shape))


@law(sizes)
def rewards_of_a_batch(problem: AnyProblem, size: str) -> None:
    """Rewards of a batch equal the loop over its members, one for each agent."""
    met, _, _, decisions = drawn(problem, size, "agents")
    n_agents = len(problem.encodings(instance_of(problem, size))["agents"].agents)
    batch = (MEMBERS, *met.batch_shape)
    outcome = problem.evaluate(met, decisions)
    rewards = problem.agent_rewards(met, outcome, n_agents)
    require(rewards.shape == (*batch, n_agents), f"rewards have shape {rewards.shape}, expected {(*batch, n_agents)}")
    require(np.isfinite(rewards).all(), "a reward is not finite")

    def one(i: Any) -> Any:
        return problem.reward(met[i[1]], problem.evaluate(met[i[1]], decisions[i]))

    require_batch_equals_loop(problem.reward(met, outcome), one, batch)


# Pictures


@law(sizes)
def pictures(problem: AnyProblem, size: str) -> None:
    """A picture, if there is one, takes any decision; its terms add up to the objective, a label has one colour."""
    met, _, _, decisions = drawn(problem, size)
    repaired, raw = problem.repair(met, decisions), disturbed(decisions)
    for t in range(met.batch_shape[0]):
        slot = met[t]
        problem.picture(slot, None)
        problem.picture(slot, raw[0, t])
        picture = problem.picture(slot, repaired[0, t])
        if picture is None:
            return
        total = sum(float(part.values[0]) for part in picture.terms)
        objective = float(problem.evaluate(slot, repaired[0, t]).objective)
        require(
            not picture.terms or abs(total - objective) <= 1e-9 * max(abs(objective), 1.0),
            f"terms of the picture of slot {t} add up to {total:.9g}, the objective is {objective:.9g}",
        )
        for label, colours in colours_of(picture).items():
            require(len(colours) == 1, f"'{label}' in the picture of slot {t} has the colours {', '.join(colours)}")


# Repair and encodings


def require_feasible(problem: AnyProblem, met: Slot, decisions: Decision) -> None:
    """Feasible, or in a slot of which an exact method says that nothing is."""
    outcome = problem.evaluate(met, decisions)
    for (t,) in np.argwhere(~outcome.feasible.all(axis=0)):
        broken = [name for name, value in outcome.violations.items() if (value[:, t] > 0).any()]
        require(
            problem.exact(met[int(t)]).status == "infeasible" and not outcome.feasible[:, t].any(),
            f"decisions of slot {t} break {', '.join(broken) or 'what no violation names'}",
        )


@law(encodings)
def decoded_decisions_are_feasible(problem: AnyProblem, name: str, size: str) -> None:
    """Encodings decode every joint action to a feasible decision."""
    met, _, _, decisions = drawn(problem, size, name)
    require_feasible(problem, met, decisions)


@law(sizes)
def repair_is_feasible_and_idempotent(problem: AnyProblem, size: str) -> None:
    """Repair gives feasible decisions, changes nothing the second time, and leaves feasible ones as they are."""
    met, _, _, decisions = drawn(problem, size)
    raw = disturbed(decisions)
    require(not problem.evaluate(met, raw).feasible.all(), "no decision out of range was infeasible")
    repaired = frozen(problem.repair(met, raw))
    require_feasible(problem, met, repaired)
    require_close(problem.repair(met, repaired), repaired)
    good = problem.evaluate(met, raw).feasible
    for name, _, value in raw.arrays():
        assert_allclose(getattr(repaired, name)[good], value[good], rtol=1e-12, err_msg=name)
    require_close(problem.repair(met, decisions), decisions)


@law(sizes)
def violations_say_what_is_infeasible(problem: AnyProblem, size: str) -> None:
    """Violations are never negative, and positive wherever a decision is infeasible; ``about`` names them all."""
    met, _, _, decisions = drawn(problem, size)
    outcome = problem.evaluate(met, disturbed(decisions))
    named = outcome.violations if problem.about is None else problem.about.constraints
    nameless = [name for name in outcome.violations if name not in named]
    require(not nameless, f"about.constraints has no words for {', '.join(nameless)}")
    worst = np.max([*outcome.violations.values()], axis=0)
    require((np.array([*outcome.violations.values()]) >= 0).all(), "a violation is negative")
    require((worst[~outcome.feasible] > 0).all(), "an infeasible decision has no violation")
    require(not outcome.feasible.all(), "no decision out of range was infeasible")


@law(encodings)
def encode_is_the_inverse_of_decode(problem: AnyProblem, name: str, size: str) -> None:
    """Encoding a feasible decision and decoding it again changes nothing."""
    met, encoding, x, decisions = drawn(problem, size, name)
    if encoding.encode is not None:
        back = encoding.encode(met, decisions)
        require(back.shape == x.shape, f"joint actions have shape {back.shape}, expected {x.shape}")
        require_close(encoding.decode(met, readonly(np.array(back))), decisions, rtol=1e-6)


@law(sizes)
def inputs_stay_as_they_are(problem: AnyProblem, size: str) -> None:
    """No input array changes, also where it could be written to."""
    instance = writable(problem.generate(size, 1))
    encoding = problem.encodings(instance)["agents"]
    slot = writable(problem.slot(instance, 0, problem.start(instance)))
    x = encoding.sample(np.random.default_rng(3))
    decision = writable(encoding.decode(slot, x))
    inputs = {"instance": instance, "slot": slot, "decision": decision, "joint action": x}
    before = {name: {path: a.copy() for path, a in arrays(value).items()} for name, value in inputs.items()}
    problem.resample(instance, np.random.default_rng(0), (2,))
    outcome = problem.evaluate(slot, decision)
    problem.repair(slot, disturbed(decision))
    problem.repair(slot, decision)
    problem.advance(slot, decision)
    problem.observe(slot)
    problem.agent_rewards(slot, outcome, len(encoding.agents))
    for rule in problem.heuristics.values():
        rule(slot)
    for name, value in inputs.items():
        for path, a in arrays(value).items():
            assert_array_equal(a, before[name][path], err_msg=f"{name}{path}")


# Observations


@law(sizes)
def observations_fit_the_groups(problem: AnyProblem, size: str) -> None:
    """Observations have the groups' shapes, and are finite float32."""
    met = walked(problem, size)
    seen, groups = problem.observe(met), problem.encodings(instance_of(problem, size))["agents"].groups
    require(isinstance(seen, Observation), f"observe gives {type(seen).__name__}")
    names = {group.name for group in groups}
    require(set(seen.agents) == names, f"groups {sorted(seen.agents)} observe, expected {sorted(names)}")
    for group in groups:
        value, shape = seen.agents[group.name], (*met.batch_shape, group.count, group.observation)
        require(value.shape == shape, f"group '{group.name}' observes {value.shape}, expected {shape}")
        require(value.dtype == np.float32, f"group '{group.name}' observes {value.dtype}, expected float32")
        require(np.isfinite(value).all(), f"group '{group.name}' observes what is not finite")
    require(seen.state.ndim == 1 + len(met.batch_shape), f"the global state has shape {seen.state.shape}")
    require(seen.state.dtype == np.float32, f"the global state holds {seen.state.dtype}, expected float32")
    require(np.isfinite(seen.state).all(), "the global state is not finite")


@law(sizes)
def observations_stay_within_their_bounds(problem: AnyProblem, size: str) -> None:
    """What is observed lies between the values that ``observation_bounds`` tells."""
    seen, known = problem.observe(walked(problem, size)), problem.observation_bounds(instance_of(problem, size))
    values = {**seen.agents, "state": seen.state}
    require(set(known) <= set(values), f"bounds are of {sorted(known)}, observed are {sorted(values)}")
    for name, runs in known.items():
        low, high = limits(runs, values[name].shape[-1])
        inside = (values[name] >= low) & (values[name] <= high)
        require(inside.all(), f"'{name}' observes {values[name][~inside].ravel()[:1]}, out of its bounds")


@law(sizes)
def masks_fit_the_groups(problem: AnyProblem, size: str) -> None:
    """Masks have the groups' shapes, and allow something."""
    met = walked(problem, size)
    seen, every = problem.observe(met), problem.encodings(instance_of(problem, size))
    choosing = {
        g.name: (g.count, g.space) for e in every.values() for g in e.groups if isinstance(g.space, Categorical)
    }
    acting = {g.name for g in every["agents"].groups if isinstance(g.space, Categorical)}
    require(acting <= set(seen.masks) <= set(choosing), f"masks are of {sorted(seen.masks)}, expected {sorted(acting)}")
    for name, mask in seen.masks.items():
        count, space = choosing[name]
        shape = (*met.batch_shape, count, space.mask_width)
        require(mask.shape == shape and mask.dtype == np.bool_, f"mask '{name}' is {mask.dtype} {mask.shape}: {shape}")
        for entry in np.split(mask, np.cumsum(space.n)[:-1], axis=-1):
            require(entry.any(axis=-1).all(), f"mask '{name}' forbids everything somewhere")
