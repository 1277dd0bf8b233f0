"""Planted viewings: a video watched in three sittings, one that people leave, and one nearly so."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from learnfold.generate.planted.story import COURSE, OTHER, STUDENT

if TYPE_CHECKING:
    from learnfold.generate.planted.story import Story

GOOD, HIGH_RISK, MEDIUM_RISK = f"{COURSE}-V1", f"{COURSE}-V2", f"{COURSE}-V3"


def tell(story: Story) -> None:
    """The third sitting is on the later day."""
    quiet, later = story.quiet, story.later
    happens = partial(story.happens, "video_topic", course_id=COURSE)
    happens(quiet, "20:06:00", "VIDEO_BOOKMARKED", STUDENT, video_id=GOOD, session_id="SP1", played_seconds=30)
    for day, time, user, video, session, seconds in (
        (quiet, "20:20:00", STUDENT, GOOD, "SP1", 600),
        (quiet, "20:45:00", STUDENT, GOOD, "SP1", 1200),
        (later, "21:20:00", STUDENT, GOOD, "SP4", 300),
        (quiet, "20:48:00", STUDENT, HIGH_RISK, "SP1", 30),
        (quiet, "20:40:00", OTHER, HIGH_RISK, "SP3", 50),
        (quiet, "20:43:00", OTHER, MEDIUM_RISK, "SP3", 120),
    ):
        happens(day, time, "VIDEO_WATCHED", user, video_id=video, session_id=session, watch_duration_seconds=seconds)

    story.expect(
        "video_total_watch_time",
        {"user_id": STUDENT, "video_id": GOOD, "course_id": COURSE},
        total_watch_seconds=2100,
        total_watch_sessions=3,
        avg_watch_duration_seconds=700.0,
        longest_session_seconds=1200,
        shortest_session_seconds=300,
        total_watch_minutes=35.0,
        total_watch_hours=2100 / 3600,
    )
    story.expect(
        "video_student_engagement",
        {"user_id": STUDENT, "course_id": COURSE},
        unique_videos_watched=2,
        total_watch_seconds=2130,
        total_video_events=4,
        avg_watch_duration_seconds=532.5,
        total_watch_hours=2130 / 3600,
    )
    story.expect(
        "video_popularity",
        {"video_id": GOOD, "course_id": COURSE},
        unique_viewers=1,
        total_views_seconds=2100,
        total_view_events=3,
        avg_view_duration_seconds=700.0,
        total_views_hours=2100 / 3600,
    )
    if later != quiet:
        story.expect(
            "video_daily_engagement",
            {"date": story.date(quiet), "course_id": COURSE},
            active_video_watchers=2,
            unique_videos_watched=3,
            total_watch_seconds=2000,
            total_watch_events=5,
            total_watch_hours=2000 / 3600,
        )
    story.expect(
        "video_course_metrics",
        {"course_id": COURSE},
        total_students_watching=2,
        total_videos_in_course=3,
        total_course_watch_seconds=2300,
        total_course_watch_hours=2300 / 3600,
    )
    story.expect(
        "video_student_course_summary",
        {"user_id": STUDENT, "course_id": COURSE},
        videos_watched_count=2,
        total_watch_seconds=2130,
        total_sessions=4,
        total_watch_hours=2130 / 3600,
        total_videos_in_course=3,
        video_coverage_percentage=200 / 3,
    )
    for video, views, mean, least, viewers, risk in (
        (GOOD, 3, 700.0, 300, 1, "Good Engagement"),
        (HIGH_RISK, 2, 40.0, 30, 2, "High Risk"),
        (MEDIUM_RISK, 1, 120.0, 120, 1, "Medium Risk"),
    ):
        story.expect(
            "video_drop_off_indicators",
            {"video_id": video, "course_id": COURSE},
            total_views=views,
            avg_watch_duration=mean,
            min_watch_duration=least,
            unique_viewers=viewers,
            potential_drop_off=risk,
        )
