"""The views of course_topic."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from oracle.view import distinct, every, largest, of_type, smallest, view

if TYPE_CHECKING:
    from oracle.events import Event
    from oracle.view import Events, Row

ENROLLED = "COURSE_ENROLLED"
ACCESS = ("ACCESS_COURSE_MATERIAL", "ITEM_CLICK")
DOWNLOAD = "DOWNLOAD_MATERIAL"


def either(event: Event, field: str, otherwise: str) -> Any:
    """The field, or where it's absent the other."""
    return event[otherwise] if event[field] is None else event[field]


def accesses(events: Events) -> list[Event]:
    """Material accesses, with material_id and material_type as their material and its type."""
    return [
        event
        | {
            "material_id": either(event, "material_id", "item_id"),
            "material_type": either(event, "material_type", "item_type"),
        }
        for event in of_type(events["course_topic"], *ACCESS)
    ]


def downloads(events: Events) -> list[Event]:
    """Downloads, with resource_id as their resource."""
    return [
        event | {"resource_id": either(event, "resource_id", "material_id")}
        for event in of_type(events["course_topic"], DOWNLOAD)
    ]


@view("date", "course_id", of=every("course_topic", ENROLLED))
def course_enrollment_stats(enrollments: list[Event]) -> Row:
    """A day's COURSE_ENROLLEDs in a course."""
    return {"new_enrollments": len(enrollments), "unique_new_students": distinct(enrollments, "user_id")}


@view("user_id", "course_id", of=accesses)
def course_material_access(events: list[Event]) -> Row:
    """A user's material accesses in a course."""
    return {
        "total_material_accesses": len(events),
        "unique_materials_accessed": distinct(events, "material_id"),
        "first_access": smallest(events, "timestamp"),
        "last_access": largest(events, "timestamp"),
    }


@view("course_id", "material_id", "material_type", of=accesses)
def course_material_popularity(events: list[Event]) -> Row:
    """Everyone's accesses of one material under one type."""
    return {"unique_accessors": distinct(events, "user_id"), "total_accesses": len(events)}


@view("user_id", "course_id", of=downloads)
def course_download_analytics(events: list[Event]) -> Row:
    """A user's downloads in a course."""
    return {"total_downloads": len(events), "unique_resources_downloaded": distinct(events, "resource_id")}


@view("course_id", "resource_id", of=downloads)
def course_resource_download_stats(events: list[Event]) -> Row:
    """Everyone's downloads of one resource."""
    return {"unique_downloaders": distinct(events, "user_id"), "total_download_count": len(events)}


@view("user_id", of=every("course_topic", ENROLLED, *ACCESS, DOWNLOAD))
def course_activity_summary(events: list[Event]) -> Row:
    """A user's enrolments, accesses and downloads; a user with none of the three has no row."""
    return {
        "courses_enrolled": distinct(of_type(events, ENROLLED), "course_id"),
        "total_material_accesses": len(of_type(events, *ACCESS)),
        "courses_with_material_access": distinct(of_type(events, *ACCESS), "course_id"),
        "total_downloads": len(of_type(events, DOWNLOAD)),
    }


@view("date", "course_id", "event_type", of=every("course_topic"))
def course_daily_engagement(events: list[Event]) -> Row:
    """A day's events of one type in a course, whatever the type."""
    return {"unique_users": distinct(events, "user_id"), "event_count": len(events)}


def by_students(events: list[Event]) -> list[Event]:
    """Those whose role isn't 'teacher': it may be another, or absent."""
    return [event for event in events if event["role"] != "teacher"]


def counted(events: Events) -> list[Event]:
    """What course_overall_metrics counts: a teacher's other events aren't part of any of its columns."""
    of_anyone = (ENROLLED, *ACCESS, DOWNLOAD)
    return [event for event in events["course_topic"] if event["event_type"] in of_anyone or by_students([event])]


@view("course_id", of=counted)
def course_overall_metrics(events: list[Event]) -> Row:
    """All that happened in a course, and to how many who aren't teachers."""
    return {
        "total_enrollments": len(of_type(events, ENROLLED)),
        "total_material_accesses": len(of_type(events, *ACCESS)),
        "total_downloads": len(of_type(events, DOWNLOAD)),
        "unique_students_interacting": distinct(by_students(events), "user_id"),
    }
