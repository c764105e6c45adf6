"""Parts that learning agents share: stacked networks, replay, rollouts, losses, training, checkpoints.

Acting is plain numpy, so that a trained agent plays, and is scored, where torch is not installed; what learns is torch.
Both hold the same weights: a :class:`dtbench.learning.torch_networks.StackedNetwork` shows its parameters as arrays
without a copy.
"""
