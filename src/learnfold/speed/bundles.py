"""States whose rows always change together, by the same key: they are kept as one row, with each of their values once."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from learnfold.catalog.plans import State, StateColumn


@dataclass
class Bundle:
    """States of the same source, condition and key."""

    states: list[State] = field(default_factory=list)
    values: list[StateColumn] = field(default_factory=list)  # of all of them, each once

    @property
    def key(self) -> list[StateColumn]:
        """The columns of the key."""
        return [column for column in self.states[0].columns if column.merge == "key"]

    def places(self, state: State) -> list[int]:
        """Where among the bundle's values those of a state are."""
        known = {_made(column): place for place, column in enumerate(self.values)}
        return [known[_made(column)] for column in state.columns if column.merge != "key"]

    def add(self, state: State) -> None:
        """Keeps one more state."""
        self.states.append(state)
        known = {_made(column) for column in self.values}
        for column in state.columns:
            if column.merge != "key" and _made(column) not in known:
                known.add(_made(column))
                self.values.append(column)


def bundles(states: Iterable[State]) -> list[Bundle]:
    """The bundles of all states."""
    found: dict[tuple[object, ...], Bundle] = {}
    for state in states:
        key = tuple(_made(column) for column in state.columns if column.merge == "key")
        found.setdefault((state.source, state.condition, key), Bundle()).add(state)
    return list(found.values())


def _made(column: StateColumn) -> tuple[str | None, ...]:
    """What a column is made of, whatever it is called."""
    return column.merge, column.value, column.type, column.tuples, column.counts
