"""A line without axes: how a number went, its last value marked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from markupsafe import Markup, escape

from learnfold.dashboard.charts.scale import path

if TYPE_CHECKING:
    from collections.abc import Sequence

WIDTH, HEIGHT = 120, 36


def spark(values: Sequence[float | None], label: str) -> Markup:
    """The values from left to right between their least and greatest; what isn't known is left out."""
    known = [(place, float(value)) for place, value in enumerate(values) if value is not None]
    if not known:
        return Markup("")
    least, most = min(value for _, value in known), max(value for _, value in known)
    across = (WIDTH - 8) / max(1, len(values) - 1)
    points = [
        (4 + place * across, HEIGHT / 2 if most == least else 4 + (most - value) / (most - least) * (HEIGHT - 8))
        for place, value in known
    ]
    line = path(points)
    x, y = points[-1]
    return Markup(
        f'<svg class="spark" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(label)}">'
        f'<path class="area" d="{line}L{x:.1f} {HEIGHT}L{points[0][0]:.1f} {HEIGHT}Z"/><path class="line" d="{line}"/>'
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.8"/></svg>'
    )
