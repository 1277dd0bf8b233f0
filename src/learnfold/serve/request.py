"""What a request says: its parameters, the key in its path, its body; each is refused by a problem where it can't be read."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote

from starlette.convertors import Convertor, register_url_convertor

from learnfold.serve.problems import Problem
from learnfold.serve.question import Filter
from learnfold.serve.values import read_value

if TYPE_CHECKING:
    from starlette.requests import Request

    from learnfold.catalog import View
    from learnfold.serve.access import Access, Grant

NULL = "~"
"""A key that is NULL, in an address; a text that begins with it is written with one more."""


class _Rest(Convertor[str]):
    """The rest of a path, whatever is in it: a key may hold a line break."""

    regex = r"[\s\S]+"

    def convert(self, value: str) -> str:
        return value

    def to_string(self, value: str) -> str:
        return value


register_url_convertor("rest", _Rest())


def parameters_of(request: Request) -> list[tuple[str, str]]:
    """The parameters of its address, in order; raises Problem where they aren't UTF-8 or too many."""
    try:
        found = parse_qsl(request.url.query, keep_blank_values=True, errors="strict", max_num_fields=2_000)
    except ValueError as error:
        raise Problem(
            "bad_request", "the address's parameters can't be read", "they are UTF-8, at most 2,000"
        ) from error
    return found


def first(request: Request, name: str) -> str | None:
    """The first value of a parameter; None without one."""
    return next((value for parameter, value in parameters_of(request) if parameter == name), None)


def only(request: Request, *names: str) -> str | None:
    """The first of the parameters that may be there; raises Problem for any other."""
    for parameter, _ in parameters_of(request):
        if parameter not in names:
            raise Problem(
                "unknown_parameter", f"{parameter[:60]} is no parameter of this address", f"it has {', '.join(names)}"
            )
    return first(request, names[0])


def may_name(batch: str | None, grants: list[Grant]) -> None:
    """Nothing, where an older batch may be named, or none is; else raises Problem."""
    if batch is not None and not all(grant.older_batches for grant in grants):
        raise Problem("forbidden", "older batches aren't for who asks", "leave batch out to read the published one")


def known_view(name: str, access: Access) -> str | None:
    """The name, where a view is called so: what anyone might have typed isn't logged."""
    return name if name in access.catalog.views else None


def key_filters(request: Request, view: View) -> tuple[Filter, ...]:
    """The key in the address, in whose parts a slash is written as %2F."""
    path = request.scope["raw_path"].partition(b"?")[0].decode("latin-1")
    try:
        parts = [unquote(part, errors="strict") for part in path.partition("/key/")[2].split("/")]
    except UnicodeDecodeError as error:
        raise Problem("bad_value", "the key isn't UTF-8") from error
    if len(parts) != len(view.key):
        raise Problem("bad_request", f"the key of {view.name} is {'/'.join(view.key)}", f"{NULL} stands for NULL")
    columns = {column.name: column for column in view.columns}
    filters = []
    for name, part in zip(view.key, parts, strict=True):
        if part == NULL:
            filters.append(Filter(name, "is_null", (True,)))
            continue
        if part.startswith(NULL) and not part.startswith(NULL * 2):
            raise Problem("bad_value", f"{name} begins with {NULL}", f"write {NULL * 2} for a text that does")
        text = part[1:] if part.startswith(NULL) else part
        filters.append(Filter(name, "eq", (read_value(columns[name], text),)))
    return tuple(filters)


def json_object(body: bytes, media_type: str) -> dict[str, Any]:
    """The JSON object in a body; raises Problem where it is none."""
    if media_type.partition(";")[0].strip().lower() != "application/json":
        raise Problem("unsupported_media_type", "the body isn't application/json")
    try:
        value = json.loads(body, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise Problem("bad_request", "the body isn't JSON") from error
    if not isinstance(value, dict):
        raise Problem("bad_request", "the body isn't an object")
    return value


def _no_constant(name: str) -> None:
    raise ValueError(name)
