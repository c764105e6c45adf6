"""A BenchMARL task made of any instance, and BenchMARL's MAPPO on it.

python examples/benchmarl_mappo.py [ITERATIONS]
"""

import sys
import tempfile
import warnings

warnings.simplefilter("ignore")  # of torchrl

from benchmarl.algorithms import MappoConfig
from benchmarl.environments.common import Task
from benchmarl.environments.pettingzoo.common import PettingZooClass
from benchmarl.experiment import Experiment, ExperimentConfig
from benchmarl.models.mlp import MlpConfig
from torchrl.envs import PettingZooWrapper

import dtbench

ITERATIONS = int(sys.argv[1]) if len(sys.argv) > 1 else 5


class DtbenchClass(PettingZooClass):
    """Agents of ``dtbench.make_env(config["instance"], "parallel")``; masks and the global state are passed on."""

    def get_env_fun(self, num_envs, continuous_actions, seed, device):
        def make():
            env = dtbench.make_env(self.config["instance"], "parallel", seed=seed)
            return PettingZooWrapper(env, categorical_actions=True, return_state=True, device=device, seed=seed)

        return make

    def supports_continuous_actions(self):
        return self.config["continuous"]

    def supports_discrete_actions(self):
        return not self.config["continuous"]

    def has_state(self):
        return True

    def has_render(self, env):
        return False

    def max_steps(self, env):
        return self.config["horizon"]

    @staticmethod
    def env_name():
        return "dtbench"


class DtbenchTask(Task):
    """The instances to train on."""

    STIN_TINY = None

    @staticmethod
    def associated_class():
        return DtbenchClass


if __name__ == "__main__":
    name = "stin-deployment/tiny"
    horizon = dtbench.make_env(name).horizon
    task = DtbenchTask.STIN_TINY.get_task({"instance": name, "continuous": False, "horizon": horizon})
    config = ExperimentConfig.get_from_yaml()
    config.max_n_iters, config.max_n_frames = ITERATIONS, None
    config.on_policy_collected_frames_per_batch, config.on_policy_n_envs_per_worker = 200, 2
    config.on_policy_n_minibatch_iters, config.on_policy_minibatch_size = 4, 100
    config.gamma, config.evaluation, config.loggers, config.render = 0.0, False, [], False
    with tempfile.TemporaryDirectory() as folder:
        config.save_folder = folder
        experiment = Experiment(
            task=task, algorithm_config=MappoConfig.get_from_yaml(), model_config=MlpConfig.get_from_yaml(),
            critic_model_config=MlpConfig.get_from_yaml(), seed=0, config=config,
        )  # fmt: skip
        experiment.run()
    print(f"mean return of an episode: {experiment.mean_return:.3f}")
