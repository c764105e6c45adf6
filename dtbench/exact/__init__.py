"""Exact back ends: HiGHS, CP-SAT and Pyomo; certificates and model export."""
