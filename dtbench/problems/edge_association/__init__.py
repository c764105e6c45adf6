"""Edge association of wireless digital twins (Lu et al. 2021): placement and migration on one system model."""

from dtbench.problems.edge_association.migration.problem import EdgeMigration
from dtbench.problems.edge_association.placement.problem import EdgePlacement

__all__ = ["PROBLEMS"]

PROBLEMS = (EdgePlacement(), EdgeMigration())
