"""What an event's row adds to the states, put together: sums, leasts and mosts, and how many tuples are new. No SQL has a meaning here."""

from __future__ import annotations

from functools import cache
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from learnfold.speed.row import LEAST, SUM

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from learnfold.speed.live import Tick
    from learnfold.speed.row import Addition, Counted, Passed
    from learnfold.speed.seen import Tuples

Row = tuple[Any, ...]


def add(
    rows: Sequence[Row], passed: Sequence[Passed], tick: Tick, known: Sequence[Tuples | None], widths: Sequence[int]
) -> None:
    """Adds rows to the live states. ``known``: by set, the batch's tuples (None: it holds none); ``widths``: by state, its values."""
    for one in passed:
        some = [row for row in rows if row[one.flag]]
        if not some:
            continue
        fresh = {number: tick.fresh(number, [row[at] for row in some], known[number]) for number, at in one.sets}
        for addition in one.additions:
            _to_state(some, addition, tick, widths[addition.state])
            for counted in addition.counted:
                _count(some, fresh[counted.set], addition, counted, tick)


def _to_state(rows: Sequence[Row], addition: Addition, tick: Tick, width: int) -> None:
    """Adds what isn't counted distinctly to a state's rows, in place."""
    changed, state, flag, plain = tick.rows(addition.state), addition.state, addition.flag, addition.plain
    key_of = _key_of(addition.keys)
    for row in rows:
        if not row[flag]:
            continue
        key = key_of(row)
        values = (changed.get(key) or tick.row(state, key, width)).values
        for place, merge, at in plain:
            value = row[at]
            if value is None:
                continue
            old: Any = values[place]
            if old is None:
                values[place] = value
            elif merge == SUM:
                values[place] = old + value
            elif (value < old) if merge == LEAST else (value > old):
                values[place] = value


def _count(rows: Sequence[Row], fresh: Sequence[bool], addition: Addition, counted: Counted, tick: Tick) -> None:
    """Counts the tuples that are new to their set, in rows that ``_to_state`` has made."""
    changed, key_of = tick.rows(addition.state), _key_of(addition.keys)
    for row, new in zip(rows, fresh, strict=True):
        if new and row[addition.flag] and row[counted.at]:
            values: list[Any] = changed[key_of(row)].values
            values[counted.place] = (values[counted.place] or 0) + 1


@cache
def _key_of(places: tuple[int, ...]) -> Callable[[Row], tuple[Any, ...]]:
    """What takes the columns at these places."""
    if len(places) > 1:
        return itemgetter(*places)
    return lambda row: tuple([row[place] for place in places])
