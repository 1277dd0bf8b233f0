"""Lines over time, labelled at their ends; each has its own colour and its own dashes."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from markupsafe import Markup, escape

from learnfold.dashboard.charts.scale import path, ticks

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

WIDTH, HEIGHT = 600, 280
TOP, RIGHT, BOTTOM, LEFT = 14, 148, 34, 48
BETWEEN = 19
"""Two labels at the lines' ends are at least so far apart."""

SERIES = 5
"""Lines that can be told apart."""


@dataclass(frozen=True)
class Line:
    """One line: its values from left to right; None where there is none."""

    label: str
    values: Sequence[float | None]


def lines(
    series: Sequence[Line], names: Sequence[str], say: Callable[[float], str], marked: int | None = None
) -> Markup:
    """The lines from 0 up; ``names``: of the places from left to right; ``say`` writes a value; ``marked``: the place told of."""
    if not names or not series:
        return Markup("")
    marked = len(names) - 1 if marked is None else marked
    levels = ticks(max((value or 0) for line in series for value in line.values))
    wide, tall = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM
    xs = [LEFT + (wide * place / (len(names) - 1) if len(names) > 1 else wide) for place in range(len(names))]

    def y(value: float) -> float:
        return TOP + (1 - value / levels[-1]) * tall

    grid = "".join(
        f'<path d="M{LEFT} {y(level):.1f}H{LEFT + wide}"/><text x="{LEFT - 8}" y="{y(level) + 4:.1f}" text-anchor="end">{escape(say(level))}</text>'
        for level in levels
    )
    every = max(1, -(-len(names) // 12))
    axis = "".join(
        f'<text x="{xs[place]:.1f}" y="{HEIGHT - 6}" text-anchor="middle"{_now(place == marked)}>{escape(name)}</text>'
        for place, name in enumerate(names)
        if (len(names) - 1 - place) % every == 0
    )
    ends = _apart([next((y(v) for v in reversed(line.values) if v is not None), y(0)) for line in series])
    drawn = "".join(
        _line(number, [(x, y(v)) for x, v in zip(xs, line.values, strict=True) if v is not None], xs[marked])
        + f'<text x="{LEFT + wide + 12}" y="{end + 4:.1f}">{_end(line, say)}</text></g>'
        for number, (line, end) in enumerate(zip(series, ends, strict=True))
    )
    return Markup(
        f'<svg class="chart lines" viewBox="0 0 {WIDTH} {HEIGHT}" aria-hidden="true"><g class="grid">{grid}</g><g class="axis">{axis}</g>'
        f'<path class="marker" d="M{xs[marked]:.1f} {TOP}V{TOP + tall}"/>{drawn}{_hover(series, names, say, xs)}</svg>'
    )


def _now(yes: bool) -> str:
    return ' class="now"' if yes else ""


def _line(number: int, points: list[tuple[float, float]], marked: float) -> str:
    drawn = f'<path class="line" d="{path(points)}"/>' if points else ""
    dots = "".join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3"{_now(round(x - marked) == 0)}/>' for x, y in points)
    return f'<g class="series s{number % SERIES + 1}">{drawn}{dots if len(points) <= 30 else ""}'  # noqa: PLR2004 - more would be a band


def _end(line: Line, say: Callable[[float], str]) -> str:
    last = next((value for value in reversed(line.values) if value is not None), None)
    value = "" if last is None else f'<tspan class="v">{escape(say(last))}</tspan> '
    return f"{value}{escape(line.label)}"


def _apart(ends: list[float]) -> list[float]:
    """The same heights, moved so that no two labels touch, and none stands below the chart."""
    order = sorted(range(len(ends)), key=lambda place: ends[place])
    moved = list(ends)
    for before, after in pairwise(order):
        moved[after] = max(moved[after], moved[before] + BETWEEN)
    lowest: float = HEIGHT - BOTTOM
    for place in reversed(order):
        moved[place] = min(moved[place], lowest)
        lowest = moved[place] - BETWEEN
    return moved


def _hover(series: Sequence[Line], names: Sequence[str], say: Callable[[float], str], xs: list[float]) -> str:
    """What the pointer finds over each place."""
    step = (xs[-1] - xs[0]) / (len(xs) - 1) if len(xs) > 1 else 40
    found = []
    for place, name in enumerate(names):
        told = [f"{line.label}: {say(value)}" for line in series if (value := line.values[place]) is not None]
        found.append(
            f'<rect x="{xs[place] - step / 2:.1f}" y="{TOP}" width="{step:.1f}" height="{HEIGHT - TOP - BOTTOM}" data-tip="{escape("|".join([name, *told]))}"/>'
        )
    return f'<g class="hover">{"".join(found)}</g>'
