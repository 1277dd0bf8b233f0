"""What a view's SQL may ask beside rollups and views: ``setting('name')``, a number, and ``plausible_until()``, a day.

The engines know them as functions: DuckDB as macros of a session, Spark as what is written in their place.
"""

from __future__ import annotations

import dataclasses
import re

from learnfold.settings import Settings

SETTING, UNTIL = "setting", "plausible_until"
"""A setting's number, as a DOUBLE; the last day that isn't ahead of the clock by more than ``future_days``, as a DATE."""

_CALL = re.compile(rf"\b{SETTING}\('(\w+)'\)", re.IGNORECASE)
_UNTIL = re.compile(rf"\b{UNTIL}\(\)", re.IGNORECASE)
_AHEAD = "future_days"
_MOST_DAYS = 100_000


def names() -> tuple[str, ...]:
    """The settings that a view may ask for: those that are numbers."""
    return tuple(field.name for field in dataclasses.fields(Settings) if type(field.default) in {int, float})


def asked(query: str) -> tuple[str, ...]:
    """The settings that a query asks for, in the order in which it first does; the one that the last believed day stands on is last."""
    ahead = [_AHEAD] if _UNTIL.search(query) else []
    return tuple(dict.fromkeys([*_CALL.findall(query), *ahead]))


def value(settings: Settings, name: str) -> float:
    """The number of a setting."""
    return float(getattr(settings, name))


def days_ahead(settings: Settings) -> int:
    """Days ahead of the clock that are still believed."""
    return min(settings.future_days, _MOST_DAYS)


def written_out(query: str, settings: Settings, today: str) -> str:
    """The query with numbers in place of what it asks; ``today`` is the clock's day, UTC, as SQL writes a DATE."""
    numbers = _CALL.sub(lambda call: f"CAST({value(settings, call[1])!r} AS DOUBLE)", query)
    return _UNTIL.sub(lambda _: f"date_add({today}, {days_ahead(settings)})", numbers)
