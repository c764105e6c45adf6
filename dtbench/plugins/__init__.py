"""Solvers in files and installed packages: found, read as text, loaded in the process of a cell."""
