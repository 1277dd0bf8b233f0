"""Things by two of their numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from markupsafe import Markup, escape

if TYPE_CHECKING:
    from collections.abc import Sequence

WIDTH, HEIGHT = 440, 270
TOP, RIGHT, BOTTOM, LEFT = 14, 24, 46, 44
_NEAR_X, _NEAR_Y = 44, 14
"""Two dots so near would hide each other's names."""


@dataclass(frozen=True)
class Dot:
    """One thing: its name, and its numbers across and up."""

    name: str
    x: float
    y: float
    tip: str = ""


def scatter(dots: Sequence[Dot], across: str, up: str) -> Markup:
    """The dots with their names; ``across`` and ``up`` say what the axes are, whose ends are the least and the greatest."""
    if not dots:
        return Markup("")
    wide, tall = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM
    xs, ys = _ends([dot.x for dot in dots]), _ends([dot.y for dot in dots])
    placed = [
        (dot, LEFT + (dot.x - xs[0]) / (xs[1] - xs[0]) * wide, TOP + (1 - (dot.y - ys[0]) / (ys[1] - ys[0])) * tall)
        for dot in dots
    ]
    drawn = []
    for dot, x, y in placed:
        crowded = x > WIDTH - 80 or any(
            0 < other - x < _NEAR_X and abs(high - y) < _NEAR_Y for _, other, high in placed
        )
        name = f'<text x="{x - 10 if crowded else x + 10:.1f}" y="{y + 4:.1f}" text-anchor="{"end" if crowded else "start"}">{escape(dot.name)}</text>'
        drawn.append(
            f'<g data-tip="{escape(dot.tip or dot.name)}"><circle class="dot" cx="{x:.1f}" cy="{y:.1f}" r="6"/>{name}</g>'
        )
    return Markup(
        f'<svg class="chart scatter" viewBox="0 0 {WIDTH} {HEIGHT}" aria-hidden="true"><g class="grid"><path d="M{LEFT} {TOP + tall}H{LEFT + wide}M{LEFT} {TOP}V{TOP + tall}"/>'
        f'<text x="{LEFT + wide / 2}" y="{HEIGHT - 10}" text-anchor="middle">{escape(across)} →</text>'
        f'<text transform="translate(20 {TOP + tall / 2}) rotate(-90)" text-anchor="middle">{escape(up)} →</text></g>{"".join(drawn)}</svg>'
    )


def _ends(values: list[float]) -> tuple[float, float]:
    least, most = min(values), max(values)
    room = (most - least) * 0.08 or 1.0
    return least - room, most + room
