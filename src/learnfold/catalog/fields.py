"""Reads the columns of a topic: name, type, comment, and what its line says of persons.

What an event says may name a person, so an erasure searches it, unless the field's comment ends in ``(names no person)``. One that ends
in ``(whose event it is)`` holds the id of the person to whom the whole event belongs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from learnfold.catalog import rules
from learnfold.catalog.model import Field
from learnfold.errors import DefinitionError

if TYPE_CHECKING:
    from learnfold.catalog.model import Names

_TYPES = {"TEXT": "VARCHAR", "INT": "INTEGER", "TIMESTAMPNTZ": "TIMESTAMP", "TEXT[]": "VARCHAR[]"}
_SENT = ("VARCHAR", "INTEGER", "DOUBLE", "TIMESTAMP", "VARCHAR[]")
_MARKS: dict[str, Names] = {"(names no person)": "nobody", "(whose event it is)": "owner"}


def fields(job: str, statement: exp.Create) -> tuple[Field, ...]:
    """The columns of a CREATE TABLE without a query; raises DefinitionError naming what breaks which rule."""
    columns = statement.this.expressions if isinstance(statement.this, exp.Schema) else []
    for column in columns:
        if not isinstance(column, exp.ColumnDef):
            raise DefinitionError(f"subjects/{job}.sql: {column.sql('duckdb')} is no column with a type")
    return tuple(_field(job, column) for column in columns)


def type_name(kind: exp.Expr | None) -> str:
    """A type in the catalogue's words; empty without one."""
    name = kind.sql("duckdb") if kind else ""
    return _TYPES.get(name, name)


def comment_text(lines: list[str]) -> str:
    """The lines of a comment as one."""
    return " ".join(line.strip().removeprefix("--").strip() for line in lines).strip()


def _field(job: str, column: exp.ColumnDef) -> Field:
    comment, names = _persons(comment_text([c for part in column.walk() for c in part.comments or []]))
    required, check, derived = False, None, None
    for constraint in column.constraints:
        kind = constraint.kind
        if isinstance(kind, exp.NotNullColumnConstraint):
            required = True
        elif isinstance(kind, exp.CheckColumnConstraint):
            check = kind.this.sql("duckdb", comments=False)
        elif isinstance(kind, (exp.ComputedColumnConstraint, exp.GeneratedAsIdentityColumnConstraint)):
            source = kind.this if isinstance(kind.this, exp.Expression) else kind.expression
            derived = source.sql("duckdb", comments=False)
        else:
            raise DefinitionError(f"subjects/{job}.sql: {column.name}: {constraint.sql()} means nothing here")
    if not comment:
        raise DefinitionError(f"subjects/{job}.sql: the column {column.name} has no comment that says what it holds")
    kind_name = type_name(column.kind)
    if derived is None and kind_name not in _SENT:
        raise DefinitionError(
            f"subjects/{job}.sql: {column.name} can't be {kind_name or 'without a type'}; a field is {', '.join(_SENT)}"
        )
    if check:
        rules.check(job, column.name, check, [column.name])
    return Field(column.name, kind_name, comment, required, check, derived, "nobody" if derived else names)


def _persons(comment: str) -> tuple[str, Names]:
    """A comment without what it says of persons, and that."""
    for mark, names in _MARKS.items():
        if comment.endswith(mark):
            return comment.removesuffix(mark).strip(), names
    return comment, "anyone"
