"""Takes xAPI documents apart: a statement, an array of them, or a learning record store's answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from learnfold.ingest.mapping.item import Item, kind_of

if TYPE_CHECKING:
    from collections.abc import Iterator

_PARTS = ("actor", "verb", "object")


def items(document: object) -> Iterator[Item]:
    """The statements of ``document`` in their order; what isn't one carries its problem."""
    statements = document.get("statements") if isinstance(document, dict) and "verb" not in document else None
    listed = statements if isinstance(statements, list) else document
    for element in listed if isinstance(listed, list) else (listed,):
        yield _item(element)


def _item(element: object) -> Item:
    if not isinstance(element, dict):
        return Item({}, element, f"{kind_of(element)} is no xAPI statement")
    statement = element
    if "verb" not in element and isinstance(element.get("statement"), dict):
        statement = element["statement"]  # a record of a store's own export, around the statement
    missing = [part for part in _PARTS if not isinstance(statement.get(part), dict)]
    if missing:
        return Item({}, element, f"an xAPI statement has an actor, a verb and an object; no {missing[0]} here")
    return Item(statement, element)
