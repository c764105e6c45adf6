"""Placement of digital twins: which base stations host twins, and whose (Lu et al. 2021, P1)."""
