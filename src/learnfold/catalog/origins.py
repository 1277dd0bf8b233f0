"""What makes a query's columns, where they are passed on from subqueries."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

if TYPE_CHECKING:
    from collections.abc import Iterator


def origins(query: exp.Expr) -> dict[str, list[exp.Expr]]:
    """By column of a SELECT the expressions that make it, in it or in the subquery that it comes from; of ``least`` and ``greatest``, of each part."""
    selects = query.selects if isinstance(query, exp.Select) else ()
    return {select.alias_or_name: list(_made_by(query, select.unalias())) for select in selects}  # type: ignore[arg-type]


def stripped(value: exp.Expr) -> exp.Expr:
    """The expression without the CAST, FILTER and parentheses around it."""
    while isinstance(value, exp.Cast | exp.Filter | exp.Paren):
        value = value.this
    return value


def _made_by(query: exp.Select, value: exp.Expr) -> Iterator[exp.Expr]:
    plain = stripped(value)
    if isinstance(plain, exp.Least | exp.Greatest):
        for part in (plain.this, *plain.expressions):
            yield from _made_by(query, part)
        return
    below = _subqueries(query, plain.table) if isinstance(plain, exp.Column) else []
    found = [one for source in below for one in origins(source.this).get(plain.name, ())]
    yield from found or [value]


def _subqueries(query: exp.Select, alias: str) -> list[exp.Subquery]:
    """The subqueries that it reads under that alias; under any, where there is none."""
    parts = [query.args.get("from_"), *(query.args.get("joins") or ())]
    sources = [part.this for part in parts if part and isinstance(part.this, exp.Subquery)]
    return [source for source in sources if alias in {"", source.alias}]
