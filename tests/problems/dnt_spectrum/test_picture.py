"""What the picture says, by hand: resource blocks, uploads, and errors that stay."""

import numpy as np
from numpy.testing import assert_allclose

from .hand import DNT, hand_slot, links


def test_blocks_uploads_and_errors():
    slot = hand_slot(n_rb=2)  # e = (1, 4); user 0 at station 0, user 1 at station 1
    picture = DNT.picture(slot, links([0, -1], [1, -1], [-1, 0]))
    found = {layer.label: layer for layer in picture.plots[0].layers}
    assert found["user, served"].names == ("0",)
    assert found["user, not served"].names == ("1",)
    assert_allclose(found["serves"].start, slot.params.bs_xy[[0]])
    assert_allclose(found["upload"].start, slot.params.bs_xy[[1]])
    blocks, error = picture.plots[1:]
    assert blocks.cells.tolist() == [[-1, 0], [1, -1]]  # station 0 serves on block 1, station 1 uploads on block 0
    assert blocks.texts.tolist() == [["", "0"], ["up", ""]]
    assert {part.label: part.values.tolist() for part in error.parts} == {
        "error that stays": [1.0, 0.0], "error that an upload mends": [0.0, 4.0],
    }  # fmt: skip
    terms = {part.label: float(part.values[0]) for part in picture.terms}
    assert_allclose(terms["error that stays"], -slot.params.error_weight * 1.0)


def test_two_links_on_one_block_are_marked():
    picture = DNT.picture(hand_slot(), links([0, 0], [0, 0], [-1, -1]))
    assert picture.plots[1].cells.tolist() == [[2], [-1]]


def test_errors_counted_by_block_of_a_station():
    slot = hand_slot(error_scope="block")
    decision = links([-1, -1], [-1, -1], [-1, -1])
    terms = {part.label: float(part.values[0]) for part in DNT.picture(slot, decision).terms}
    assert_allclose(sum(terms.values()), DNT.evaluate(slot, decision).objective)
    assert np.isclose(terms["error that stays"], -slot.params.error_weight * 5.0)
