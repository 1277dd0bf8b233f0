"""What is odd about a topic's events, though they are valid, in sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


def remarks_on(topic: str, retracted: int, conflicting: int, from_future: int) -> Iterator[str]:
    """A sentence for each of these numbers of events that isn't 0."""
    if retracted:
        yield f"{topic}: {retracted:,} events were taken back"
    if conflicting:
        yield f"{topic}: {conflicting:,} duplicates say something else than the event that counts; does a producer use ids again?"
    if from_future:
        yield f"{topic}: {from_future:,} events are of days that aren't yet; is a producer's clock right?"
