"""Deterministic actor-critics: DDPG, CC-DDPG, MADDPG and transfer."""
