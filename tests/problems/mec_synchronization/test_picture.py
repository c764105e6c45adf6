"""What the picture says, by hand: who is served, who fails, what goes over wires."""

import numpy as np
from numpy.testing import assert_allclose

from .hand import MEC, hand_slot


def test_served_and_failed_users():
    slot = hand_slot(request=(True, True))
    silent = MEC.heuristics["silent"](slot)
    picture = MEC.picture(slot, silent)
    found = {layer.label: layer for layer in picture.plots[0].layers}
    assert found["user, failed"].names == ("0", "1")
    assert len(found["user, served"].xy) == len(found["radio to the nearest base station"].start) == 0
    terms = {part.label: float(part.values[0]) for part in picture.terms}
    assert terms == {"energy of sending": 0.0, "failures, times queues": 10.0}  # both fail with queues of 10

    served = MEC.heuristics["all-in"](slot)
    picture = MEC.picture(slot, served)
    requests, processor = picture.plots[1:]
    failed = MEC.evaluate(slot, served).metrics["failed"]
    assert requests.totals.sum() == 2
    assert requests.parts[1].values.sum() == failed.sum()
    assert processor.limits.tolist() == [10.0, 10.0]  # Gcycle/s
    assert (processor.totals <= processor.limits + 1e-9).all()


def test_users_who_do_not_ask_are_rings():
    slot = hand_slot(request=(True, False))
    found = {layer.label: layer for layer in MEC.picture(slot, None).plots[0].layers}
    assert found["user who asks"].names == ("0",)
    assert found["user who does not ask"].names == ("1",)
    assert not found["user who does not ask"].filled
    assert_allclose(found["user who asks"].xy, slot.user_xy[:1])


def test_wires_between_the_same_stations_are_one_line():
    slot = hand_slot(host=(1, 1))
    decision = MEC.heuristics["greedy"](slot)
    sent = MEC.evaluate(slot, decision).metrics
    far = ~sent["failed"] & (sent["host"] != slot.access)
    wires = {layer.label: layer for layer in MEC.picture(slot, decision).plots[0].layers}[
        "wire to the station of the twin"
    ]
    pairs = set(zip(slot.access[far].tolist(), sent["host"][far].tolist(), strict=True))
    assert len(wires.start) == len(pairs)
    assert np.shape(wires.width) == (len(pairs),)


def test_twins_move_at_the_start_of_a_frame_of_the_closed_protocol():
    slot = hand_slot(host=(0, 1), protocol="closed", mig_slots=1)
    decision = MEC.Decision(power=np.zeros(2), wire=np.zeros(2), cpu=np.zeros(2), host=np.array([1, 1]))
    ways = {layer.label: layer for layer in MEC.picture(slot, decision).plots[0].layers}["way of twins that move"]
    assert_allclose(ways.start, slot.bs_xy[[0]])
    assert_allclose(ways.end, slot.bs_xy[[1]])
