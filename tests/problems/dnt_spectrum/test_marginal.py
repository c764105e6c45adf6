"""The marginal greedy rule: its table of changes against the referee, and by hand."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from dtbench.problems.dnt_spectrum.board import Board
from dtbench.problems.dnt_spectrum.marginal import greedy_marginal, losses, upload_worth, user_worth

from .hand import DNT, hand_slot, random_slot


def test_by_hand():
    """User 0 alone is worth 0.25 * 9.966 = 2.492, the upload of mast 1 1.5; then the upload still adds 0.57."""
    slot = hand_slot()
    found = greedy_marginal(slot)
    assert_array_equal(np.r_[found.bs, found.rb, found.up], [0, -1, 0, -1, -1, 0])


@pytest.mark.parametrize("interference", ["physical", "printed"])
@pytest.mark.parametrize("scope", ["user", "block"])
@pytest.mark.parametrize("seed", range(4))
def test_changes_are_those_of_the_referee(seed, scope, interference):
    slot = random_slot(seed, "small", interference=interference, error_scope=scope, delay_limit=3.0)
    rng = np.random.default_rng(seed)
    encoding = DNT.encodings(DNT.generate("small", seed))["search"]
    full = encoding.decode(slot, encoding.sample(rng))
    board, yes = Board(slot), np.ones(1, dtype=bool)
    for u in np.flatnonzero((full.bs >= 0) & (rng.random(8) < 0.5)):
        board.put_user(yes, np.array([u]), full.bs[[u]], full.rb[[u]])
    for m in np.flatnonzero((full.up >= 0) & (rng.random(3) < 0.5)):
        board.put_upload(yes, np.array([m]), full.up[[m]])
    before = board.decision()
    value = DNT.evaluate(slot, before).objective
    lost = losses(board)
    users, uploads = user_worth(board, lost)[0], upload_worth(board, lost, slot.error[None])[0]
    for u, m, n in np.ndindex(*users.shape):
        bs, rb = before.bs.copy(), before.rb.copy()
        bs[u], rb[u] = m, n
        outcome = DNT.evaluate(slot, type(before).of(bs, rb, before.up))
        assert np.isfinite(users[u, m, n]) == (outcome.feasible and before.bs[u] < 0)
        if np.isfinite(users[u, m, n]):
            assert_allclose(users[u, m, n], outcome.objective - value, atol=1e-9)
    for m, n in np.ndindex(*uploads.shape):
        up = before.up.copy()
        up[m] = n
        outcome = DNT.evaluate(slot, type(before).of(before.bs, before.rb, up))
        assert np.isfinite(uploads[m, n]) == (outcome.feasible and before.up[m] < 0)
        if np.isfinite(uploads[m, n]):
            assert_allclose(uploads[m, n], outcome.objective - value, atol=1e-9)
