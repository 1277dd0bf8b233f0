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
    """Adds rows to the live states. ``known``: by set, the batch's tuples (None: it holds none); ``widths``: by bundle, its values."""
    for one in passed:
        some = [row for row in rows if row[one.flag]]
        if not some:
            continue
        fresh = {number: tick.fresh(number, [row[at] for row in some], known[number]) for number, at in one.sets}
        for addition in one.additions:
            _to_states(some, addition, tick, widths[addition.bundle])
            for counted in addition.counted:
                _count(some, fresh[counted.set], addition, counted, tick)


def _to_states(rows: Sequence[Row], addition: Addition, tick: Tick, width: int) -> None:
    """Adds what isn't counted distinctly to a bundle's rows, in place."""
    flag = addition.flag
    some = [row for row in rows if row[flag]]
    keys = list(map(_key_of(addition.keys), some))
    changed = tick.take(addition.bundle, keys, width)
    values = [changed[key].values for key in keys]
    for place, merge, at in addition.plain:
        if merge == SUM:
            _sum(values, place, some, at)
        else:
            _extreme(values, place, some, at, least=merge == LEAST)


def _sum(values: Sequence[list[Any]], place: int, rows: Sequence[Row], at: int) -> None:
    for its, row in zip(values, rows, strict=True):
        value = row[at]
        if value is not None:
            old = its[place]
            its[place] = value if old is None else old + value


def _extreme(values: Sequence[list[Any]], place: int, rows: Sequence[Row], at: int, *, least: bool) -> None:
    for its, row in zip(values, rows, strict=True):
        value = row[at]
        if value is not None:
            old = its[place]
            if old is None or ((value < old) if least else (value > old)):
                its[place] = value


def _count(rows: Sequence[Row], fresh: Sequence[bool], addition: Addition, counted: Counted, tick: Tick) -> None:
    """Counts the tuples that are new to their set, in rows that ``_to_states`` has made."""
    changed, key_of = tick.rows(addition.bundle), _key_of(addition.keys)
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
