"""Clipped policy gradients: MAPPO and HAPPO."""
