"""The views of forum_topic."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from oracle.view import distinct, every, grouped, largest, of_type, quantile, smallest, view, whole

if TYPE_CHECKING:
    from oracle.events import Event
    from oracle.view import Events, Row

POST, REPLY, READ = "POST_CREATED", "REPLY_CREATED", "POST_VIEWED"
HOUR = timedelta(hours=1)
MEDIAN = 5


def in_threads(events: Events) -> list[Event]:
    """The events that name a thread."""
    return [event for event in events["forum_topic"] if event["thread_id"] is not None]


@view("date", "course_id", "event_type", of=every("forum_topic"))
def forum_daily_activity(events: list[Event]) -> Row:
    """A day's events of one type in a course's discussions."""
    return {"unique_users": distinct(events, "user_id"), "event_count": len(events)}


@view("user_id", "course_id", of=every("forum_topic"))
def forum_participation(events: list[Event]) -> Row:
    """What a person reads and writes in a course."""
    written = of_type(events, POST, REPLY)
    return {
        "posts": len(of_type(events, POST)),
        "replies": len(of_type(events, REPLY)),
        "views": len(of_type(events, READ)),
        "threads": distinct(written, "thread_id"),
        "first_post": smallest(written, "timestamp"),
        "last_post": largest(written, "timestamp"),
    }


@view("course_id", "thread_id", of=in_threads)
def forum_thread_popularity(events: list[Event]) -> Row:
    """What is read and written in a thread."""
    return {
        "unique_readers": distinct(of_type(events, READ), "user_id"),
        "views": len(of_type(events, READ)),
        "posts": len(of_type(events, POST)),
        "replies": len(of_type(events, REPLY)),
        "unique_authors": distinct(of_type(events, POST, REPLY), "user_id"),
        "last_activity": largest(events, "timestamp"),
    }


def threads(events: Events) -> list[Event]:
    """Each thread with a post: when it began, and when someone else first replied."""
    found = []
    for (course_id, _), some in grouped(in_threads(events), "course_id", "thread_id").items():
        posts = sorted((post["timestamp"], post["user_id"]) for post in of_type(some, POST))
        if posts:
            replies = [reply for reply in of_type(some, REPLY) if reply["user_id"] != posts[0][1]]
            found.append({"course_id": course_id, "asked": posts[0][0], "answered": smallest(replies, "timestamp")})
    return found


@whole("course_id")
def forum_answer_times(events: Events, _: str) -> list[Row]:
    """How long a course's threads wait for an answer."""
    rows = []
    for (course_id,), some in grouped(threads(events), "course_id").items():
        answered = [thread for thread in some if thread["answered"] is not None]
        times = [thread["answered"] - thread["asked"] for thread in answered]
        rows.append(
            {
                "course_id": course_id,
                "threads": len(some),
                "answered": len(answered),
                "unanswered": len(some) - len(answered),
                "median_hours_to_first_reply": quantile([t for t in times if t >= timedelta(0)], MEDIAN, HOUR),
                "oldest_unanswered": smallest([thread for thread in some if thread["answered"] is None], "asked"),
            }
        )
    return rows
