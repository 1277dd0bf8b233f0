"""Cases of the views of course_topic."""

from __future__ import annotations

from oracle.case import DAY, Case, at, events, rows

ACCESSED = events(
    "event_type user_id course_id material_id material_type item_id item_type resource_id timestamp",
    ("ACCESS_COURSE_MATERIAL", "u1", "c1", "m1", "pdf", "m9", "link", "r9", at(12)),
    ("ITEM_CLICK", "u1", "c1", None, None, "m1", "pdf", None, at(9)),
    ("ITEM_CLICK", "u2", "c1", "m1", None, "m8", "quiz", None, at(9)),
    ("ITEM_CLICK", "u2", "c1", None, "pdf", None, "quiz", None, at(9)),
    ("COURSE_VIEW", "u1", "c1", "m7", "pdf", "m7", "pdf", "r7", at(8)),
    ("DOWNLOAD_MATERIAL", "u1", "c1", "m6", "pdf", "m6", "pdf", None, at(8)),
)

DOWNLOADED = events(
    "event_type user_id course_id resource_id material_id item_id",
    ("DOWNLOAD_MATERIAL", "u1", "c1", "r1", "m1", None),
    ("DOWNLOAD_MATERIAL", "u1", "c1", None, "r1", None),
    ("DOWNLOAD_MATERIAL", "u2", "c1", None, "m1", None),
    ("DOWNLOAD_MATERIAL", "u2", "c1", None, None, "i1"),
    ("DOWNLOAD_MATERIAL", "u2", None, "r1", None, None),
    ("ITEM_CLICK", "u3", "c1", "r1", "m1", "i1"),
)

INTERACTED = events(
    "event_type user_id course_id role",
    ("COURSE_ENROLLED", "u1", "c1", "student"),
    ("COURSE_ENROLLED", "u1", "c1", "student"),
    ("COURSE_ENROLLED", "u1", None, None),
    ("ACCESS_COURSE_MATERIAL", "u1", "c2", "student"),
    ("ITEM_CLICK", "u1", "c1", None),
    ("ITEM_CLICK", "u1", "c1", "teacher"),
    ("DOWNLOAD_MATERIAL", "u2", "c1", "teacher"),
    ("DOWNLOAD_MATERIAL", "u3", None, "teacher"),
    ("COURSE_VIEW", "u4", "c1", ""),
    ("COURSE_VIEW", "u5", "c3", "observer"),
    ("COURSE_CREATED", "u6", "c4", "teacher"),
    ("COURSE_RATED", "u7", "c1", None),
    ("ACCESS_COURSE_MATERIAL", "u8", None, "teacher"),
)

CASES = [
    Case(
        "who enrols twice a day is one student",
        "course_enrollment_stats",
        events(
            "event_type user_id course_id",
            ("COURSE_ENROLLED", "u1", "c1"),
            ("COURSE_ENROLLED", "u1", "c1"),
            ("COURSE_ENROLLED", "u2", "c1"),
            ("COURSE_ENROLLED", "u2", None),
            ("COURSE_DROPPED", "u3", "c2"),
        ),
        rows(
            "date course_id new_enrollments unique_new_students",
            (DAY, "c1", 3, 2),
            (DAY, None, 1, 1),
        ),
    ),
    Case(
        "an access is of its material, else of its item",
        "course_material_access",
        ACCESSED,
        rows(
            "user_id course_id total_material_accesses unique_materials_accessed first_access last_access",
            ("u1", "c1", 2, 1, at(9), at(12)),
            ("u2", "c1", 2, 1, at(9), at(9)),
        ),
    ),
    Case(
        "id and type are filled from the item each on its own",
        "course_material_popularity",
        ACCESSED,
        rows(
            "course_id material_id material_type unique_accessors total_accesses",
            ("c1", "m1", "pdf", 1, 2),
            ("c1", "m1", "quiz", 1, 1),
            ("c1", None, "pdf", 1, 1),
        ),
    ),
    Case(
        "a download is of its resource, else of its material, never of its item",
        "course_download_analytics",
        DOWNLOADED,
        rows(
            "user_id course_id total_downloads unique_resources_downloaded",
            ("u1", "c1", 2, 1),
            ("u2", "c1", 2, 1),
            ("u2", None, 1, 1),
        ),
    ),
    Case(
        "a resource is one of its course",
        "course_resource_download_stats",
        DOWNLOADED,
        rows(
            "course_id resource_id unique_downloaders total_download_count",
            ("c1", "r1", 1, 2),
            ("c1", "m1", 1, 1),
            ("c1", None, 1, 1),
            (None, "r1", 1, 1),
        ),
    ),
    Case(
        "an event of an unnamed course gives its user a row, but is of no course",
        "course_activity_summary",
        INTERACTED,
        rows(
            "user_id courses_enrolled total_material_accesses courses_with_material_access total_downloads",
            ("u1", 1, 3, 2, 0),
            ("u2", 0, 0, 0, 1),
            ("u3", 0, 0, 0, 1),
            ("u8", 0, 1, 0, 0),
        ),
    ),
    Case(
        "every type counts, unknown ones too",
        "course_daily_engagement",
        events(
            "event_type user_id course_id",
            ("COURSE_VIEW", "u1", "c1"),
            ("COURSE_VIEW", "u1", "c1"),
            ("COURSE_VIEW", "u2", "c1"),
            ("COURSE_RATED", "u1", "c1"),
            ("COURSE_RATED", "u1", None),
        ),
        rows(
            "date course_id event_type unique_users event_count",
            (DAY, "c1", "COURSE_VIEW", 2, 3),
            (DAY, "c1", "COURSE_RATED", 1, 1),
            (DAY, None, "COURSE_RATED", 1, 1),
        ),
    ),
    Case(
        "who isn't a 'teacher' interacts, with no role too; a course of a teacher's other events has no row",
        "course_overall_metrics",
        INTERACTED,
        rows(
            "course_id total_enrollments total_material_accesses total_downloads unique_students_interacting",
            ("c1", 2, 2, 1, 3),
            ("c2", 0, 1, 0, 1),
            ("c3", 0, 0, 0, 1),
            (None, 1, 1, 1, 1),
        ),
    ),
    Case(
        "a course only teachers downloaded from has a row of no students",
        "course_overall_metrics",
        events("event_type course_id role", ("DOWNLOAD_MATERIAL", "c1", "teacher")),
        rows(
            "course_id total_enrollments total_material_accesses total_downloads unique_students_interacting",
            ("c1", 0, 0, 1, 0),
        ),
    ),
]
