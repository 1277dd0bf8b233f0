"""SQL with a session's macros written out: DuckDB plans a prepared statement again at every execution where it calls one."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    import duckdb

Macros = dict[str, tuple[list[str], str]]
"""By name: the parameters, and the SQL that stands for a call."""

_TOKEN = re.compile(r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|[A-Za-z_]\w*|.""", re.DOTALL)


def macros_of(connection: duckdb.DuckDBPyConnection) -> Macros:
    """The macros of a connection that aren't DuckDB's own."""
    found = "SELECT function_name, parameters, macro_definition FROM duckdb_functions() WHERE function_type = 'macro' AND NOT internal"
    return {name: (parameters, body) for name, parameters, body in connection.execute(found).fetchall()}


def inlined(sql: str, macros: Macros) -> str:
    """The same SQL without calls of these macros."""
    tokens, written = _TOKEN.findall(sql), []
    place = 0
    while place < len(tokens):
        name = tokens[place].lower()
        if name in macros and tokens[place + 1 : place + 2] == ["("]:
            given, place = _arguments(tokens, place + 2)
            parameters, body = macros[name]
            shown = dict(zip(parameters, (f"({inlined(one, macros)})" for one in given), strict=True))
            written.append(f"({_put(inlined(body, macros), shown)})")
        else:
            written.append(tokens[place])
            place += 1
    return "".join(written)


def _arguments(tokens: list[str], place: int) -> tuple[list[str], int]:
    """The arguments of a call from behind its ``(``, and the place behind its ``)``."""
    found, depth = [""], 0
    while tokens[place] != ")" or depth:
        part = tokens[place]
        depth += (part in "([{") - (part in ")]}")
        if part == "," and not depth:
            found.append("")
        else:
            found[-1] += part
        place += 1
    return [one for one in found if one.strip()], place + 1


def _put(body: str, shown: Mapping[str, str]) -> str:
    """The body with arguments for parameters, which DuckDB may show within quotation marks; what follows a point is a field."""
    tokens = _TOKEN.findall(body)
    before = ["", *tokens]
    return "".join(
        token if last == "." else shown.get(token.strip('"'), token)
        for last, token in zip(before, tokens, strict=False)
    )
