"""Who began together, and what share of them came back: a triangle, since later cohorts have had fewer weeks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from learnfold.dashboard.charts.heat import HeatRow, heat

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from markupsafe import Markup


def cohorts(rows: Sequence[tuple[str, Mapping[int, float]]], say: Callable[[float], str], labelled: str) -> Markup:
    """A row a cohort: by weeks later, the share (of 1) that was active."""
    most = max((weeks for _, shares in rows for weeks in shares), default=0)
    shown = [HeatRow(name, [shares.get(week) for week in range(most + 1)]) for name, shares in rows]
    return heat(shown, [str(week) for week in range(most + 1)], say, labelled)
