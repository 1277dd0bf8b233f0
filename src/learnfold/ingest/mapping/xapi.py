"""Takes xAPI documents apart: a statement, an array of them, or a learning record store's answer.

A statement of a group is one of each of its members: what a team hands in, each of them did.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from learnfold.ingest.mapping.item import Item, held, kind_of, unpacked

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_PARTS = ("actor", "verb", "object")


def items(document: object, unpack: Sequence[str]) -> Iterator[Item]:
    """The statements of ``document`` in their order; what isn't one carries its problem."""
    statements = document.get("statements") if isinstance(document, dict) and "verb" not in document else None
    listed = statements if isinstance(statements, list) else document
    for element in listed if isinstance(listed, list) else (listed,):
        yield from _items(element, unpacked(element, unpack), unpack)


def _items(original: object, element: object, unpack: Sequence[str]) -> Iterator[Item]:
    if not isinstance(element, dict):
        yield Item({}, original, f"{kind_of(element)} is no xAPI statement")
        return
    statement = held(element, unpack, "verb")
    missing = [part for part in _PARTS if not isinstance(statement.get(part), dict)]
    if missing:
        yield Item({}, original, f"an xAPI statement has an actor, a verb and an object; no {missing[0]} here")
        return
    members = _members(statement["actor"])
    if not members:
        yield Item(statement, original)
    for number, member in enumerate(members, 1):
        yield Item(statement | {"actor": member}, original, part=str(number) if len(members) > 1 else "")


def _members(actor: dict[str, Any]) -> list[dict[str, Any]]:
    """The members of a group; none for an agent."""
    listed = actor.get("member") if actor.get("objectType") == "Group" else None
    return [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
