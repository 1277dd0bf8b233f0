"""Bars below each other, the names before them: which has most."""

from __future__ import annotations

from typing import TYPE_CHECKING

from markupsafe import Markup, escape

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

WIDTH, STEP, NAMES, VALUES = 720, 26, 220, 90
_LONGEST = 30


def ranking(pairs: Sequence[tuple[str, float | None]], say: Callable[[float], str], label: str) -> Markup:
    """A bar from 0 for each name, in order; no bar where the value isn't known or is negative."""
    most = max((value or 0 for _, value in pairs), default=0) or 1
    drawn = []
    for place, (name, value) in enumerate(pairs):
        y = place * STEP
        wide = max(0.0, (value or 0) / most) * (WIDTH - NAMES - VALUES)
        shown = name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}…"
        drawn.append(
            f'<text x="{NAMES - 10}" y="{y + 17}" text-anchor="end">{escape(shown)}</text>'
            f'<rect x="{NAMES}" y="{y + 5}" width="{wide:.1f}" height="16" rx="3"/>'
            f'<text class="v" x="{NAMES + wide + 8:.1f}" y="{y + 17}">{escape(say(value) if value is not None else "")}</text>'
        )
    return Markup(
        f'<svg class="chart ranking" viewBox="0 0 {WIDTH} {max(1, len(pairs)) * STEP}" role="img" aria-label="{escape(label)}">{"".join(drawn)}</svg>'
    )
