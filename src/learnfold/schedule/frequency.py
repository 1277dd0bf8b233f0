"""How often the batch layer may run: the choices of the coordinator, the built-in scheduler and the documentation."""

from __future__ import annotations

from dataclasses import dataclass

from learnfold.errors import UsageError


@dataclass(frozen=True)
class Frequency:
    """One choice, in Oozie's words and in cron's."""

    name: str
    oozie: str
    cron: str
    days: int  # whole days between two runs; 0: it runs within a day


FREQUENCIES = {
    choice.name: choice
    for choice in (
        Frequency("hourly", "${coord:hours(1)}", "0 * * * *", 0),
        Frequency("6h", "${coord:hours(6)}", "0 */6 * * *", 0),
        Frequency("daily", "${coord:hours(24)}", "0 0 * * *", 1),
        Frequency("weekly", "${coord:days(7)}", "0 0 * * MON", 7),
    )
}
"""The choices by name."""


def frequency(name: str) -> Frequency:
    """The choice of that name; raises UsageError naming them all."""
    if name not in FREQUENCIES:
        raise UsageError(f"there is no frequency {name!r}; it can be {', '.join(FREQUENCIES)}")
    return FREQUENCIES[name]
