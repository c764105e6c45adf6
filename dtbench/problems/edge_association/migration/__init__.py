"""Moving twins between servers as users move: P2 of Lu et al. (2021)."""
