"""Imitation: networks of sets that learn what an exact method decides."""
