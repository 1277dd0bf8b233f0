"""What an event's row adds to the states, put together: sums, leasts and mosts, and how many tuples are new. No SQL has a meaning here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from learnfold.speed.row import LEAST, SUM

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from learnfold.speed.live import Tick
    from learnfold.speed.row import Addition, Passed
    from learnfold.speed.seen import Tuples

Row = tuple[Any, ...]


def add(
    rows: Sequence[Row], passed: Sequence[Passed], tick: Tick, known: Sequence[Tuples | None], widths: Sequence[int]
) -> None:
    """Adds rows to the live states. ``known``: by set, the batch's tuples (None: it holds none); ``widths``: by state, its values."""
    for row in rows:
        for one in passed:
            if not row[one.flag]:
                continue
            fresh = {}
            for number, at in one.sets:
                value, seen = row[at], known[number]
                new = value is not None and (seen is None or value not in seen)
                fresh[number] = new and tick.is_new(number, value)
            for addition in one.additions:
                if row[addition.flag]:
                    key = tuple([row[at] for at in addition.keys])
                    _to_row(row, addition, tick.row(addition.state, key, widths[addition.state]), fresh)


def _to_row(row: Row, addition: Addition, values: list[Any], fresh: Mapping[int, bool]) -> None:
    """Adds to one row of a state, in place."""
    for place, merge, at in addition.plain:
        value = row[at]
        if value is None:
            continue
        old = values[place]
        if old is None:
            values[place] = value
        elif merge == SUM:
            values[place] = old + value
        elif (value < old) if merge == LEAST else (value > old):
            values[place] = value
    for counted in addition.counted:
        if fresh[counted.set] and row[counted.at]:
            values[counted.place] = (values[counted.place] or 0) + 1
