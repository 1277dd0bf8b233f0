"""The live store: who reads often and who reads seldom see the same rows."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st

from conftest import tries
from learnfold.speed import live as store
from learnfold.speed.live import Live

if TYPE_CHECKING:
    import pytest

STATES = 3
KEYS = st.one_of(st.none(), st.integers(-3, 2**100), st.text())
VALUES = st.one_of(KEYS, st.floats(allow_nan=False, allow_infinity=False))
PLACES = st.tuples(st.integers(0, STATES - 1), st.tuples(KEYS, KEYS))
CHANGES = st.dictionaries(PLACES, st.lists(VALUES, min_size=2, max_size=2), max_size=6)
TICKS = st.lists(CHANGES, min_size=1, max_size=8)


def tick(live: Live, changes: dict[tuple[int, tuple[object, object]], list[object]]) -> None:
    """One tick that sets these rows."""
    following = live.begin()
    for (state, key), values in changes.items():
        following.row(state, key, 2).values[:] = values  # type: ignore[arg-type, call-overload]
    following.commit(replace(live.progress, tick=live.progress.tick + 1))


@settings(max_examples=tries(20))
@given(ticks=TICKS, read=st.sets(st.integers(0, 8)), kept=st.integers(1, 4), cut=st.integers(0, 8))
def test_changes_since_any_tick_lead_to_the_rows_as_they_are(
    tmp_path_factory: pytest.TempPathFactory, ticks: list[dict], read: set[int], kept: int, cut: int
) -> None:
    """Of however few ticks it is still known what they changed, and though a tick was given up and the store opened again."""
    folder = tmp_path_factory.mktemp("live")
    expected: list[dict[tuple[object, ...], list[object]]] = [{} for _ in range(STATES)]
    seen: list[dict[bytes, list[object]]] = [{} for _ in range(STATES)]
    after = 0
    before, store._KEPT_TICKS = store._KEPT_TICKS, kept
    try:
        live = Live(folder)
        for number, changes in enumerate(ticks):
            if number == cut:
                given_up = live.begin()
                given_up.row(0, ("lost", None), 2).values[:] = [1, 1]
                given_up.abort()
                live.close()
                live = Live(folder)
            tick(live, changes)
            for (state, key), values in changes.items():
                expected[state][key] = [*key, *values]
            if number in read or number == len(ticks) - 1:
                progress, found = live.changes(dict.fromkeys(range(STATES), after))
                after = progress.tick
                for state, rows in found.items():
                    seen[state] |= dict(rows)
        assert [sorted(rows.values(), key=repr) for rows in expected] == [sorted(r.values(), key=repr) for r in seen]
    finally:
        store._KEPT_TICKS = before
        live.close()
