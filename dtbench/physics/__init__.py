"""What problems share: radio links, mobility, orbits."""
