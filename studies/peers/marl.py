"""BenchMARL: VDN, QMIX, MAPPO and MADDPG over our PettingZoo form, and over our batched core."""

from __future__ import annotations

import itertools
import logging
import tempfile
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch

from dtbench import make_env
from dtbench.encoding import Box
from dtbench.envs import BatchEnv
from studies.peers.cost import Cost
from studies.peers.ours import SCORE_SEED, SCORE_TRACES, core
from studies.peers.settings import Pair

warnings.simplefilter("ignore")  # of torchrl
logging.getLogger("torchrl").setLevel(logging.ERROR)

from benchmarl import algorithms  # noqa: E402
from benchmarl.environments.common import Task  # noqa: E402
from benchmarl.environments.pettingzoo.common import PettingZooClass  # noqa: E402
from benchmarl.experiment import Experiment, ExperimentConfig  # noqa: E402
from benchmarl.models import GruConfig, MlpConfig  # noqa: E402
from benchmarl.utils import _add_rnn_transforms  # noqa: E402
from tensordict import TensorDictBase  # noqa: E402
from torchrl.envs import Compose, EnvBase, PettingZooWrapper, TransformedEnv  # noqa: E402
from torchrl.envs.utils import ExplorationType, set_exploration_type  # noqa: E402

from studies.peers.core_env import CoreEnv  # noqa: E402


class Found(PettingZooClass):  # type: ignore[misc]
    """A task as a user writes it: ``PettingZooWrapper`` of our PettingZoo form, one process."""

    def get_env_fun(self, num_envs: int, continuous_actions: bool, seed: int, device: str) -> Callable[[], EnvBase]:
        seeds = itertools.count(1000 * seed)  # copies play traces of their own

        def make() -> EnvBase:
            own = next(seeds)
            env = make_env(self.config["instance"], "parallel", seed=own)
            return PettingZooWrapper(env, categorical_actions=True, return_state=True, device=device, seed=own)

        return make

    def supports_continuous_actions(self) -> bool:
        return bool(self.config["continuous"])

    def supports_discrete_actions(self) -> bool:
        return not self.config["continuous"]

    def has_state(self) -> bool:
        return True

    def has_render(self, env: EnvBase) -> bool:
        return False

    def max_steps(self, env: EnvBase) -> int:
        return int(self.config["horizon"])

    @staticmethod
    def env_name() -> str:
        return "dtbench"


class Core(Found):
    """The same task over our batched core."""

    def get_env_fun(self, num_envs: int, continuous_actions: bool, seed: int, device: str) -> Callable[[], EnvBase]:
        return lambda: CoreEnv(make_env(self.config["instance"], n_envs=num_envs, seed=seed, fresh=True))

    def group_map(self, env: EnvBase) -> dict[str, list[str]]:
        found: dict[str, list[str]] = env.group_map
        return found

    def action_spec(self, env: EnvBase) -> Any:
        return env.full_action_spec_unbatched

    def _only(self, env: EnvBase, entry: str) -> Any:
        """The groups' specification of one entry, without copies."""
        spec = env.full_observation_spec_unbatched.clone()
        del spec["state"]
        for group in self.group_map(env):
            for key in set(spec[group].keys()) - {entry}:
                del spec[group][key]
        return spec

    def observation_spec(self, env: EnvBase) -> Any:
        return self._only(env, "observation")

    def action_mask_spec(self, env: EnvBase) -> Any:
        return None if self.config["continuous"] else self._only(env, "action_mask")

    def info_spec(self, env: EnvBase) -> None:
        return None

    def state_spec(self, env: EnvBase) -> Any:
        spec = env.full_observation_spec_unbatched.clone()
        for group in self.group_map(env):
            del spec[group]
        return spec


class FoundTask(Task):  # type: ignore[misc]
    """Over PettingZoo."""

    PLAYED = None

    @staticmethod
    def associated_class() -> type[Found]:
        return Found


class CoreTask(Task):  # type: ignore[misc]
    """Over the batched core."""

    PLAYED = None

    @staticmethod
    def associated_class() -> type[Core]:
        return Core


class Timed(Experiment):  # type: ignore[misc]
    """An experiment whose updates are counted: gradient steps, and what algorithms do to a batch before."""

    cost: Cost

    def _optimizer_loop(self, group: str) -> Any:
        with self.cost.part("update"):
            return super()._optimizer_loop(group)


def experiment(pair: Pair, side: str, seed: int, folder: str) -> Timed:
    """The peer with the pair's settings."""
    s = pair.settings
    env = core(pair, 1, seed)
    continuous = isinstance(env.encoding.groups[0].space, Box)
    member: Any = CoreTask.PLAYED if side == "core" else FoundTask.PLAYED
    task = member.get_task({"instance": pair.instance, "continuous": continuous, "horizon": env.horizon})
    config = ExperimentConfig.get_from_yaml()
    config.max_n_frames, config.max_n_iters = int(s["episodes"]) * env.horizon, None
    config.evaluation, config.loggers, config.render, config.create_json = False, [], False, False
    config.save_folder, config.share_policy_params, config.gamma = folder, s.get("share", False), s["gamma"]
    config.adam_eps, config.clip_grad_norm = 1e-8, True  # Adam's epsilon is torch's own on our side
    config.evaluation_episodes = 1
    algorithm = SETTINGS[pair.solver](config, s, env.horizon)
    model, critic = _models(pair)
    return Timed(
        task=task, algorithm_config=algorithm, model_config=model, critic_model_config=critic, seed=seed,
        config=config,
    )  # fmt: skip


def _values(config: Any, s: Mapping[str, Any], horizon: int) -> Any:
    """VDN and QMIX: an update's batch is of sub-sequences."""
    _replay(config, s, horizon)
    config.lr = s["learning_rate"]
    config.off_policy_train_batch_size = s["batch"] * (int(s["length"]) or horizon)
    config.off_policy_memory_size = s["capacity"] * horizon
    config.exploration_eps_init, config.exploration_eps_end = s["epsilon"], s["last_epsilon"]
    if "embedding" not in s:
        return algorithms.VdnConfig.get_from_yaml()
    found = algorithms.QmixConfig.get_from_yaml()
    found.mixing_embed_dim = s["embedding"]
    return found


def _actors(config: Any, s: Mapping[str, Any], horizon: int) -> Any:
    """MADDPG: an update's batch is of transitions; one rate, one critic for agents that are paid alike."""
    _replay(config, s, horizon)
    config.lr = s["actor_rate"]
    config.off_policy_train_batch_size, config.off_policy_memory_size = s["batch"], s["capacity"]
    config.exploration_eps_init, config.exploration_eps_end = s["noise"], s["last_noise"]
    return algorithms.MaddpgConfig.get_from_yaml()


def _replay(config: Any, s: Mapping[str, Any], horizon: int) -> None:
    """A round of ``parallel`` episodes, then ``updates`` steps; soft target networks."""
    config.clip_grad_val = s["clip"]
    config.off_policy_n_envs_per_worker = s["parallel"]
    config.off_policy_collected_frames_per_batch = s["parallel"] * horizon
    config.off_policy_n_optimizer_steps = s["updates"]
    config.off_policy_init_random_frames = 0
    config.soft_target_update, config.polyak_tau = True, s["target_rate"]
    config.exploration_anneal_frames = int(s["exploring"] * s["episodes"] * horizon)


def _rollouts(config: Any, s: Mapping[str, Any], horizon: int) -> Any:
    """MAPPO: a rollout of ``parallel`` episodes, then ``epochs`` passes in ``minibatches`` parts."""
    frames = s["parallel"] * horizon
    config.lr, config.clip_grad_val = s["actor_rate"], s["max_norm"]
    config.on_policy_n_envs_per_worker = s["parallel"]
    config.on_policy_collected_frames_per_batch = frames
    config.on_policy_n_minibatch_iters = s["epochs"]
    config.on_policy_minibatch_size = frames // s["minibatches"]
    found = algorithms.MappoConfig.get_from_yaml()
    found.clip_epsilon, found.entropy_coef, found.lmbda = s["clip"], s["entropy"], s["gae_lambda"]
    return found


SETTINGS = {"vdn": _values, "qmix": _values, "mappo": _rollouts, "maddpg": _actors}


def _models(pair: Pair) -> tuple[Any, Any]:
    """Actor's, or value network, and critic's: the same layers as ours."""
    s, (model, critic) = pair.settings, (MlpConfig.get_from_yaml() for _ in range(2))
    model.activation_class = critic.activation_class = torch.nn.Tanh if s.get("activation") == "tanh" else torch.nn.ReLU
    if pair.solver == "maddpg":
        model.num_cells, critic.num_cells = units(s["actor"]), units(s["critic"])
    elif pair.solver == "mappo":
        model.num_cells = critic.num_cells = units(s["hidden"])
    else:
        model.num_cells = critic.num_cells = [s["hidden"]] * s["layers"]
        if s["memory"]:
            recurrent = GruConfig.get_from_yaml()
            recurrent.hidden_size, recurrent.mlp_num_cells = s["memory"], model.num_cells
            return recurrent, critic
    return model, critic


def units(text: str) -> list[int]:
    """Units of hidden layers."""
    return [int(number) for number in text.split(",")]


def run(pair: Pair, side: str, seed: int, cost: Cost) -> dict[str, float]:
    """Train a peer; frames and the final score."""
    with tempfile.TemporaryDirectory() as folder:
        played = experiment(pair, side, seed, folder)
        played.cost = cost
        played.algorithm.process_batch = cost.of_part("update", played.algorithm.process_batch)
        with cost.counted():
            played.run()
        return {"frames": played.total_frames} | _score(pair, played)


class ScoredEnv(CoreEnv):
    """Adds up what the referee says of every slot."""

    def __init__(self, env: BatchEnv) -> None:
        super().__init__(env)
        self.totals = np.zeros(2)

    def _step(self, tensordict: TensorDictBase) -> TensorDictBase:
        told = super()._step(tensordict)
        step = self.last
        self.totals += step.info["objective"].mean(), step.reward.mean()
        return told


def _score(pair: Pair, played: Timed) -> dict[str, float]:
    """What its policy does on the fresh traces that score ours: best actions, by its own masks and memory."""
    env = ScoredEnv(core(pair, SCORE_TRACES, 0))
    whole = TransformedEnv(env, Compose(*played.task.get_env_transforms(env)))
    if played.model_config.is_rnn:
        whole = _add_rnn_transforms(lambda: whole, played.group_map, played.model_config)()
    env.set_seed(SCORE_SEED)
    with torch.no_grad(), set_exploration_type(ExplorationType.DETERMINISTIC):
        whole.rollout(env.core.horizon, played.policy)
    objective, reward = env.totals / env.core.horizon
    return {"objective": float(objective), "reward": float(reward)}
