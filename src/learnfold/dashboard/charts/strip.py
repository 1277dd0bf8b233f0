"""A video from start to end: how many still watch, by colour, and where half of them have left, by a notch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from markupsafe import Markup

from learnfold.dashboard.charts.scale import shade

if TYPE_CHECKING:
    from collections.abc import Sequence

WIDTH, HEIGHT = 320, 18
HALF = 0.5


def half_left(shares: Sequence[float]) -> int | None:
    """The first place where fewer than half still watch; None where there is none."""
    return next((place for place, share in enumerate(shares) if share < HALF), None)


def strip(shares: Sequence[float]) -> Markup:
    """The shares (of 1) from left to right."""
    step = WIDTH / max(1, len(shares))
    drawn = "".join(
        f'<rect class="{shade(share, 1)}" x="{place * step:.1f}" width="{step + 0.3:.1f}" height="{HEIGHT}"/>'
        for place, share in enumerate(shares)
    )
    half = half_left(shares)
    notch = f'<path class="half" d="M{half * step:.1f} -3V{HEIGHT + 3}"/>' if half else ""
    return Markup(
        f'<svg class="strip" viewBox="0 -3 {WIDTH} {HEIGHT + 6}" preserveAspectRatio="none" aria-hidden="true">{drawn}{notch}</svg>'
    )
