"""Things side by side: a row a number, a column a thing, and behind each but the first how it differs from the first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from learnfold.dashboard.table import Head, Table, dim

if TYPE_CHECKING:
    from collections.abc import Sequence

    from learnfold.dashboard.visit import Visit

Compared = tuple[str, int, list[float | None]]
"""What a number is called, to how many digits it is written, and its value of each thing; None: not known."""


def beside(visit: Visit, heads: Sequence[Any], rows: Sequence[Compared]) -> Table:
    """The table of what is compared; ``heads``: what the columns are called, or links to them."""
    t = visit.words
    shown = []
    for label, digits, values in rows:
        cells = [_against(visit, values, place, t.number(value, digits)) for place, value in enumerate(values)]
        shown.append([label, *cells])
    return Table([Head(t("number")), *(Head(head, number=True) for head in heads)], shown, name=t("compare"))


def _against(visit: Visit, values: Sequence[float | None], place: int, text: str) -> Any:
    first, value = values[0], values[place]
    if place == 0 or value is None or not first:
        return text
    share = (value - first) / first
    sign = "+" if share > 0 else "−" if share < 0 else "±"
    return dim(f"{sign}{visit.words.percent(abs(share))}") + " " + text
