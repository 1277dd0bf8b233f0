"""Which columns of a rollup or view may name a person: those that are made of fields that may."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

if TYPE_CHECKING:
    from collections.abc import Mapping

    from learnfold.catalog.model import Names

_TEXTS = {"VARCHAR", "VARCHAR[]"}


def names_of(query: exp.Query, column: str, kind: str, sources: Mapping[str, Names]) -> Names:
    """Whom a column of the query may name, by what is known of the columns (by name) that the query reads.

    A name is followed through every subquery that gives something that name, so the answer is never too mild.
    """
    if kind not in _TEXTS:
        return "nobody"
    found = {sources[name] for name in _made_of(query, column) if name in sources}
    return "anyone" if "anyone" in found else "owner" if "owner" in found else "nobody"


def _made_of(query: exp.Query, column: str) -> set[str]:
    """The names of all columns that might go into one, its own among them."""
    made: dict[str, list[exp.Expr]] = {}
    for select in query.find_all(exp.Select):
        for value in select.selects:
            made.setdefault(value.alias_or_name, []).append(value.unalias())
    for union in query.find_all(exp.SetOperation):
        for name, value in zip(union.named_selects, union.expression.selects, strict=False):
            made.setdefault(name, []).append(value.unalias())
    found, left = set[str](), {column}
    while left:
        name = left.pop()
        found.add(name)
        left |= {part.name for value in made.get(name, ()) for part in value.find_all(exp.Column)} - found
    return found
