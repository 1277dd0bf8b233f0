"""How many are left after each step of a way."""

from __future__ import annotations

from typing import TYPE_CHECKING

from markupsafe import Markup, escape

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

WIDTH, STEP, NAMES = 440, 40, 150


def funnel(steps: Sequence[tuple[str, float]], say: Callable[[float], str]) -> Markup:
    """A bar a step, centred, as wide as its number."""
    most = max((value for _, value in steps), default=0) or 1
    room = WIDTH - NAMES
    drawn = []
    for place, (name, value) in enumerate(steps):
        y, wide = place * STEP, value / most * room
        drawn.append(
            f'<text x="0" y="{y + 22}">{escape(name)}</text><rect class="q{max(2, 7 - place)}" x="{NAMES + (room - wide) / 2:.1f}" y="{y + 4}" width="{wide:.1f}" height="{STEP - 10}" rx="3"/>'
            f'<text class="v{" on" if wide > 60 else ""}" x="{NAMES + room / 2:.1f}" y="{y + 23}" text-anchor="middle">{escape(say(value))}</text>'  # noqa: PLR2004 - the number's own width
        )
    return Markup(
        f'<svg class="chart funnel" viewBox="0 0 {WIDTH} {max(1, len(steps)) * STEP}" aria-hidden="true">{"".join(drawn)}</svg>'
    )
