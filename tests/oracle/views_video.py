"""The views of video_topic: VIDEO_WATCHED only."""

from __future__ import annotations

import math
from itertools import groupby
from typing import TYPE_CHECKING

from oracle.view import distinct, divided, every, given, grouped, largest, mean, rate, smallest, total, view, whole

if TYPE_CHECKING:
    from oracle.events import Event
    from oracle.view import Events, Row

SECONDS = "watch_duration_seconds"
MINUTE, HOUR = 60, 3600
HIGH_RISK_BELOW, MEDIUM_RISK_BELOW = 60, 180

viewings = every("video_topic", "VIDEO_WATCHED")
VISIT = ("user_id", "video_id", "course_id", "session_id")


def visits(events: list[Event]) -> list[list[Event]]:
    """The viewings that tell a running total, visit by visit."""
    told = [event for event in events if event["played_seconds"] is not None]
    by_visit = sorted(told, key=visit_key)
    return [list(some) for _, some in groupby(by_visit, key=visit_key)]


def visit_key(event: Event) -> tuple[str, ...]:
    """What a visit is told apart by, absent values first."""
    return tuple("" if event[name] is None else f"={event[name]}" for name in VISIT)


def untotalled(events: list[Event]) -> list[Event]:
    """Every viewing, timed by its own duration unless it tells a running total."""
    return [
        event | {"viewings": 1, SECONDS: None if event["played_seconds"] is not None else event[SECONDS]}
        for event in events
    ]


def watched(events: Events) -> list[Event]:
    """The viewings, and of each visit the greatest running total, once: seconds that are no further viewing."""
    seen = viewings(events)
    greatest = [max(visit, key=lambda event: event["played_seconds"]) for visit in visits(seen)]
    return untotalled(seen) + [one | {"viewings": 0, SECONDS: round(one["played_seconds"], 3)} for one in greatest]


def watched_by_day(events: list[Event]) -> list[Event]:
    """The viewings, and of each visit and day by how much its running total grew beyond the days before."""
    grown = []
    for visit in visits(events):
        before = 0.0
        for _, some in groupby(sorted(visit, key=lambda event: event["date"]), key=lambda event: event["date"]):
            day = list(some)
            total_then = max(round(event["played_seconds"], 3) for event in day)
            grown.append(day[0] | {"viewings": 0, SECONDS: max(0.0, round(total_then - before, 3))})
            before = max(before, total_then)
    return untotalled(events) + grown


def count(events: list[Event]) -> int:
    """How many viewings."""
    return sum(event["viewings"] for event in events)


@view("user_id", "video_id", "course_id", of=watched)
def video_total_watch_time(events: list[Event]) -> Row:
    """One user watching one video."""
    seconds = total(events, SECONDS)
    return {
        "total_watch_seconds": seconds,
        "total_watch_sessions": count(events),
        "avg_watch_duration_seconds": mean(events, SECONDS),
        "longest_session_seconds": largest(events, SECONDS),
        "shortest_session_seconds": smallest(events, SECONDS),
        "total_watch_minutes": divided(seconds, MINUTE),
        "total_watch_hours": divided(seconds, HOUR),
    }


@view("user_id", "course_id", of=watched)
def video_student_engagement(events: list[Event]) -> Row:
    """One user watching a course's videos."""
    seconds = total(events, SECONDS)
    return {
        "unique_videos_watched": distinct(events, "video_id"),
        "total_watch_seconds": seconds,
        "total_video_events": count(events),
        "avg_watch_duration_seconds": mean(events, SECONDS),
        "total_watch_hours": divided(seconds, HOUR),
    }


@view("video_id", "course_id", of=watched)
def video_popularity(events: list[Event]) -> Row:
    """Everyone watching one video."""
    seconds = total(events, SECONDS)
    return {
        "unique_viewers": distinct(events, "user_id"),
        "total_views_seconds": seconds,
        "total_view_events": count(events),
        "avg_view_duration_seconds": mean(events, SECONDS),
        "total_views_hours": divided(seconds, HOUR),
    }


@view("date", "course_id", of=viewings, then=watched_by_day)
def video_daily_engagement(events: list[Event]) -> Row:
    """A day's watching in a course."""
    seconds = total(events, SECONDS)
    return {
        "active_video_watchers": distinct(events, "user_id"),
        "unique_videos_watched": distinct(events, "video_id"),
        "total_watch_seconds": seconds,
        "total_watch_events": count(events),
        "total_watch_hours": divided(seconds, HOUR),
    }


@view("course_id", of=watched)
def video_course_metrics(events: list[Event]) -> Row:
    """All watching in a course."""
    seconds = total(events, SECONDS)
    return {
        "total_students_watching": distinct(events, "user_id"),
        "total_videos_in_course": distinct(events, "video_id"),
        "total_course_watch_seconds": seconds,
        "total_course_watch_hours": divided(seconds, HOUR),
    }


def watched_of_course(events: Events) -> list[Event]:
    """The events, each with how many different videos of its course anyone watched."""
    everyones = watched(events)
    videos = {
        course_id: distinct([event for event in everyones if event["course_id"] == course_id], "video_id")
        for course_id in {event["course_id"] for event in everyones}
    }
    return [event | {"videos_in_course": videos[event["course_id"]]} for event in everyones]


@view("user_id", "course_id", of=watched_of_course)
def video_student_course_summary(events: list[Event]) -> Row:
    """One user's watching, beside what anyone watched in the course."""
    seconds = total(events, SECONDS)
    seen, in_course = distinct(events, "video_id"), events[0]["videos_in_course"]
    return {
        "videos_watched_count": seen,
        "total_watch_seconds": seconds,
        "total_sessions": count(events),
        "total_watch_hours": divided(seconds, HOUR),
        "total_videos_in_course": in_course,
        "video_coverage_percentage": rate(seen, in_course),
    }


@view("video_id", "course_id", of=watched)
def video_drop_off_indicators(events: list[Event]) -> Row:
    """How long everyone stays with one video."""
    average = mean(events, SECONDS)
    return {
        "total_views": count(events),
        "avg_watch_duration": average,
        "min_watch_duration": smallest(events, SECONDS),
        "unique_viewers": distinct(events, "user_id"),
        "potential_drop_off": drop_off(average),
    }


def drop_off(average: float | None) -> str | None:
    """How likely viewers leave early, by the seconds they stay on average."""
    if average is None:
        return None
    if average < HIGH_RISK_BELOW:
        return "High Risk"
    return "Medium Risk" if average < MEDIUM_RISK_BELOW else "Good Engagement"


STEPS, ROUNDED = 20, 15
LONGEST_STRETCH = 2 * 10**9


def stretch(event: Event) -> tuple[int, int] | None:
    """From where to where a viewing went, in whole seconds (half up); None where it doesn't say."""
    begin, end = event["from_second"], event["to_second"]
    if begin is not None and end is not None and begin <= end:
        first, last = (math.floor(min(at, LONGEST_STRETCH) + 0.5) for at in (begin, end))
        return first, last
    if event[SECONDS] is None or event["played_seconds"] is not None:
        return None
    return 0, event[SECONDS]


def covers(event: Event, step: int, length: int) -> bool:
    """Whether a viewing's stretch covers the place of a video of that length."""
    first, last = event["stretch"]
    return bool(first * STEPS <= step * length < last * STEPS)


@whole("video_id", "course_id", "step")
def video_retention(events: Events, _: str) -> list[Row]:
    """How many viewings cover each twentieth of a video."""
    rows = []
    seen = [event | {"stretch": stretch(event)} for event in viewings(events)]
    told = [event for event in seen if event["stretch"] is not None]
    for (video_id, course_id), some in grouped(told, "video_id", "course_id").items():
        longest = max(event["stretch"][1] for event in some)
        length = max(given(some, "video_length_seconds"), default=math.ceil(longest / ROUNDED) * ROUNDED)
        for step in range(STEPS):
            covering = [event for event in some if covers(event, step, event["video_length_seconds"] or length)]
            rows.append(
                {
                    "video_id": video_id,
                    "course_id": course_id,
                    "step": step,
                    "length_seconds": length,
                    "viewings": len(some),
                    "reaching": len(covering) if length else 0,
                }
            )
    return rows


@view("video_id", "course_id", of=watched)
def video_rewatch(events: list[Event]) -> Row:
    """Who watched a video more than once."""
    times = [count(mine) for mine in grouped(events, "user_id").values()]
    again = sum(many > 1 for many in times)
    return {
        "unique_viewers": len(times),
        "viewings": count(events),
        "viewers_again": again,
        "rewatch_percentage": rate(again, len(times)),
        "watch_minutes": divided(total(events, SECONDS), MINUTE),
    }
