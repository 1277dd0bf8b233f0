"""Small bars side by side, the last one marked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from markupsafe import Markup, escape

if TYPE_CHECKING:
    from collections.abc import Sequence

WIDTH, HEIGHT = 84, 22


def bars(values: Sequence[float | None], label: str, marked: int | None = None) -> Markup:
    """One bar a value, from 0; ``marked``: the place of the bar that stands out (default: the last)."""
    if not values:
        return Markup("")
    most = max([value or 0 for value in values] + [1])
    step = WIDTH / len(values)
    marked = len(values) - 1 if marked is None else marked
    drawn = []
    for place, value in enumerate(values):
        tall = max(1.0, (value or 0) / most * HEIGHT)
        now = ' class="now"' if place == marked else ""
        drawn.append(
            f'<rect x="{place * step:.1f}" y="{HEIGHT - tall:.1f}" width="{max(1.0, step - 2):.1f}" height="{tall:.1f}" rx="1"{now}/>'
        )
    return Markup(
        f'<svg class="bars" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(label)}">{"".join(drawn)}</svg>'
    )
