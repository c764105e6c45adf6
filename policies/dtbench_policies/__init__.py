"""Trained policies of dtbench's solvers that its own wheel leaves out, in ``checkpoints``; found by being installed."""
