"""Messages to valid, deduplicated events."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple
from zoneinfo import ZoneInfo

from oracle.fields import COMMON_FIELDS, REQUIRED, TIMES, TOPIC_FIELDS, Number, parse_json, read_field
from oracle.timestamp import read_timestamp

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable

Event = dict[str, Any]


class Message(NamedTuple):
    """What arrived: JSON text as sent, or a flat row as a dict; with its place in Kafka where that's known."""

    body: str | bytes | dict[str, Any] | None
    partition: int | None = None
    offset: int | None = None
    source: str | None = None  # the cluster and generation that the offset is of


class Invalid(NamedTuple):
    """A message that is no valid event, and the first reason found: 'not a JSON object' or '<field>: <why>'."""

    message: Message
    reason: str


def read_events(
    messages: Iterable[Message], topic: str, platform_zone: str = "UTC"
) -> tuple[list[Event], list[Invalid]]:
    """The topic's valid events, each once, and its invalid messages, every one of them.

    An event has every field of its topic (None: absent), `timestamp` as a naive UTC datetime, no other field.

    Copies are events of one UTC day with the same event_id, user and type or, both without an event_id, the same source,
    partition and offset. The copy kept has the earliest timestamp; then the smallest event_category, event_type, user_id, role and
    the topic's own fields in the order of TOPIC_FIELDS, the first difference deciding: None first, numbers by size,
    texts by code point, lists element by element. Copies that agree on all of these differ in nothing a view reads.
    """
    zone = ZoneInfo(platform_zone)
    copies: dict[Hashable, list[Event]] = {}
    invalid = []
    for number, message in enumerate(messages):
        try:
            event = read_event(message.body, topic, zone)
        except ValueError as error:
            invalid.append(Invalid(message, str(error)))
        else:
            copies.setdefault(_identity(event, message, number), []).append(event)
    return [min(group, key=lambda event: _rank(event, topic)) for group in copies.values()], invalid


def read_event(body: str | bytes | dict[str, Any] | None, topic: str, platform_zone: ZoneInfo) -> Event:
    """The valid event a body holds.

    Raises:
        ValueError: it's invalid; the text is the reason.
    """
    sent = _object(body)
    for name in REQUIRED:
        if sent.get(name) is None:
            raise ValueError(f"{name}: missing")
        if isinstance(sent[name], str) and not sent[name].strip():
            raise ValueError(f"{name}: blank")
    event = {}
    for name in ("event_id", "timestamp", *COMMON_FIELDS, *TOPIC_FIELDS[topic]):
        try:
            event[name] = read_field(name, sent.get(name))
            if name in TIMES and event[name] is not None:
                written = sent[name] if isinstance(sent[name], datetime | Number) else event[name]
                event[name] = read_timestamp(written, platform_zone)
        except ValueError as error:
            raise ValueError(f"{name}: unreadable ({error})") from error
    if not 1970 <= event["timestamp"].year <= 2200:
        raise ValueError("timestamp: not plausible")
    return event


def _object(body: str | bytes | dict[str, Any] | None) -> dict[str, Any]:
    """The fields as sent, numbers as Number, whichever way they came."""
    try:
        text = body.decode() if isinstance(body, bytes) else body
        value = parse_json(text) if isinstance(text, str) else text
    except ValueError as error:
        raise ValueError("not a JSON object") from error
    if not isinstance(value, dict):
        raise ValueError("not a JSON object")  # noqa: TRY004 - a producer's mistake, not a programmer's
    return {name: _as_json(member) for name, member in value.items()}


def _as_json(value: Any) -> Any:
    """A flat row's numbers as Number, also in lists, as if they'd come as JSON."""
    if isinstance(value, list):
        return [_as_json(element) for element in value]
    return Number(repr(value)) if isinstance(value, int | float) and not isinstance(value, bool) else value


def _identity(event: Event, message: Message, number: int) -> Hashable:
    """Equal for copies of one event, and only for them; `number` is the message's own."""
    day = event["timestamp"].date()
    if event["event_id"] is not None:
        return "event_id", day, event["event_id"], event["user_id"], event["event_type"]
    if message.partition is not None and message.offset is not None:
        return "place", day, message.source, message.partition, message.offset
    return "itself", number


def _rank(event: Event, topic: str) -> tuple[Any, ...]:
    """Orders copies: the one to keep is the smallest."""
    fields = (*COMMON_FIELDS, *TOPIC_FIELDS[topic])
    return event["timestamp"], *(_none_first(event[name]) for name in fields)


def _none_first(value: Any) -> tuple[Any, ...]:
    if value is None:
        return (0,)
    return (1, [_none_first(element) for element in value] if isinstance(value, list) else value)
