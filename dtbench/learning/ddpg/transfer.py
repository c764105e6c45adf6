"""Transfer between the servers' models of ``edge-migration``: Lu et al. (2021), Eqs. (32)-(34), Algorithm 2.

With ``models=server`` each server has one model, shared by its users. After every slot, for every server that received
twins:

1. A source model is put together of the models of the servers that the twins come from (32).
2. The newest experience of those servers is taken over (33).
3. The server's model is trained on its experience and on what it took over.
4. The server's model is merged with the source model (34).

With ``models=user`` there is an actor per user and server, as the paper names it. Steps 1, 3 and 4 are then of the
actors of the users that moved, each at its target server. Critics are per server still: one per user and server would
have 80 million weights.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from dtbench.arrays import Array, BoolArray, IntArray
from dtbench.encoding import Observation
from dtbench.envs import BatchEnv
from dtbench.errors import DtbenchError
from dtbench.learning.ddpg.critics import ItemCritic, PlayerGroup
from dtbench.learning.ddpg.learner import ActorCritic, Make, descend, fixed
from dtbench.learning.ddpg.options import TransferOptions
from dtbench.learning.ddpg.pairs import DeepSetCritic, PairActor, align
from dtbench.learning.ddpg.replay import Transitions
from dtbench.learning.networks import Floats
from dtbench.learning.policy import Joint
from dtbench.learning.training import Snapshot

WEIGHTS = np.array([0.5, 0.3, 0.2])  # of a twin's last servers, newest first
NONE = -1  # no server
KEPT = 4096  # foreign transitions that a server keeps

Hosts = Callable[[Any], IntArray]  # of a slot
UserEntries = Callable[[int, int, int], IntArray]  # users, servers, features -> (users, n)


class Histories:
    """The last three distinct servers of every twin, newest first; (B, N, 3), NONE where there were fewer."""

    def __init__(self, first: IntArray) -> None:
        self.servers = np.full((*first.shape, len(WEIGHTS)), NONE)
        self.servers[..., 0] = first

    def move(self, now: IntArray) -> BoolArray:
        """Take note of where twins (B, N) are now; who has moved (B, N)."""
        moved = now != self.servers[..., 0]
        for index in np.argwhere(moved):
            kept = [k for k in self.servers[tuple(index)] if k != now[tuple(index)]]
            self.servers[tuple(index)] = ([now[tuple(index)], *kept] + [NONE] * 3)[:3]
        return moved


def sources(history: IntArray, target: IntArray, n_servers: int) -> Array:
    """Weights (K, K) of servers' models in the source model of each target server, Eq. (32).

    ``history`` (n, 3) are the last servers of the twins that moved, before they did, ``target`` (n,) where to. Each
    twin weighs its servers 0.5, 0.3, 0.2, renormalised where it has had fewer; a server takes the mean of its twins.
    Rows of servers that received none are 0.
    """
    weight = np.where(history != NONE, WEIGHTS, 0.0)
    weight /= weight.sum(axis=-1, keepdims=True)
    total = np.zeros((n_servers, n_servers))
    np.add.at(total, (target[:, None], np.maximum(history, 0)), weight)
    received = np.bincount(target, minlength=n_servers)
    return total / np.maximum(received, 1)[:, None]


@torch.no_grad()
def merge(parameters: Iterator[torch.nn.Parameter], weights: Array, rho: float, *, normalise: bool = True) -> None:
    """theta_k <- (theta_k + rho theta_src) / (1 + rho) where ``weights`` (K, K) has a row, Eq. (34) normalised.

    As printed, without ``normalise``, it is not divided.
    """
    received = torch.from_numpy(weights.sum(axis=1) > 0.0)
    mix = torch.from_numpy(weights).float()
    for value in parameters:
        source = (mix @ value.flatten(1)).view_as(value)
        new = (value + rho * source) / (1.0 + rho if normalise else 1.0)
        value.copy_(torch.where(received.view(-1, *[1] * (value.dim() - 1)), new, value))


def user_sources(history: IntArray, user: IntArray, target: IntArray, n_users: int) -> tuple[IntArray, IntArray, Array]:
    """Where models per user and server are merged: numbers (m,) of models k N + u, sources (m, 3), weights (m, 3).

    ``history`` (n, 3) are the last servers of the twins that moved, before they did, ``user`` (n,) whose they are,
    ``target`` (n,) where to. A user that moves to one server in several copies of the environment counts once.
    """
    number, index = np.unique(target * n_users + user, return_index=True)
    weight = np.where(history[index] != NONE, WEIGHTS, 0.0)
    weight /= weight.sum(axis=-1, keepdims=True)
    return number, np.maximum(history[index], 0) * n_users + user[index, None], weight


@torch.no_grad()
def merge_users(
    parameters: Iterator[torch.nn.Parameter], number: IntArray, source: IntArray, weights: Array, rho: float, *,
    normalise: bool = True,
) -> None:  # fmt: skip
    """Eqs. (32) and (34) of the models of single users, see :func:`user_sources`."""
    target, sources_, mix = torch.from_numpy(number), torch.from_numpy(source), torch.from_numpy(weights).float()
    for value in parameters:
        mixed = (mix.view(*mix.shape, *[1] * (value.dim() - 1)) * value[sources_]).sum(dim=1)
        value[target] = (value[target] + rho * mixed) / (1.0 + rho if normalise else 1.0)


@dataclass
class Foreign:
    """Transitions that servers took over, (K, KEPT) each: place and copy in the buffer, whose they were, the stamp."""

    place: IntArray
    env: IntArray
    source: IntArray
    stamp: IntArray
    count: IntArray  # (K,) taken over so far

    @classmethod
    def nothing(cls, n_servers: int) -> Foreign:
        """No transitions."""
        place, env, source = (np.zeros((n_servers, KEPT), dtype=np.int64) for _ in range(3))
        return cls(place, env, source, np.full((n_servers, KEPT), NONE), np.zeros(n_servers, dtype=np.int64))

    def take(self, server: int, places: IntArray, env: int, source: int, replay: Transitions) -> None:
        """Take over transitions of a server, Eq. (33)."""
        at = (self.count[server] + np.arange(len(places))) % KEPT
        self.place[server, at], self.env[server, at], self.source[server, at] = places, env, source
        self.stamp[server, at] = replay.stamp[places]
        self.count[server] += len(places)

    def held(self, server: int, replay: Transitions) -> IntArray:
        """Numbers of those that the buffer still holds."""
        place = self.place[server]
        return np.flatnonzero(replay.valid[place] & (replay.stamp[place] == self.stamp[server]))


class TransferLearner(ActorCritic):
    """The servers' actor-critics with transfer between them.

    Parameters
    ----------
    env, options, seed, make
        As of :class:`ActorCritic`; the actor is a :class:`dtbench.learning.ddpg.actors.PairActor`.
    hosts
        The server (..., N) of each twin before a slot's decision.
    start
        Weights of servers' actors trained elsewhere: every server starts from their mean, ``transfer = init``.
    """

    options: TransferOptions
    actor: PairActor
    critic: DeepSetCritic | ItemCritic
    target_critic: DeepSetCritic | ItemCritic

    def __init__(
        self, env: BatchEnv, options: TransferOptions, seed: int, make: Make, hosts: Hosts,
        start: Mapping[str, Floats] | None = None,
    ) -> None:  # fmt: skip
        super().__init__(env, options, seed, make)
        (group,) = env.encoding.groups
        self.group, self.n_servers = group.name, group.count
        self.apart = self.critic.count > 1
        self.n_users, self.per_user = group.space.width, options.models == "user"
        self.hosts = hosts
        self.foreign = Foreign.nothing(group.count)
        self.histories: Histories | None = None
        if start is not None:
            self._start_from(start)

    def _start_from(self, arrays: Mapping[str, Floats]) -> None:
        each = self.n_users if self.per_user else 1  # models of a server
        lengths = {len(value) for value in arrays.values()}
        if any(length % each for length in lengths):
            raise DtbenchError(f"the source has {lengths.pop()} models, no multiple of the {each} users.")
        mean = {
            name.split("/", 1)[1]: value.reshape(-1, each, *value.shape[1:]).mean(axis=0)
            for name, value in arrays.items()
        }
        for actor in (self.actor, self.target_actor):
            network = actor.network(self.group)
            copies = {name: np.tile(value, (self.n_servers, *[1] * (value.ndim - 1))) for name, value in mean.items()}
            network.load(copies)

    def choose(self, seen: Observation) -> Joint:
        """As :meth:`ActorCritic.choose`; in some copies what ``greedy`` does instead, with scores of 1 and -1."""
        x = super().choose(seen)
        o, env = self.options, self.env
        chance = o.prior * max(1.0 - self.progress / o.prior_share, 0.0) if o.prior_share else 0.0
        taught = self.acting_rng.random(env.n_envs) < chance
        if taught.any():
            assert env.encoding.encode is not None  # noqa: S101  the problem's encoding has one
            greedy = env.problem.heuristics["greedy"](env.slot)
            x = np.where(taught[:, None], env.encoding.encode(env.slot, greedy), x)
        return x

    def after_slot(self, *, first: bool) -> None:
        """The transfer step, once there is enough experience."""
        if self.options.transfer != "online":
            return
        now = np.broadcast_to(self.hosts(self.env.slot), (self.env.n_envs, self.env.encoding.size // self.n_servers))
        if first or self.histories is None:
            self.histories = Histories(now)
            return
        before = self.histories.servers.copy()
        moved = np.argwhere(self.histories.move(now))
        if not len(moved) or self.frames < self.options.warmup:
            return
        history, target = before[tuple(moved.T)], now[tuple(moved.T)]
        weights = sources(history, target, self.n_servers)
        self._take_over(moved[:, 0], history[:, 0], target)
        o, users = self.options, user_sources(history, moved[:, 1], target, self.n_users)
        with self.timed("update"):
            received = torch.from_numpy(weights.sum(axis=1) > 0.0)
            trained = received
            if self.per_user:
                trained = torch.zeros(self.n_servers * self.n_users, dtype=torch.bool)
                trained[torch.from_numpy(users[0])] = True
            for _ in range(o.step_updates):
                self._update_servers(received, trained)
            if self.per_user:
                merge_users(self.actor.parameters(), *users, o.merge, normalise=o.normalise)
            else:
                merge(self.actor.parameters(), weights, o.merge, normalise=o.normalise)
            if self.apart:
                merge(self.critic.parameters(), weights, o.merge, normalise=o.normalise)

    def _take_over(self, env: IntArray, source: IntArray, target: IntArray) -> None:
        """Eq. (33): the newest transitions of each source server, of the copy in which its first twin moved."""
        newest = self.replay.newest(self.options.recent)
        pairs, index = np.unique(np.stack([target, source], axis=1), axis=0, return_index=True)
        taken = np.zeros(self.n_servers, dtype=np.int64)
        for (server, whose), first in zip(pairs, index, strict=True):
            if taken[server] + len(newest) <= self.options.most:
                self.foreign.take(server, newest, env[first], whose, self.replay)
                taken[server] += len(newest)

    def _update_servers(self, received: Tensor, trained: Tensor) -> None:
        """One update of every server that received twins, each on transitions of its own and those it took over.

        ``received`` (K,) are those servers, ``trained`` the actors that change: (K,), or (K N,) of users that moved.
        """
        o, b, servers = self.options, self.options.batch, self.n_servers
        place, env, player = np.zeros((3, servers, b), dtype=np.int64)
        for k in range(servers):
            place[k], env[k], player[k] = self._draw(k)
        state = torch.from_numpy(self.replay.seen["state"][place, env])
        action = torch.from_numpy(self.replay.action[place, env])
        reward = torch.from_numpy(self.replay.reward[place, env])
        after = torch.from_numpy(self.replay.seen["state"][(place + 1) % len(self.replay.valid), env])
        last, whose = torch.from_numpy(self.replay.last[place]), torch.from_numpy(player)
        if not self.apart:
            state, action, after, whose, last = (v.flatten(0, 1)[None] for v in (state, action, after, whose, last))
            reward = reward.flatten(0, 1)[None]
        with torch.no_grad():
            following = self.target_actor({"state": after.flatten(0, 1)}).view_as(action)
            goes_on = 1.0 if o.bootstrap else (~last).float()
            worth = self.target_critic.values_by_player(after, following, whose)
            target = self._paid(reward) + o.gamma * goes_on * worth
        loss = (self.critic.values_by_player(state, action, whose) - target).square().mean(dim=1).sum()
        with self._only("critic", received if self.apart else None):
            descend(self.optimizers["critic"], loss, self.critic_parts(), o.clip)
        states = state.view(servers, b, -1)
        scores = self._scores_of(states, torch.from_numpy(player))
        with fixed(self.parameters["critic"]):
            value = self.critic.values_by_player(state, action, whose, scores.reshape(*whose.shape, -1))
        with self._only("actor", trained):
            lost = servers * o.restraint * scores.square().mean()
            descend(
                self.optimizers["actor"], lost - value.view(servers, b).mean(dim=1).sum(), self.actor_parts(), o.clip
            )

    def _paid(self, reward: Tensor) -> Tensor:
        """Rewards (critics, rows) of rewards (critics, rows, critics): each critic its own."""
        return torch.stack([reward[k, :, k] for k in range(len(reward))])

    def _scores_of(self, state: Tensor, player: Tensor) -> Tensor:
        """Scores (K, rows, N) that model k gives to the pairs of server ``player`` (K, rows) in states (K, rows, S)."""
        users = self.env.encoding.size // self.n_servers
        pairs = state.view(*state.shape[:2], self.n_servers, users, -1)
        index = player[..., None, None, None].expand(*player.shape, 1, users, pairs.shape[-1])
        of_server = pairs.gather(2, index)[:, :, 0]  # (K, rows, N, features)
        return torch.tanh(self.actor.scores(of_server))

    def _draw(self, server: int) -> tuple[IntArray, IntArray, IntArray]:
        """Places, copies and players (b,) of transitions, uniform over a server's own and those it took over."""
        rng, b, held = self.replay_rng, self.options.batch, self.foreign.held(server, self.replay)
        place, env = self.replay.sample(rng, b)
        player = np.full(b, server)
        other = rng.random(b) < len(held) / (len(held) + len(self.replay))
        if other.any():
            which = held[rng.integers(len(held), size=np.count_nonzero(other))]
            for drawn, kept in ((place, self.foreign.place), (env, self.foreign.env), (player, self.foreign.source)):
                drawn[other] = kept[server, which]
        return place, env, player

    @contextmanager
    def _only(self, name: str, received: Tensor | None) -> Iterator[None]:
        """Let an optimizer's step change only the copies of servers that received twins; None: all."""
        adam = self.optimizers[name]
        values = [p.data for p in adam.parameters] + [m for moments in adam.views() for m in moments]
        before = [] if received is None else [value.clone() for value in values]
        yield
        for value, old in zip(values, before, strict=False):
            assert received is not None  # noqa: S101  there is something to restore
            value[~received] = old[~received]

    def state(self) -> Snapshot:
        arrays, facts = super().state()
        kept: dict[str, npt.NDArray[Any]] = {f"foreign/{name}": value for name, value in vars(self.foreign).items()}
        return arrays | kept, facts

    def load(self, state: Snapshot) -> None:
        super().load(state)
        self.apart = self.critic.count > 1
        self.foreign = Foreign(**{name: state[0][f"foreign/{name}"].copy() for name in vars(self.foreign)})


def actor_critic(env: BatchEnv, options: TransferOptions, entries: UserEntries) -> Make:
    """Makes the servers' actors and critics, all alike at first.

    ``entries`` says where each user stands in state and joint action, as :class:`ItemCritic` takes it.
    """
    (group,) = env.encoding.groups
    users, features = group.space.width, group.observation // group.space.width
    units = options.layers("critic")
    if options.alike and options.apart:
        raise DtbenchError("options 'alike' and 'apart' are both true; servers share a critic that judges users alike.")
    if not options.alike and len(units) != 2:
        raise DtbenchError(
            f"option 'critic' is '{options.critic}'; expected the units of pairs and of the layer after."
        )

    def make(generator: torch.Generator) -> tuple[PairActor, DeepSetCritic | ItemCritic]:
        actor = PairActor(
            env.encoding, features, options.layers("actor"), generator, alike=True, per_user=options.models == "user"
        )
        if options.alike:
            state, like = env.observation.state.shape[-1], entries(users, group.count, features)
            servers = (PlayerGroup(0, group.count, users, (0,) * group.count),)
            return actor, ItemCritic(state, env.encoding.size, like, servers, units, generator)
        critic = DeepSetCritic(group.count, users, features, (units[0], units[1]), generator, apart=options.apart)
        align(critic)
        return actor, critic

    return make
