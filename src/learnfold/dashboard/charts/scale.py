"""From numbers to places: what the charts share."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

STEPS = 9
"""Colours of the ramp, from the palest."""


def path(points: Iterable[tuple[float, float]]) -> str:
    """A line through the points."""
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points)


def shade(value: float, most: float) -> str:
    """The ramp's class for a value: the palest for nothing alone."""
    if value <= 0 or most <= 0:
        return "q0"
    return f"q{min(STEPS - 1, 1 + int(value / most * (STEPS - 1.001)))}"


def ticks(most: float, count: int = 4) -> list[float]:
    """Round numbers from 0 to at least ``most``, about so many steps."""
    if most <= 0:
        return [0.0, 1.0]
    rough = most / count
    base = 10.0 ** math.floor(math.log10(rough))
    step = next(base * factor for factor in (1, 2, 2.5, 5, 10) if base * factor >= rough * (1 - 1e-9))
    return [step * number for number in range(math.ceil(most / step - 1e-9) + 1)]
