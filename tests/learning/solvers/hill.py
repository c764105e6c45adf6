"""Hill climbing on the weights of action values: learns a little, with numpy alone."""

import time
from dataclasses import dataclass

import numpy as np

from dtbench.learning.networks import Network
from dtbench.learning.options import LearningOptions
from dtbench.learning.qlearning.policy import ValuePolicy
from dtbench.learning.solver import LearnedSolver
from dtbench.learning.training import Learner, ordered
from dtbench.params import param

PRESETS = {
    "paper": {"*": {"episodes": 4, "step": 0.3}, "stin-deployment": {"step": 0.2}},
    "tuned": {"*": {"episodes": 6, "validate_every": 2, "traces": 2}},
}


@dataclass(frozen=True, kw_only=True)
class HillOptions(LearningOptions):
    """A step, and a pause for those who watch."""

    OUTSIDE_TRAINING = (*LearningOptions.OUTSIDE_TRAINING, "pause")

    step: float = param(0.5, "1", "deviation of a change of the weights", low=0.0)
    pause: float = param(0.0, "s", "slept in each round", low=0.0)


class Climber(Learner):
    """Keeps a random change of the weights if an episode pays at least as much."""

    def __init__(self, env, options, seed):
        super().__init__()
        self.env, self.options, self.rounds = env, options, options.episodes
        self.rng = np.random.default_rng([seed, 1])
        self.networks = {
            g.name: Network(inputs=g.observation, hidden=(), outputs=ValuePolicy.n_outputs(g))
            for g in env.encoding.groups
        }
        zeros = {f"{g}/{n}": np.zeros(s, np.float32) for g, net in self.networks.items() for n, s in net.shapes.items()}
        self.best, self.paid = zeros, -np.inf
        self.policy = ValuePolicy(env.encoding, self.networks, zeros)

    def round(self, number):
        time.sleep(self.options.pause)
        step = self.options.step
        tried = {n: (w + step * self.rng.normal(size=w.shape)).astype(np.float32) for n, w in self.best.items()}
        policy = ValuePolicy(self.env.encoding, self.networks, tried)
        with self.timed("environment"):
            paid = self._play(policy)
        if paid >= self.paid:
            self.best, self.paid, self.policy = tried, paid, policy
        return {"return": paid}

    def _play(self, policy):
        seen, memory, paid = self.env.reset(), policy.start(self.env.n_envs), 0.0
        for _ in range(self.env.horizon):
            x, memory = policy.act(seen, memory, next_mask=ordered(self.env))
            step = self.env.step(x)
            seen, paid = step.observation, paid + float(step.reward.mean())
        self.episodes += self.env.n_envs
        self.frames += self.env.n_envs * self.env.horizon
        return paid

    def state(self):
        generators = {"own": self.rng.bit_generator.state, "env": self.env.rng.bit_generator.state}
        return dict(self.best), {"paid": self.paid, "generators": generators}

    def load(self, state):
        self.best, facts = state
        self.paid = facts["paid"]
        self.policy = ValuePolicy(self.env.encoding, self.networks, self.best)
        self.rng.bit_generator.state = facts["generators"]["own"]
        self.env.rng.bit_generator.state = facts["generators"]["env"]


class Hill(LearnedSolver):
    name = "hill"
    problems = ("stin-deployment", "dnt-spectrum")
    trains = True
    policy_class = ValuePolicy
    presets = PRESETS
    needs = ()
    Options = HillOptions

    def learner(self, instance):
        return Climber(self.play_in(1), self.options, self.seed)
