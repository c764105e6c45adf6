"""How environments show themselves, at a prompt and in a notebook."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from dtbench import notebook
from dtbench.encoding import Categorical, Space


class Shown:
    """A core, or a face of one in ``core``: its class, the instance, copies, agents, and where traces come from."""

    def __repr__(self) -> str:
        core: Any = getattr(self, "core", self)
        name = core.instance.name or f"{core.instance.problem}/{core.instance.size}"
        copies = "1 copy" if core.n_envs == 1 else f"{core.n_envs} copies"
        traces = "fresh traces" if core.fresh else "its own trace"
        return f"<{type(self).__name__} {name}: {copies}, {len(core.encoding.agents)} agents, {traces}>"

    __str__ = __repr__

    def _repr_html_(self) -> str:
        return notebook.table(repr(self).strip("<>"), ("group", "agents", "action of each", "observes"), self._groups())

    def _groups(self) -> Iterator[tuple[object, ...]]:
        core: Any = getattr(self, "core", self)
        for group in core.encoding.groups:
            yield group.name, group.count, _action(group.space), f"{group.observation} numbers"


def _action(space: Space) -> str:
    """One agent's action in words."""
    if isinstance(space, Categorical):
        return ", ".join(f"one of {n}" for n in space.n)
    return f"{space.width} real numbers in [{space.low:g}, {space.high:g}]"
