"""Learning from what is earned, with the network and the decoder of imitation: clipped policy gradients (PPO).

The actor is a network of sets, from imitation or new. What it says has normal noise, of a deviation that is given in
units of each head's scale. The objective, as the referee scores it, is what is earned. A round:

1. Play ``copies`` traces with noise; each trace is played by ``alike`` copies, whose noise differs.
2. Estimate advantages by GAE (Schulman et al. 2016). Of these, the mean over the copies of a trace is taken off: they
   meet the same slots, so it says how good the slot is (Kool et al. 2019, "Buy 4 REINFORCE samples, get a baseline for
   free"). Where slots are not coupled, what is left is the noise's doing alone.
3. ``epochs`` times, in minibatches: a step of the actor on the clipped objective (Schulman et al. 2017, Eq. (7)).

The critic is a second network of sets, whose only head reads means over all. It is not needed, and not trained, where
nothing follows from a decision (``gamma=0``) and the copies of a trace are compared: it would judge them alike.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from dtbench.arrays import Array
from dtbench.core import Instance
from dtbench.envs import BatchEnv
from dtbench.envs.batch import Draw
from dtbench.learning.gae import gae
from dtbench.learning.imitation.learner import cosine, tensors
from dtbench.learning.imitation.network import SetNetwork
from dtbench.learning.imitation.options import RewardOptions
from dtbench.learning.imitation.policy import SetPolicy, layout_of
from dtbench.learning.imitation.torch_network import TorchSetNetwork, set_input_scales
from dtbench.learning.networks import Floats
from dtbench.learning.policy import select
from dtbench.learning.training import TRAINING_SEED, Learner, Snapshot

WORTH = "worth"  # the critic's head
LEAST = 1e-9  # deviations count as at least this
CHUNK = 512  # states that the critic judges at once
CRITIC_RATE = 3.0  # its step size in units of the actor's


@dataclass
class Rollout:
    """T slots of B copies: states (T + 1, B, S), noise and joint actions (T, B, size), what was earned (T, B)."""

    states: Floats
    actions: Floats
    noise: Floats
    earned: Array


class RewardLearner(Learner):
    """A network of sets that learns from the objective.

    Parameters
    ----------
    env
        Copies that traces are played in; its own seed gives the traces.
    options
        Settings.
    seed
        Of noise, minibatches and first weights.
    start
        Where the actor begins; None: a new network, which leaves the decoder to what it knows by itself.
    """

    policy: SetPolicy

    def __init__(self, env: BatchEnv, options: RewardOptions, seed: int, start: SetPolicy | None = None) -> None:
        super().__init__()
        drawing, weights = np.random.SeedSequence(TRAINING_SEED + seed).spawn(2)
        self.rng = np.random.default_rng(drawing)
        generator = torch.Generator().manual_seed(int(weights.generate_state(1)[0]))
        self.env, self.options, self.rounds = env, options, options.rounds
        env.draw = alike(env, options.alike)
        self.layout = layout_of(env.encoding)
        self.network = TorchSetNetwork(
            SetNetwork.of(self.layout, options.hidden, options.layers) if start is None else start.network, generator
        )
        if start is not None:
            self.network.load(select(start.arrays(), "sets"))
        self.new = start is None
        self.policy = SetPolicy(env.encoding, self.network.network, self.network.arrays())
        judge = SetNetwork(
            axes=tuple(self.layout.axes), parts=self.network.network.parts, heads=((WORTH, (), 1),),
            hidden=options.hidden, layers=options.layers,
        )  # fmt: skip
        self.critic = TorchSetNetwork(judge, generator)
        self.modules = {"actor": self.network, "critic": self.critic}
        self.optimizers = {name: torch.optim.Adam(m.parameters()) for name, m in self.modules.items()}
        self.judges = options.gamma > 0.0 or options.alike == 1
        self.unit = np.array([0.0, 1.0])  # mean and deviation of returns in the first round
        self.sign = 1.0 if env.problem.sense == "max" else -1.0

    def round(self, number: int) -> Mapping[str, float]:
        o = self.options
        if number == 0:
            self.set_scales()
        rollout = self.play()
        self.episodes += self.env.n_envs
        self.frames += self.env.n_envs * self.env.horizon
        left = cosine(1.0, o.last_rate, number / max(self.rounds - 1, 1))
        with self.timed("update"):
            told = self.learn(rollout, left)
        return told | {"objective": self.sign * float(rollout.earned.mean())}

    def play(self) -> Rollout:
        """An episode in every copy, with noise."""
        with self.timed("environment"):
            seen = self.env.reset()
        spread = self.spread()
        slots, copies, memory = self.env.horizon, self.env.n_envs, self.policy.start(self.env.n_envs)
        states = np.empty((slots + 1, copies, self.layout.state_size), dtype=np.float32)
        actions = np.empty((slots, copies, self.env.encoding.size), dtype=np.float32)
        noise, earned = np.empty_like(actions), np.empty((slots, copies))
        for t in range(slots):
            with self.timed("acting"):
                states[t] = self.policy.look(seen, memory)
                mean, memory = self.policy.act(seen, memory)
                noise[t] = self.rng.standard_normal(mean.shape, dtype=np.float32)
                actions[t] = mean + spread * noise[t]
            with self.timed("environment"):
                step = self.env.step(actions[t].astype(np.float64))
            seen, earned[t] = step.observation, self.sign * step.info["objective"]
        states[slots] = self.policy.look(seen, memory)
        return Rollout(states, actions, noise, earned)

    def set_scales(self) -> None:
        """Scale features of a new actor by what it meets in an episode; the critic's scales are the actor's."""
        if self.new:
            set_input_scales(self.network, self.layout, self.play().states.reshape(-1, self.layout.state_size))
        with torch.no_grad():
            for part in self.layout.parts:
                for kind in ("shift", "scale"):
                    name = f"{kind}.{part.name}"
                    self.critic.weight(name).copy_(self.network.weight(name))

    def spread(self) -> Floats:
        """The deviation (size,) of noise on each entry of a joint action."""
        scales = {
            h.name: np.broadcast_to(
                self.network.weight(f"head.{h.name}.scale").numpy(), (*(self.layout.axes[a] for a in h.axes), h.outputs)
            )
            for h in self.layout.heads
        }
        whole: Floats = (self.options.noise * self.layout.join_action(scales)).astype(np.float32)
        return whole

    def learn(self, rollout: Rollout, left: float) -> dict[str, float]:
        """Steps on a rollout; ``left`` multiplies the step sizes."""
        o, (slots, copies) = self.options, rollout.earned.shape
        advantage, target = self.advantages(rollout)
        rows = slots * copies
        good = torch.from_numpy(((advantage - advantage.mean()) / max(advantage.std(), LEAST)).reshape(rows)).float()
        goal = torch.from_numpy(target.reshape(rows)).float()
        states, acted, noise = (v.reshape(rows, -1) for v in (rollout.states[:-1], rollout.actions, rollout.noise))
        self.optimizers["actor"].param_groups[0]["lr"] = o.learning_rate * left
        self.optimizers["critic"].param_groups[0]["lr"] = CRITIC_RATE * o.learning_rate * left
        counted, told = self.counts(states), []
        for _ in range(o.epochs):
            for part in np.array_split(self.rng.permutation(rows), o.minibatches):
                inputs = tensors(self.layout.split_state(states[part]))
                change = self.log_ratio(inputs, acted[part], noise[part], counted[part])
                loss = clipped(change, good[part], o.clip)
                self.step("actor", loss)
                told.append([float((change.detach().exp() - 1.0 - change.detach()).mean()), 0.0])
                if self.judges:
                    wrong = (self.critic(inputs)[WORTH][:, 0] - goal[part]).square().mean()
                    self.step("critic", wrong)
                    told[-1][1] = float(wrong.detach())
        kl, wrong_mean = np.mean(told, axis=0)
        return {"kl": float(kl), "value_loss": float(wrong_mean)}

    def advantages(self, rollout: Rollout) -> tuple[Array, Array]:
        """Advantages (T, B), and what the critic should say of the states (T, B) in its unit."""
        o, (slots, copies) = self.options, rollout.earned.shape
        value = self.values(rollout.states) if self.judges else np.zeros((slots + 1, copies))
        over = np.zeros((slots, copies), dtype=bool)
        over[-1] = True
        counted = over & (self.layout.clock is not None)  # who counts slots knows that nothing follows
        advantage, target = gae(rollout.earned, value[:-1], value[1:], counted, over, gamma=o.gamma, lam=o.gae_lambda)
        if self.episodes == self.env.n_envs:
            self.unit = np.array([target.mean(), max(target.std(), LEAST)])
        if o.alike > 1:
            same = advantage.reshape(slots, -1, o.alike)
            advantage = (same - same.mean(axis=-1, keepdims=True)).reshape(slots, copies)
        return advantage, (target - self.unit[0]) / self.unit[1]

    @torch.no_grad()
    def values(self, states: Floats) -> Array:
        """What the critic says of states (..., S) in the unit of the objective."""
        flat = states.reshape(-1, states.shape[-1])
        said = [
            self.critic(tensors(self.layout.split_state(flat[at : at + CHUNK])))[WORTH][:, 0].numpy()
            for at in range(0, len(flat), CHUNK)
        ]
        return np.concatenate(said).astype(np.float64).reshape(states.shape[:-1]) * self.unit[1] + self.unit[0]

    def counts(self, states: Floats) -> npt.NDArray[np.float32]:
        """1 for the entries of joint actions (rows, size) that matter in these states: those of pairs allowed."""
        inputs = self.layout.split_state(states)
        heads = {
            h.name: inputs[h.allowed] > 0.0
            if h.allowed
            else np.ones((len(states), *(self.layout.axes[a] for a in h.axes), h.outputs))
            for h in self.layout.heads
        }
        return self.layout.join_action(heads).astype(np.float32)

    def log_ratio(self, inputs: Mapping[str, Tensor], acted: Floats, noise: Floats, counted: Floats) -> Tensor:
        """Log of the ratio (rows,) of the densities of what was done, now and when it was done."""
        spread = torch.from_numpy(self.spread())
        outputs = self.network(inputs)
        mean = torch.cat([outputs[h.name].flatten(1) for h in self.layout.heads], dim=1)
        now, then = (torch.from_numpy(acted) - mean) / spread, torch.from_numpy(noise)
        return (0.5 * (then.square() - now.square()) * torch.from_numpy(counted)).sum(dim=1)

    def step(self, name: str, loss: Tensor) -> None:
        """One step of Adam."""
        optimizer = self.optimizers[name]
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.modules[name].parameters(), self.options.max_norm)
        optimizer.step()

    def state(self) -> Snapshot:
        arrays: dict[str, npt.NDArray[Any]] = {"unit": self.unit}
        for name, module in self.modules.items():
            arrays |= {f"{name}/{k}": v.copy() for k, v in module.arrays().items()}
            for k, parameter in enumerate(module.parameters()):
                moments = self.optimizers[name].state.get(parameter, {})
                arrays |= {f"adam/{name}/{k}/{part}": value.numpy().copy() for part, value in moments.items()}
        return arrays, {"rngs": [rng.bit_generator.state for rng in (self.env.rng, self.rng)]}

    def load(self, state: Snapshot) -> None:
        arrays, facts = state
        self.unit = arrays["unit"].copy()
        for name, module in self.modules.items():
            module.load(select(arrays, name))
            for k, parameter in enumerate(module.parameters()):
                moments = select(arrays, f"adam/{name}/{k}")
                if moments:
                    self.optimizers[name].state[parameter] = {n: torch.from_numpy(v.copy()) for n, v in moments.items()}
        for rng, kept in zip((self.env.rng, self.rng), facts["rngs"], strict=True):
            rng.bit_generator.state = kept


def clipped(change: Tensor, advantage: Tensor, clip: float) -> Tensor:
    """The loss of PPO: minus the mean of the lesser of the weighted ratio, and the same with the ratio clipped."""
    ratio = change.exp()
    return -torch.minimum(ratio * advantage, ratio.clamp(1.0 - clip, 1.0 + clip) * advantage).mean()


def alike(env: BatchEnv, times: int) -> Draw:
    """Traces that come ``times`` times each, one after the other."""
    drawn = env.draw

    def draw(rng: np.random.Generator, count: int) -> Instance:
        own = count // times
        traces = env.problem.resample(env.instance, rng, (own,)) if drawn is None else drawn(rng, own)
        return traces[np.repeat(np.arange(own), times)]

    return draw
