"""Turns documents of learning platforms into learnfold's events, by a mapping.

A statement is translated by itself: what it becomes doesn't depend on its neighbours, so it may come again in another
file or another order and is still the same event.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from learnfold.ingest.mapping import caliper, records, xapi
from learnfold.ingest.mapping.model import FieldValue, Mapping, Outcome, Rule, UnreadableError, Value

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from learnfold.ingest.mapping.item import Item

    Result: TypeAlias = "Translated | Unmapped | Retracted"

FORMS: dict[str, Callable[[object, Sequence[str]], Iterable[Item]]] = {
    "xapi": xapi.items,
    "caliper": caliper.items,
    "records": records.items,
}
"""What takes a document of that form apart, by the ``reads`` of a mapping; the keys are those whose text holds JSON."""

REQUIRED = ("user_id", "timestamp")
"""What an event can't be without, beside its type."""

_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"))

_SHOWN = 200  # characters of a verb or type that go into a reason


@dataclass(frozen=True)
class Translated:
    """An event for a topic: the catalog's fields in JSON's types; those without a value are left out."""

    topic: str
    event: dict[str, FieldValue]
    original: object  # the statement it was made of


@dataclass(frozen=True)
class Unmapped:
    """A statement that is no event, or can't be read: kept whole, with the reason."""

    reason: str
    original: object


@dataclass(frozen=True)
class Retracted:
    """A statement that takes another one back: whatever events that one gave, they never were."""

    event_id: str  # of the other statement
    at: str | None  # when it was taken back, as the statement says
    original: object


def parsed(text: bytes | str, mapping: Mapping) -> object:
    """The document that ``text`` is, or holds behind what a logger wrote before it; raises ValueError or RecursionError for none."""
    try:
        return json.loads(text)
    except ValueError:
        decoded = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
        match = mapping.line.search(decoded) if mapping.line is not None else None
        if match is None:
            raise
        return json.loads(match[1])


def translate(document: object, mapping: Mapping) -> list[Result]:
    """What ``document`` tells of, statement by statement, in its order; never raises for what a document holds.

    A statement gives one event, several (with ids that differ, the same whenever it is translated), or one Unmapped or Retracted.
    """
    results: list[Result] = []
    for item in FORMS[mapping.reads](document, mapping.unpack):
        results += [Unmapped(item.problem, item.original)] if item.problem else _results(item, mapping)
    return results


def deciding(item: Item, mapping: Mapping) -> Rule | None:
    """The rule that decides what a statement becomes; None where none fits."""
    return mapping.deciding(item.source, _facets(item, mapping))


def _facets(item: Item, mapping: Mapping) -> dict[str, tuple[str, ...]]:
    return {name: tuple(facet.all_of(item.source)) for name, facet in mapping.facets.items()}


def _results(item: Item, mapping: Mapping) -> Sequence[Result]:
    facets = _facets(item, mapping)
    rule = mapping.deciding(item.source, facets)
    if rule is None:
        shown = (f"{name} {texts[0][:_SHOWN] if texts else 'none'}" for name, texts in facets.items())
        return [Unmapped(f"no rule for {', '.join(shown)}", item.original)]
    if rule.unmapped is not None:
        return [Unmapped(rule.unmapped, item.original)]
    if rule.retracts is not None:
        return [_retracted(rule.retracts, item)]
    try:
        events = [_with_role(_event(outcome, item), mapping) for outcome in rule.outcomes]
    except (UnreadableError, _MissingError) as error:
        return [Unmapped(str(error), item.original)]
    for event in events[1:]:
        event["event_id"] = f"{event['event_id']}#{event['event_type']}"
    topics = (outcome.topic for outcome in rule.outcomes)
    return [Translated(topic, event, item.original) for topic, event in zip(topics, events, strict=True)]


def _retracted(value: Value, item: Item) -> Retracted | Unmapped:
    try:
        found = value.of(item.source)
    except UnreadableError as error:
        return Unmapped(str(error), item.original)
    if not isinstance(found, str):
        return Unmapped(f"it doesn't say which statement it takes back: nothing at {value.spelled()}", item.original)
    source = item.source if isinstance(item.source, dict) else {}
    at = source.get("timestamp") or source.get("stored")
    return Retracted(found, at if isinstance(at, str) else None, item.original)


class _MissingError(ValueError):
    pass


def _event(outcome: Outcome, item: Item) -> dict[str, FieldValue]:
    event: dict[str, FieldValue] = {
        "event_id": "",
        "event_category": outcome.category,
        "event_type": outcome.event_type,
    }
    source = item.source
    for name, read in outcome.reads:
        value = read(source)
        if value is not None:
            event[name] = value
    for name in REQUIRED:
        if name not in event:
            raise _MissingError(f"there is no {name}: nothing at {outcome.fields[name].spelled()}")
    identity = event["event_id"] or _digest(item.original)
    event["event_id"] = f"{identity}#{item.part}" if item.part else identity
    return event


def _with_role(event: dict[str, FieldValue], mapping: Mapping) -> dict[str, FieldValue]:
    """The event with what the roster says, where the statement itself says nothing."""
    if mapping.roster is None or "role" in event:
        return event
    role = mapping.roster.role(event["user_id"], event.get("course_id"))
    return event if role is None else event | {"role": role}


def _digest(statement: object) -> str:
    """An id for a statement that has none: the same for the same statement, in whatever order its keys are written."""
    try:
        canonical = _CANONICAL.encode(statement)
    except (TypeError, ValueError, RecursionError):
        raise _MissingError("it has no id, and isn't JSON that one could be made of") from None
    return f"sha256:{hashlib.sha256(canonical.encode()).hexdigest()}"
