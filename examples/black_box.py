"""Four optimisers that know nothing of the problem search one slot, from what a rule decides.

python examples/black_box.py [EVALUATIONS]

``cost`` takes any leading axes: a whole generation is decoded, repaired and scored in one call.
"""

import sys
import warnings

import numpy as np

import dtbench

EVALUATIONS = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
problem = dtbench.problem("satellite-offloading")
instance = dtbench.load("satellite-offloading/small-000")
slot = problem.slot(instance, 0, problem.start(instance))
encoding = problem.encodings(instance)["search"]
start = encoding.to_unit(encoding.encode(slot, problem.heuristics["min-delay"](slot)))


def cost(u):
    """Objective (...,) of points (..., size) of the unit cube; less is better."""
    return problem.evaluate(slot, encoding.decode(slot, encoding.from_unit(u))).objective


def by_cma():
    import cma

    search = cma.CMAEvolutionStrategy(start, 0.05, {"bounds": [0, 1], "seed": 1, "verbose": -9})
    while search.countevals < EVALUATIONS:
        points = search.ask()
        search.tell(points, cost(np.array(points)).tolist())
    return search.result.fbest


def by_nevergrad():
    import nevergrad as ng

    box = ng.p.Array(init=start).set_bounds(0.0, 1.0).set_mutation(sigma=0.05)
    box.random_state.seed(1)
    search = ng.optimizers.OnePlusOne(box, budget=EVALUATIONS)
    return cost(search.minimize(lambda u: float(cost(u))).value)


def by_optuna():
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    names = [f"u{i}" for i in range(encoding.size)]
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=1))
    study.enqueue_trial(dict(zip(names, start.tolist(), strict=True)))
    study.optimize(lambda t: float(cost([t.suggest_float(n, 0, 1) for n in names])), n_trials=EVALUATIONS // 20)
    return study.best_value


def by_pymoo():
    from pymoo.algorithms.soo.nonconvex.ga import GA
    from pymoo.core.problem import Problem
    from pymoo.optimize import minimize

    class Slot(Problem):
        def _evaluate(self, u, out):
            out["F"] = cost(u)

    first = np.clip(start + 0.05 * np.random.default_rng(1).standard_normal((50, encoding.size)), 0, 1)
    found = minimize(Slot(n_var=encoding.size, n_obj=1, xl=0.0, xu=1.0), GA(50, sampling=first),
                     ("n_eval", EVALUATIONS), seed=1)  # fmt: skip
    return found.F[0]


if __name__ == "__main__":
    warnings.simplefilter("ignore")  # of the optimisers
    print(f"{'min-delay, where they start':28s} {cost(start):.6f}")
    for search in (by_cma, by_nevergrad, by_optuna, by_pymoo):
        print(f"{search.__name__[3:]:28s} {float(search()):.6f}")
    print(f"{'proven optimum':28s} {problem.exact(slot).objective:.6f}")
