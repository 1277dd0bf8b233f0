"""A planted course: two enrolments, one of which is given up, and what the two open and download."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from learnfold.generate.planted.story import COURSE, OTHER, STUDENT, TEACHER

if TYPE_CHECKING:
    from learnfold.generate.planted.story import Story

MATERIAL, RESOURCE, ITEM = f"{COURSE}-M1", f"{COURSE}-R1", f"{COURSE}-I1"
MISTAKE = "CSP02"


def tell(story: Story) -> None:
    """A click counts as an access of its item, a download without a resource as one of its material."""
    quiet, later = story.quiet, story.later
    happens = partial(story.happens, "course_topic", course_id=COURSE)
    accesses = partial(happens, material_id=MATERIAL, material_type="pdf")
    happens(quiet, "00:01:00", "COURSE_CREATED", TEACHER, course_name="Planting")
    happens(quiet, "00:15:00", "COURSE_ENROLLED", STUDENT, course_name="Planting")
    happens(quiet, "00:16:00", "COURSE_ENROLLED", OTHER, course_name="Planting")
    happens(quiet, "20:05:10", "COURSE_VIEW", STUDENT)
    happens(quiet, "20:05:20", "ITEM_CLICK", STUDENT, item_id=ITEM, item_type="page")
    accesses(quiet, "20:05:30", "ACCESS_COURSE_MATERIAL", STUDENT)
    accesses(later, "21:11:00", "ACCESS_COURSE_MATERIAL", STUDENT)
    accesses(later, "20:00:00", "ACCESS_COURSE_MATERIAL", OTHER)
    happens(quiet, "20:05:40", "DOWNLOAD_MATERIAL", STUDENT, resource_id=RESOURCE)
    happens(later, "21:12:00", "DOWNLOAD_MATERIAL", STUDENT, resource_id=RESOURCE)
    accesses(later, "21:13:00", "DOWNLOAD_MATERIAL", STUDENT)
    happens(quiet, "20:05:50", "COURSE_RATED", STUDENT)
    happens(later, "22:00:00", "COURSE_DROPPED", OTHER)
    story.happens(
        "course_topic", quiet, "00:02:00", "COURSE_CREATED", TEACHER, course_id=MISTAKE, course_name="Planning"
    )
    story.happens("course_topic", quiet, "00:03:00", "COURSE_DELETED", TEACHER, course_id=MISTAKE)

    day, student = {"date": story.date(quiet), "course_id": COURSE}, {"user_id": STUDENT, "course_id": COURSE}
    story.expect("course_enrollment_stats", day, new_enrollments=2, unique_new_students=2)
    story.expect(
        "course_material_access",
        student,
        total_material_accesses=3,
        unique_materials_accessed=2,
        first_access=story.time(quiet, "20:05:20"),
        last_access=story.time(later, "21:11:00"),
    )
    for material, kind, people, accessed in ((MATERIAL, "pdf", 2, 3), (ITEM, "page", 1, 1)):
        story.expect(
            "course_material_popularity",
            {"course_id": COURSE, "material_id": material, "material_type": kind},
            unique_accessors=people,
            total_accesses=accessed,
        )
    story.expect("course_download_analytics", student, total_downloads=3, unique_resources_downloaded=2)
    for resource, downloads in ((RESOURCE, 2), (MATERIAL, 1)):
        story.expect(
            "course_resource_download_stats",
            {"course_id": COURSE, "resource_id": resource},
            unique_downloaders=1,
            total_download_count=downloads,
        )
    story.expect(
        "course_activity_summary",
        {"user_id": STUDENT},
        courses_enrolled=1,
        total_material_accesses=3,
        courses_with_material_access=1,
        total_downloads=3,
    )
    for event_type, people in (("COURSE_ENROLLED", 2), ("ITEM_CLICK", 1), ("COURSE_RATED", 1)):
        story.expect(
            "course_daily_engagement", day | {"event_type": event_type}, unique_users=people, event_count=people
        )
    story.expect(
        "course_overall_metrics",
        {"course_id": COURSE},
        total_enrollments=2,
        total_material_accesses=4,
        total_downloads=3,
        unique_students_interacting=2,
    )
