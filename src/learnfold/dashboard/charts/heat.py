"""A table whose cells are shaded by their number: holes and habits are seen at once. It is its own twin."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from markupsafe import Markup, escape

from learnfold.dashboard.charts.scale import STEPS, shade

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


@dataclass(frozen=True)
class HeatRow:
    """One row: None where there can be no number."""

    label: str
    values: Sequence[float | None]
    most: float | None = None  # what the darkest shade stands for; None: the table's greatest number


def heat(
    rows: Sequence[HeatRow],
    columns: Sequence[str],
    say: Callable[[float], str],
    labelled: str,
    every: int = 1,
) -> Markup:
    """The table; ``labelled``: the id of its heading; ``every``: each so many columns one shows its name."""
    greatest = max((value or 0 for row in rows for value in row.values), default=0)
    head = "".join(
        f'<th scope="col"><span{"" if place % every == 0 else " class=sr"}>{escape(name)}</span></th>'
        for place, name in enumerate(columns)
    )
    body = []
    for row in rows:
        most = greatest if row.most is None else row.most
        cells = "".join(_cell(row.label, columns, place, row.values, (most, say)) for place in range(len(row.values)))
        body.append(f'<tr><th scope="row">{escape(row.label)}</th>{cells}</tr>')
    return Markup(
        f'<table class="heat" aria-labelledby="{labelled}"><thead><tr><td></td>{head}</tr></thead><tbody>{"".join(body)}</tbody></table>'
    )


def key(least: str, most: str) -> Markup:
    """What the shades mean."""
    steps = "".join(f'<i class="q{number}"></i>' for number in range(STEPS))
    return Markup(
        f'<p class="key" aria-hidden="true"><span>{escape(least)}</span>{steps}<span>{escape(most)}</span></p>'
    )


def _cell(
    label: str,
    columns: Sequence[str],
    place: int,
    values: Sequence[float | None],
    how: tuple[float, Callable[[float], str]],
) -> str:
    value, (most, say) = values[place], how
    if value is None:
        return "<td></td>"
    text = escape(say(value))
    tip = escape(f"{label} {columns[place]}".strip())
    return f'<td class="{shade(value, most)}" data-tip="{tip}|{text}"><span>{text}</span></td>'
