"""What the batch views hold, worked out a second time in plain Python, from the two pages of the contract alone.

It shares no code with the package under test, and none of its reading of the contract: where the two differ, one of
them has misread it. Slow and small on purpose; for tests, not for data.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from oracle.comparison import same
from oracle.events import Invalid, Message, read_events
from oracle.fields import TOPIC_FIELDS
from oracle.views import KEYS, VIEWS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["KEYS", "VIEWS", "Invalid", "Message", "answers", "read_events", "same"]


def answers(
    messages_by_topic: Mapping[str, Iterable[Message]], platform_zone: str = "UTC", reporting_zone: str = "UTC"
) -> dict[str, list[dict[str, Any]]]:
    """Every view's rows, by view name, in any order; a topic without messages may be left out.

    Raises:
        ValueError: a topic the contract doesn't know.
    """
    unknown = set(messages_by_topic) - set(TOPIC_FIELDS)
    if unknown:
        raise ValueError(f"topics the contract doesn't know: {sorted(unknown)}")
    events = {topic: read_events(messages_by_topic.get(topic, ()), topic, platform_zone)[0] for topic in TOPIC_FIELDS}
    return {name: view(events, reporting_zone) for name, view in VIEWS.items()}
