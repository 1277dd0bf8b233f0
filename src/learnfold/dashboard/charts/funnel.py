"""How many are left after each step of a way."""

from __future__ import annotations

from typing import TYPE_CHECKING

from markupsafe import Markup, escape

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

WIDTH, STEP, NAMES = 480, 40, 190


def funnel(steps: Sequence[tuple[str, float]], say: Callable[[float], str]) -> Markup:
    """A bar a step, centred, as wide as its number."""
    most = max((value for _, value in steps), default=0) or 1
    room = WIDTH - NAMES
    drawn = []
    for place, (name, value) in enumerate(steps):
        y, wide = place * STEP, value / most * room
        drawn.append(
            f'<text x="0" y="{y + 22}">{escape(name)}</text><text class="v" x="{NAMES - 12}" y="{y + 22}" text-anchor="end">{escape(say(value))}</text>'
            f'<rect class="q{max(2, 7 - place)}" x="{NAMES + (room - wide) / 2:.1f}" y="{y + 4}" width="{wide:.1f}" height="{STEP - 10}" rx="3"/>'
        )
    return Markup(
        f'<svg class="chart funnel" viewBox="0 0 {WIDTH} {max(1, len(steps)) * STEP}" aria-hidden="true">{"".join(drawn)}</svg>'
    )
