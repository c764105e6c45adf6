"""The encoding ``scores`` of ``edge-migration``: the papers' decoder for one controller."""

import numpy as np
from numpy.testing import assert_array_equal

from dtbench.core import Limits
from dtbench.problems import problem

MIGRATION = problem("edge-migration")
TINY = MIGRATION.generate("tiny", 90_001)
ENCODINGS = MIGRATION.encodings(TINY)
SLOT = MIGRATION.slot(TINY, 0, MIGRATION.start(TINY))


def test_the_agents_decoder():
    """Scores of servers, users first instead of last, are the same decision."""
    x = ENCODINGS["agents"].sample(np.random.default_rng(0), (4,))
    turned = np.swapaxes(x.reshape(4, SLOT.n_servers, SLOT.n_users), -1, -2).reshape(4, -1)
    assert_array_equal(ENCODINGS["scores"].decode(SLOT, turned).assoc, ENCODINGS["agents"].decode(SLOT, x).assoc)


def test_the_teacher_says_what_the_matching_does_at_its_worths():
    """In whatever state a slot is in."""
    worth, scores = (ENCODINGS[name].teacher(MIGRATION, TINY, Limits()) for name in ("matching", "scores"))
    moved = MIGRATION.slot(TINY, 1, MIGRATION.advance(SLOT, MIGRATION.heuristics["nearest"](SLOT)))
    for t, slot in ((0, SLOT), (1, moved)):
        best = ENCODINGS["matching"].decode(slot, np.nan_to_num(worth(t, slot)))
        assert_array_equal(ENCODINGS["scores"].decode(slot, scores(t, slot)).assoc, best.assoc)


def test_where_twins_are_is_seen():
    inputs = ENCODINGS["scores"].layout.split_state(ENCODINGS["scores"].observe(SLOT).state)
    assert_array_equal(inputs["now"][..., 2].argmax(axis=-1), SLOT.prev)
    assert_array_equal(inputs["allowed"][..., 0] > 0.0, SLOT.admissible)
    assert_array_equal(inputs["room"][:, 0], SLOT.cap)
