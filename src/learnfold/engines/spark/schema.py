"""A Parquet file's schema, as its footer spells it, in the types that Spark reads it by.

Spark refuses a whole file for one column of a type that it doesn't know. So the type of each wanted column is given to it:
the logical one where it knows it, else the physical one (nanoseconds as BIGINT, a time of day as a number, the rest as BINARY).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from learnfold.errors import BugError

Kind = Literal["text", "bytes", "uuid", "whole", "number", "instant", "local", "list", "nested", "other"]
"""What a column can be read as: ``whole`` fits an INT, ``instant`` is a time with a zone, ``local`` a time or date without one."""


@dataclass(frozen=True)
class Type:
    """A column's type: what it can be read as, and the type that Spark is given."""

    kind: Kind
    sql: str
    coded: str = ""  # how the value is to be taken from that: nanos, millis, time (of day), half (a number), or wide (a decimal's scale)
    element: Type | None = None  # of a list
    fields: tuple[tuple[str, Type], ...] = ()  # of a struct
    entry: tuple[Type, Type] | None = None  # of a map: its keys' and its values'


@dataclass(frozen=True)
class _Node:
    repetition: str
    physical: str  # group, or a primitive type
    name: str
    logical: str
    children: tuple[_Node, ...]


_NODE = re.compile(
    r" *(optional|required|repeated) (group|[a-z0-9_]+(?:\(\d+\))?) (.*?)(?: \(([A-Z0-9_]+(?:\([^()]*\))?)\))?(?: = \d+)?( \{|;)"
)
_SIMPLE = {
    "boolean": Type("other", "BOOLEAN"),
    "int32": Type("whole", "INT"),
    "int64": Type("number", "BIGINT"),
    "int96": Type("instant", "TIMESTAMP"),
    "float": Type("number", "FLOAT"),
    "double": Type("number", "DOUBLE"),
    "binary": Type("bytes", "BINARY"),
}
_LOGICAL = {
    "STRING": Type("text", "STRING"),
    "ENUM": Type("text", "STRING"),
    "JSON": Type("text", "STRING"),
    "DATE": Type("local", "DATE"),
    "INTEGER(8,true)": Type("whole", "TINYINT"),
    "INTEGER(16,true)": Type("whole", "SMALLINT"),
    "INTEGER(8,false)": Type("whole", "SMALLINT"),
    "INTEGER(16,false)": Type("whole", "INT"),
    "INTEGER(32,false)": Type("number", "BIGINT"),
    "INTEGER(64,false)": Type("number", "DECIMAL(20, 0)"),
    "TIMESTAMP(MILLIS,true)": Type("instant", "BIGINT", "millis"),
    "TIMESTAMP(MICROS,true)": Type("instant", "TIMESTAMP"),
    "TIMESTAMP(NANOS,true)": Type("instant", "BIGINT", "nanos"),
    "TIMESTAMP(MILLIS,false)": Type("local", "BIGINT", "millis"),
    "TIMESTAMP(MICROS,false)": Type("local", "TIMESTAMP_NTZ"),
    "TIMESTAMP(NANOS,false)": Type("local", "BIGINT", "nanos"),
    "TIME(MILLIS,true)": Type("other", "INT", "time 1000"),
    "TIME(MILLIS,false)": Type("other", "INT", "time 1000"),
    "TIME(MICROS,true)": Type("other", "BIGINT", "time 1000000"),
    "TIME(MICROS,false)": Type("other", "BIGINT", "time 1000000"),
    "TIME(NANOS,true)": Type("other", "BIGINT", "time 1000000000"),
    "TIME(NANOS,false)": Type("other", "BIGINT", "time 1000000000"),
    "FLOAT16": Type("number", "BINARY", "half"),
    "UNKNOWN": Type("other", "INT"),
    "UUID": Type("uuid", "BINARY"),
}
_MOST_DIGITS = 38


def columns(schema: str) -> tuple[tuple[str, Type], ...]:
    """The top-level columns of a schema as parquet-mr prints it."""
    nodes, _ = _nodes(schema.rstrip("\n").split("\n"), 1)
    return tuple((node.name, _repeated(node)) for node in nodes)


def _nodes(lines: list[str], at: int) -> tuple[tuple[_Node, ...], int]:
    """The nodes of the group that begins at line ``at``, and the line behind its end."""
    found = []
    while lines[at].strip() != "}":
        match = _NODE.fullmatch(lines[at])
        if match is None:
            raise BugError(f"this line of a Parquet schema can't be read: {lines[at]}")
        repetition, physical, name, logical, end = match.groups()
        children, at = _nodes(lines, at + 1) if end == " {" else ((), at + 1)
        found.append(_Node(repetition, physical, name, logical or "", children))
    return tuple(found), at + 1


def _repeated(node: _Node) -> Type:
    """The type of a node outside of a list: repeated, it is a list itself."""
    one = _type(node)
    return _list(one) if node.repetition == "repeated" else one


def _list(element: Type) -> Type:
    return Type("list", f"ARRAY<{element.sql}>", element=element)


def _type(node: _Node) -> Type:
    if node.physical == "group":
        return _group(node)
    decimal = re.fullmatch(r"DECIMAL\((\d+),(\d+)\)", node.logical)
    if decimal and int(decimal[1]) <= _MOST_DIGITS:
        return Type("number", f"DECIMAL({decimal[1]}, {decimal[2]})")
    if decimal:
        return Type("number", "BINARY", f"wide {decimal[2]}")
    if node.logical in _LOGICAL and not (node.logical == "UNKNOWN" and node.physical != "int32"):
        return _LOGICAL[node.logical]
    return _SIMPLE.get(node.physical, _SIMPLE["binary"])


def _group(node: _Node) -> Type:
    if node.logical == "LIST" and len(node.children) == 1:
        return _list(_element(node))
    if node.logical in {"MAP", "MAP_KEY_VALUE"} and len(node.children) == 1 and len(node.children[0].children) == 2:  # noqa: PLR2004
        key, value = (_repeated(child) for child in node.children[0].children)
        return Type("nested", f"MAP<{key.sql}, {value.sql}>", entry=(key, value))
    fields = tuple((child.name, _repeated(child)) for child in node.children)
    return Type("nested", f"STRUCT<{', '.join(f'{named(name)}: {kind.sql}' for name, kind in fields)}>", fields=fields)


def _element(node: _Node) -> Type:
    """What a list holds: it may be wrapped in a group of one, or, in files of old writers, not."""
    (repeated,) = node.children
    wrapped = (
        repeated.physical == "group"
        and len(repeated.children) == 1
        and repeated.name not in {"array", f"{node.name}_tuple"}
    )
    return _repeated(repeated.children[0]) if wrapped else _type(repeated)


def named(column: str) -> str:
    """``column`` as an SQL name, whatever is in it."""
    return "`" + column.replace("`", "``") + "`"
