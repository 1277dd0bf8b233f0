"""Cases of the views of video_topic."""

from __future__ import annotations

from datetime import timedelta

from oracle.case import DAY, Case, at, events, rows

WATCHED = events(
    "event_type user_id video_id course_id watch_duration_seconds",
    ("VIDEO_WATCHED", "u1", "v1", "c1", 1800),
    ("VIDEO_WATCHED", "u1", "v1", "c1", 900),
    ("VIDEO_WATCHED", "u1", "v1", "c1", None),
    ("VIDEO_WATCHED", "u1", "v2", "c1", 0),
    ("VIDEO_WATCHED", "u2", "v3", "c1", 6300),
    ("VIDEO_WATCHED", "u2", None, None, None),
    ("VIDEO_PAUSED", "u3", "v4", "c1", 50),
)

TOTALS = [
    event | {"timestamp": at(10) + timedelta(days=later)}
    for later, event in zip(
        (0, 0, 1, 1, 1, 1),
        events(
            "event_type user_id video_id course_id session_id watch_duration_seconds played_seconds",
            ("VIDEO_WATCHED", "u1", "v1", "c1", "s1", 10, 10.0),
            ("VIDEO_WATCHED", "u1", "v1", "c1", "s1", 20, 20.5),
            ("VIDEO_WATCHED", "u1", "v1", "c1", "s1", None, 30.5),
            ("VIDEO_WATCHED", "u1", "v1", "c1", "s2", None, 4.0),
            ("VIDEO_WATCHED", "u1", "v1", "c1", None, 60, None),
            ("VIDEO_PAUSED", "u1", "v1", "c1", "s1", None, 99.0),
        ),
        strict=True,
    )
]

CASES = [
    Case(
        "of a visit's running totals the greatest counts, once, in place of the durations",
        "video_total_watch_time",
        TOTALS,
        rows(
            "user_id video_id course_id total_watch_seconds total_watch_sessions avg_watch_duration_seconds "
            "longest_session_seconds shortest_session_seconds total_watch_minutes total_watch_hours",
            ("u1", "v1", "c1", 94.5, 5, 31.5, 60, 4.0, 1.575, 0.02625),
        ),
    ),
    Case(
        "a visit past midnight counts on each day by what it grew",
        "video_daily_engagement",
        TOTALS,
        rows(
            "date course_id active_video_watchers unique_videos_watched total_watch_seconds total_watch_events "
            "total_watch_hours",
            (DAY, "c1", 1, 1, 20.5, 2, 20.5 / 3600),
            (DAY + timedelta(days=1), "c1", 1, 1, 74.0, 3, 74.0 / 3600),
        ),
    ),
    Case(
        "an event without a duration is an event, and none of its group leaves the sums empty",
        "video_total_watch_time",
        WATCHED,
        rows(
            "user_id video_id course_id total_watch_seconds total_watch_sessions avg_watch_duration_seconds "
            "longest_session_seconds shortest_session_seconds total_watch_minutes total_watch_hours",
            ("u1", "v1", "c1", 2700, 3, 1350.0, 1800, 900, 45.0, 0.75),
            ("u1", "v2", "c1", 0, 1, 0.0, 0, 0, 0.0, 0.0),
            ("u2", "v3", "c1", 6300, 1, 6300.0, 6300, 6300, 105.0, 1.75),
            ("u2", None, None, None, 1, None, None, None, None, None),
        ),
    ),
    Case(
        "a student's videos are distinct and named",
        "video_student_engagement",
        WATCHED,
        rows(
            "user_id course_id unique_videos_watched total_watch_seconds total_video_events "
            "avg_watch_duration_seconds total_watch_hours",
            ("u1", "c1", 2, 2700, 4, 900.0, 0.75),
            ("u2", "c1", 1, 6300, 1, 6300.0, 1.75),
            ("u2", None, 0, None, 1, None, None),
        ),
    ),
    Case(
        "a video's viewers are distinct",
        "video_popularity",
        WATCHED,
        rows(
            "video_id course_id unique_viewers total_views_seconds total_view_events avg_view_duration_seconds "
            "total_views_hours",
            ("v1", "c1", 1, 2700, 3, 1350.0, 0.75),
            ("v2", "c1", 1, 0, 1, 0.0, 0.0),
            ("v3", "c1", 1, 6300, 1, 6300.0, 1.75),
            (None, None, 1, None, 1, None, None),
        ),
    ),
    Case(
        "a day's watching in a course",
        "video_daily_engagement",
        WATCHED,
        rows(
            "date course_id active_video_watchers unique_videos_watched total_watch_seconds total_watch_events "
            "total_watch_hours",
            (DAY, "c1", 2, 3, 9000, 5, 2.5),
            (DAY, None, 1, 0, None, 1, None),
        ),
    ),
    Case(
        "a course's videos are those watched",
        "video_course_metrics",
        WATCHED,
        rows(
            "course_id total_students_watching total_videos_in_course total_course_watch_seconds "
            "total_course_watch_hours",
            ("c1", 2, 3, 9000, 2.5),
            (None, 1, 0, None, None),
        ),
    ),
    Case(
        "coverage is of what anyone watched in the course, and none where that is nothing",
        "video_student_course_summary",
        [
            *WATCHED,
            *events("event_type user_id video_id course_id", ("VIDEO_WATCHED", "u3", "v4", "c1")),
        ],
        rows(
            "user_id course_id videos_watched_count total_watch_seconds total_sessions total_watch_hours "
            "total_videos_in_course video_coverage_percentage",
            ("u1", "c1", 2, 2700, 4, 0.75, 4, 50.0),
            ("u2", "c1", 1, 6300, 1, 1.75, 4, 25.0),
            ("u3", "c1", 1, None, 1, None, 4, 25.0),
            ("u2", None, 0, None, 1, None, 0, None),
        ),
    ),
    Case(
        "risk is high below 60 seconds on average, medium below 180, unknown without one",
        "video_drop_off_indicators",
        events(
            "event_type user_id video_id watch_duration_seconds",
            ("VIDEO_WATCHED", "u1", "v1", 59),
            ("VIDEO_WATCHED", "u2", "v1", 60),
            ("VIDEO_WATCHED", "u2", "v2", 0),
            ("VIDEO_WATCHED", "u2", "v2", 120),
            ("VIDEO_WATCHED", "u1", "v3", 179),
            ("VIDEO_WATCHED", "u1", "v4", 180),
            ("VIDEO_WATCHED", "u1", "v5", None),
            ("VIDEO_WATCHED", "u1", None, 0),
        ),
        rows(
            "video_id course_id total_views avg_watch_duration min_watch_duration unique_viewers potential_drop_off",
            ("v1", None, 2, 59.5, 59, 2, "High Risk"),
            ("v2", None, 2, 60.0, 0, 1, "Medium Risk"),
            ("v3", None, 1, 179.0, 179, 1, "Medium Risk"),
            ("v4", None, 1, 180.0, 180, 1, "Good Engagement"),
            ("v5", None, 1, None, None, 1, None),
            (None, None, 1, 0.0, 0, 1, "High Risk"),
        ),
    ),
]
