"""Takes IMS Caliper 1.0, 1.1 and 1.2 documents apart: an envelope, an array of envelopes or events, or one event.

An event may name an entity by its id alone. Such a reference is filled in from a description of the entity in the same
envelope, and else becomes an object with nothing but the id, so that a place such as ``object.id`` is right for both.
The types of 1.0, which are IRIs, become the terms of today.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from learnfold.ingest.mapping.item import Item, held, kind_of, unpacked

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_REFERENCES = frozenset(
    {
        *("actor", "object", "target", "generated", "attempt", "assignee", "assignable", "scoredBy"),
        *("group", "membership", "member", "organization", "subOrganizationOf", "isPartOf"),
        *("session", "federatedSession", "user", "edApp", "referrer"),
    }
)
_OWN = "http://purl.imsglobal.org/caliper/"  # before every type of Caliper 1.0
_DEPTH = 6  # a graded item's attempt's assignable is part of an assessment that is part of a section


def items(document: object, unpack: Sequence[str]) -> Iterator[Item]:
    """The events of ``document`` in their order; what isn't one carries its problem."""
    for original in document if isinstance(document, list) else (document,):
        element = unpacked(original, unpack)
        if isinstance(element, dict) and "action" not in element:
            element = held(held(element, unpack, "action"), unpack, "data")
        if isinstance(element, dict) and "action" not in element and isinstance(element.get("data"), list | dict):
            data = element["data"]
            described = _described(data if isinstance(data, list) else [data])
            for event in data if isinstance(data, list) else (data,):
                yield _item(event, event, described)
        else:
            yield _item(element, original, {})


def _item(element: object, original: object, described: dict[str, dict[str, Any]]) -> Item:
    if not isinstance(element, dict):
        return Item({}, original, f"{kind_of(element)} is no Caliper event")
    if "action" not in element:
        if isinstance(element.get("type", element.get("@type")), str) and "eventTime" not in element:
            return Item({}, original, "it describes an entity, and tells of no event")
        return Item({}, original, "a Caliper event has an action; none here")
    return Item(_filled(element, described, _DEPTH), original)


def _described(data: list[object]) -> dict[str, dict[str, Any]]:
    """The entities that an envelope describes beside its events, by id."""
    entities = [entity for entity in data if isinstance(entity, dict) and "action" not in entity]
    named = [(entity.get("id", entity.get("@id")), entity) for entity in entities]
    return {identity: entity for identity, entity in named if isinstance(identity, str)}


def _filled(node: dict[str, Any], described: dict[str, dict[str, Any]], depth: int) -> dict[str, Any]:
    filled = {}
    for key, value in node.items():
        name = key[1:] if key in {"@id", "@type"} else key  # as JSON-LD may write them
        if name in _REFERENCES and depth:
            value = _reference(value, described, depth - 1)  # noqa: PLW2901 - filled in, or as it is
        elif name == "type" and isinstance(value, str) and value.startswith(_OWN):
            value = value.rpartition("/")[2]  # noqa: PLW2901 - a type of 1.0
        filled[name] = value
    return filled


def _reference(value: object, described: dict[str, dict[str, Any]], depth: int) -> object:
    if isinstance(value, str):
        return _filled(described[value], described, depth) if value in described else {"id": value}
    return _filled(value, described, depth) if isinstance(value, dict) else value
