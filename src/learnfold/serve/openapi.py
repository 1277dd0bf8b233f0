"""The OpenAPI 3.1 document of what a caller may ask, from the catalogue."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from learnfold import __version__
from learnfold.serve.formats import FORMATS
from learnfold.serve.forms import can_withhold
from learnfold.serve.problems import CODES, MEDIA_TYPE
from learnfold.serve.question import DEFAULT_ROWS, MOST_ROWS, OPERATORS
from learnfold.serve.small_groups import SUPPRESSED

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from learnfold.catalog import Column, View

_TYPES: dict[str, dict[str, Any]] = {
    "VARCHAR": {"type": "string"},
    "BIGINT": {"type": "integer", "format": "int64", "minimum": -(2**63), "maximum": 2**63 - 1},
    "INTEGER": {"type": "integer", "format": "int32", "minimum": -(2**31), "maximum": 2**31 - 1},
    "DOUBLE": {"type": "number", "format": "double"},
    "DATE": {"type": "string", "format": "date"},
    "TIMESTAMP": {"type": "string", "format": "date-time"},
}
_TEXT = {"type": "string"}
_LIVE = {
    "type": "object",
    "description": "how far the answer counts what came since the batch; absent where it doesn't",
    "required": ["offsets", "newest_event", "complete_until", "waiting_for_the_next_batch"],
}


def openapi(views: Sequence[View]) -> dict[str, Any]:
    """The document, with a schema and an address for each of these views."""
    paths: dict[str, Any] = {
        "/v1/views": _get("The views that may be asked", "views", [_as()], _object("A list of views", "views")),
        "/v1/query": {"post": _query([view.name for view in views])},
        "/v1/freshness": _get(
            "How far the published batch reaches", "freshness", [_as()], _object("By topic", "topics")
        ),
        "/v1/explain/{view}/{column}": _get(
            "What a column means and where it comes from",
            "explain",
            [_path("view", {"enum": [view.name for view in views] or [""]}), _path("column", _TEXT), _as(), _batch()],
            _object("The column's meaning, SQL and lineage", "meaning"),
        ),
        "/v1/events": _events(),
        "/openapi.json": _get("This document", "openapi", [_as()], _object("OpenAPI 3.1", "openapi")),
        "/health/live": _get("Whether the server is there", "live", [], _object("It is", "live"), signed=False),
        "/health/ready": _get("Whether a batch is open", "ready", [], _object("It is", "ready"), signed=False),
    }
    for view in views:
        paths |= _paths(view)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "learnfold",
            "version": __version__,
            "description": "Views of learning events, each answer from one published batch.",
        },
        "paths": paths,
        "components": {
            "schemas": {"Problem": _problem(), **{view.name: _row(view) for view in views}},
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
        },
    }


def _paths(view: View) -> dict[str, Any]:
    filters = [_parameter(column, operator) for column in view.columns for operator in OPERATORS]
    which = [*filters, _names("select", view), _names("order", view), _as(), _batch(), _format(), *_live()]
    pages = [
        _query_parameter("limit", {"type": "integer", "minimum": 1, "maximum": MOST_ROWS, "default": DEFAULT_ROWS}),
        _query_parameter("after", {"type": "string"}, "the cursor that the page before gave"),
        _query_parameter("count", {"type": "boolean", "default": False}, "whether to count the rows of all pages"),
    ]
    row = {"$ref": f"#/components/schemas/{view.name}"}
    key = [_path(name, {"type": "string", "minLength": 1}, "~ stands for NULL") for name in view.key]
    address = f"/v1/views/{view.name}"
    some = {
        "batch": _TEXT,
        "view": _TEXT,
        "rows": {"type": "array", "items": row},
        "next": {"type": ["string", "null"]},
        "total": {"type": "integer"},
        "live": _LIVE,
    }
    return {
        address: _get(view.comment, view.name, [*which, *pages], _answers(some, row)),
        f"{address}/export": _get(
            f"All rows as a file. {view.comment}", f"{view.name}_export", which, _files({"type": "array", "items": row})
        ),
        f"{address}/key/" + "/".join(f"{{{name}}}" for name in view.key): _get(
            f"One row by its key. {view.comment}",
            f"{view.name}_by_key",
            [*key, _names("select", view), _as(), _batch(), _format(), *_live()],
            _answers({"batch": _TEXT, "view": _TEXT, "row": row, "live": _LIVE}, row),
        ),
    }


def _get(
    summary: str, name: str, parameters: list[dict[str, Any]], answer: dict[str, Any], *, signed: bool = True
) -> dict[str, Any]:
    security: list[dict[str, list[str]]] = [{"bearer": []}, {}] if signed else [{}]
    return {
        "get": {
            "operationId": name,
            "summary": summary.partition(".")[0],
            "description": summary,
            "parameters": parameters,
            "security": security,
            "responses": {
                "200": {"description": "the answer", **answer},
                "304": {"description": "nothing changed since the ETag in If-None-Match"},
                **_problems(),
            },
        }
    }


def _events() -> dict[str, Any]:
    since = _query_parameter(
        "since", {"type": "string", "pattern": r"^\d{8}T\d{6}-[0-9a-f]{8}$"}, "a batch: what changed after it"
    )
    found = _get("A stream of which views changed, at each batch and live", "events", [_as(), since], {})
    del found["get"]["responses"]["304"]
    found["get"]["responses"]["200"]["content"] = {"text/event-stream": {}}
    return found


def _query(views: list[str]) -> dict[str, Any]:
    text = {"type": "array", "items": _TEXT}
    query = {
        "type": "object",
        "required": ["view"],
        "additionalProperties": False,
        "properties": {
            "view": {"enum": views or [""]},
            "where": {"type": "object", "description": "by column: a value, null, or an object of operators"},
            "select": text,
            "order": text,
            "limit": {"type": "integer", "minimum": 1, "maximum": MOST_ROWS},
            "after": _TEXT,
            "count": {"type": "boolean"},
            "as": _TEXT,
        },
    }
    body = {
        "type": "object",
        "required": ["queries"],
        "additionalProperties": False,
        "properties": {
            "queries": {"type": "array", "minItems": 1, "maxItems": 20, "items": query},
            "batch": _TEXT,
            "live": {"type": "boolean", "default": True},
        },
    }
    return {
        "operationId": "query",
        "summary": "Several questions of one batch",
        "security": [{"bearer": []}, {}],
        "requestBody": {"required": True, "content": {"application/json": {"schema": body}}},
        "responses": {"200": {"description": "the answers, in order", **_object("Answers", "answers")}, **_problems()},
    }


def _problems() -> dict[str, Any]:
    by_status: dict[int, list[str]] = {}
    for code, (status, meaning) in CODES.items():
        by_status.setdefault(status, []).append(f"{code}: {meaning}")
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {
        str(status): {"description": "; ".join(meanings), "content": content} for status, meanings in by_status.items()
    }


def _problem() -> dict[str, Any]:
    return {
        "type": "object",
        "required": ["type", "title", "status", "code", "detail"],
        "properties": {
            "type": _TEXT,
            "title": _TEXT,
            "status": {"type": "integer"},
            "code": {"enum": list(CODES)},
            "detail": _TEXT,
            "hint": {"type": "string", "description": "what to do"},
        },
    }


def _row(view: View) -> dict[str, Any]:
    return {
        "type": "object",
        "description": view.comment,
        "additionalProperties": False,
        "properties": {column.name: _shown(column) for column in view.columns}
        | (
            {SUPPRESSED: {"type": "boolean", "description": "whether its numbers are withheld"}}
            if can_withhold(view)
            else {}
        ),
    }


def _shown(column: Column) -> dict[str, Any]:
    kind = _kind(column)
    return kind | {"type": [kind["type"], "null"], "description": column.comment}


def _kind(column: Column) -> dict[str, Any]:
    return _TYPES.get(column.type, {"type": "number"})


def _parameter(column: Column, operator: str) -> dict[str, Any]:
    name = column.name if operator == "eq" else f"{column.name}.{operator}"
    if operator == "is_null":
        return _query_parameter(name, {"type": "boolean"})
    if operator == "in":
        items = {"type": "array", "items": _kind(column), "minItems": 1}
        return _query_parameter(name, items, f"one of these; {column.comment}") | {"style": "form", "explode": True}
    return _query_parameter(name, _kind(column), f"{operator}; {column.comment}")


def _names(name: str, view: View) -> dict[str, Any]:
    columns = [column.name for column in view.columns]
    allowed = columns if name == "select" else [*columns, *(f"-{column}" for column in columns)]
    items = {"type": "array", "items": {"enum": allowed}, "uniqueItems": True}
    meaning = "the columns to show" if name == "select" else "by which columns; -column: largest first"
    return _query_parameter(name, items, meaning) | {"style": "form", "explode": False}


def _as() -> dict[str, Any]:
    return _query_parameter("as", _TEXT, "the role to ask as, of those one has")


def _batch() -> dict[str, Any]:
    return _query_parameter("batch", _TEXT, "an older batch rather than the published one")


def _live() -> list[dict[str, Any]]:
    message = {"type": "string", "pattern": r"^[A-Za-z0-9_.-]{1,249}:\d{1,6}:\d{1,18}$"}
    return [
        _query_parameter("live", {"enum": ["on", "off"], "default": "on"}, "whether what came since the batch counts"),
        _query_parameter("at_least", message, "topic:partition:offset of a message that must be in"),
        _query_parameter("wait", {"type": "string", "pattern": r"^\d{1,4}ms$"}, "how long to wait for it, at most"),
    ]


def _format() -> dict[str, Any]:
    return _query_parameter("format", {"enum": list(FORMATS)}, "rather than Accept")


def _query_parameter(name: str, schema: dict[str, Any], meaning: str = "") -> dict[str, Any]:
    found = {"name": name, "in": "query", "required": False, "schema": schema}
    return found | ({"description": meaning} if meaning else {})


def _path(name: str, schema: dict[str, Any], meaning: str = "") -> dict[str, Any]:
    found = {"name": name, "in": "path", "required": True, "schema": schema}
    return found | ({"description": meaning} if meaning else {})


def _object(meaning: str, *required: str) -> dict[str, Any]:
    schema = {"type": "object", "description": meaning, "required": list(required)}
    return {"content": {"application/json": {"schema": schema}}}


def _answers(properties: dict[str, Any], row: dict[str, Any]) -> dict[str, Any]:
    required = [name for name in properties if name not in {"total", "live"}]
    schema = {"type": "object", "required": required, "properties": properties, "additionalProperties": False}
    return _files(schema) | {"headers": _headers(["Learnfold-Next", "Learnfold-Total"])} if row else {}


def _files(json: dict[str, Any]) -> dict[str, Any]:
    others: Iterable[str] = (one.media_type for one in FORMATS.values() if one.name != "json")
    return {"content": {"application/json": {"schema": json}, **{media_type: {} for media_type in others}}}


def _headers(names: Iterable[str]) -> dict[str, Any]:
    return {name: {"schema": _TEXT} for name in ("ETag", "Learnfold-Batch", *names)}
