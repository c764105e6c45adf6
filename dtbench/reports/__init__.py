"""Statistics, the leaderboard and its formats."""
