"""Numbers that stand large on a page: each with how it went, how it changed and where it comes from."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from learnfold.dashboard.visit import Visit


@dataclass(frozen=True)
class Number:
    """One of them."""

    label: str
    value: str
    explain: str = ""  # the address that says where it comes from
    unit: str = ""
    note: str = ""
    values: Sequence[float | None] = field(default_factory=tuple)  # of the weeks up to the one that is shown
    change: float | None = None  # against the week before, as a share; None: not known


def change(values: Sequence[float | None]) -> float | None:
    """How the last value differs from the one before, as a share of that; None where that is nothing."""
    if len(values) < 2 or values[-1] is None or not values[-2]:  # noqa: PLR2004
        return None
    return (values[-1] - values[-2]) / values[-2]


def explained(visit: Visit, view: str, column: str, **where: object) -> str:
    """The address that says where a number comes from: of the rows with these values (``date__ge``: at least)."""
    said = {name.replace("__", "."): value for name, value in where.items()}
    return visit.links.to("/explain/{}/{}", view, column, **said)
