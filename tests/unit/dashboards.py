"""The dashboard of a small place, asked without a network: for tests of its pages."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from serving import Client, served
from small_place import Place

from learnfold import catalog
from learnfold.batch.request import RunRequest
from learnfold.batch.run import run
from learnfold.dashboard.links import Links
from learnfold.dashboard.pages import PAGES
from learnfold.dashboard.site import pages
from learnfold.generate import Semester, generate
from learnfold.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

TO = Links("/", ())


@contextlib.contextmanager
def shown(output: object, **more: Any) -> Iterator[Client]:
    """A server of what lies at ``output``, its pages too."""
    with served(output, pages=pages, **more) as client:
        yield client


def semester(root: Path, events: int = 20_000) -> Place:
    """A made-up semester, folded."""
    place = Place(root)
    generate(Semester(events=events, seed=7, malformed=0.02), str(place.master))
    return folded(place)


def folded(place: Place) -> Place:
    """The place with all its views."""
    run(RunRequest(str(place.master), str(place.out)), catalog.load(), Settings())
    return place


def enter(place: Place, course: str, people: Sequence[str], first: int = 0) -> None:
    """Each of the people enrols, opens material, watches a video and hands in, in a week of December."""
    for topic, kinds in {
        "course_topic": ("COURSE_ENROLLED", "ACCESS_COURSE_MATERIAL", "DOWNLOAD_MATERIAL"),
        "video_topic": ("VIDEO_WATCHED",),
        "assessment_topic": ("ASSIGNMENT_SUBMITTED", "QUIZ_COMPLETED"),
        "auth_topic": ("LOGIN",),
    }.items():
        place.add(
            topic, pa.Table.from_pylist([_event(topic, kind, course, who, first) for kind in kinds for who in people])
        )


def _event(topic: str, kind: str, course: str, who: str, first: int) -> dict[str, object]:
    event: dict[str, object] = {
        "event_id": f"{course}-{who}-{kind}-{first}",
        "event_type": kind,
        "user_id": who,
        "role": "student",
        "timestamp": f"2025-12-{1 + first + len(who) % 5:02d} 10:00:00",
    }
    if topic != "auth_topic":
        event["course_id"] = course
    if topic == "course_topic":
        event |= {"material_id": f"{course}-m", "material_type": "pdf"}
    if topic == "video_topic":
        event |= {"video_id": f"{course}-v", "watch_duration_seconds": 60}
    if topic == "assessment_topic":
        event |= {
            "assignment_id": f"{course}-a",
            "assignment_type": "lab",
            "quiz_id": f"{course}-q",
            "correct_answers": 3,
        }
    return event


def addresses(course: str, student: str, video: str, batch: str) -> dict[str, str]:
    """Every page's address, by its route: one that is added is among them, or fails for want of a value."""
    known = {"course": course, "student": student, "video": video, "batch": batch}
    known |= {"view": "video_popularity", "column": "unique_viewers"}
    found = {}
    for route in PAGES:
        names = [part[1:-1] for part in route.split("/") if part.startswith("{")]
        path = "/".join("{}" if part.startswith("{") else part for part in route.split("/"))
        found[route] = TO.to(path, *(known[name] for name in names))
    return found
