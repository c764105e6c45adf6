"""What environments show: the last slot with its decision, as a picture or in a few lines. Matplotlib comes at need."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from dtbench.core import Decision, Outcome, Slot
from dtbench.envs.batch import BatchEnv
from dtbench.errors import DtbenchError

RENDER_MODES = ("ansi", "rgb_array")
FPS = 2  # slots per second of a video


def checked(mode: str | None) -> str | None:
    """The mode, if it is one.

    Raises
    ------
    DtbenchError
        If it is none of :data:`RENDER_MODES`, nor None.
    """
    if mode is not None and mode not in RENDER_MODES:
        raise DtbenchError(f"render_mode is '{mode}'. Known: {', '.join(RENDER_MODES)}.")
    return mode


def render(core: BatchEnv, mode: str | None, copy: int = 0) -> npt.NDArray[np.uint8] | str | None:
    """What a mode shows of one copy; None without a mode.

    Before the first step that is the first slot, else the slot that was played last.
    """
    if mode is None:
        return None
    from dtbench.drawing.general import picture_of
    from dtbench.drawing.text import broken, text_of

    t = max(core.t - 1, 0) if core.played else 0
    slot, decision, outcome = _shown(core, copy)
    picture = picture_of(core.problem, slot, decision, outcome)
    title = f"{core.problem.id}, {core.instance.size}: slot {t} (0 to {core.horizon - 1})"
    if mode == "ansi":
        return text_of(title, picture, outcome, core.problem.unit)
    from dtbench.drawing.figure import Panel, frame
    from dtbench.drawing.style import pixels

    said = "before the first decision" if outcome is None else f"objective {_value(core, outcome)}"
    verdict = "" if outcome is None else broken(outcome) or "feasible"
    return pixels(frame(title, core.problem.title, Panel(said, verdict, picture), core.problem.unit))


def _shown(core: BatchEnv, copy: int) -> tuple[Slot, Decision | None, Outcome | None]:
    """Slot, decision and outcome of one copy, without leading axes."""
    if core.played is None:
        return _member(core, core.slot, copy), None, None
    slot, decision = core.played
    one, chosen = _member(core, slot, copy), _member(core, decision, copy)
    return one, chosen, core.problem.evaluate(one, chosen)


def _member(core: BatchEnv, value: Any, copy: int) -> Any:
    """One copy's part of a slot or decision, which may have no leading axis where all copies agree."""
    return value[copy] if value.batch_shape else value


def _value(core: BatchEnv, outcome: Outcome) -> str:
    unit = core.problem.unit
    return f"{float(outcome.objective):.6g}{'' if unit == '1' else ' ' + unit}"
