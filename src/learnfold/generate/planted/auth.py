"""Planted logins: three sessions, one of which never ends."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from learnfold.generate.planted.story import OTHER, STUDENT

if TYPE_CHECKING:
    from learnfold.generate.planted.story import Story


def tell(story: Story) -> None:
    """Nobody else logs in from 18:00 to 24:00 UTC, so the hours 20 and 21 are known too."""
    quiet, later = story.quiet, story.later
    happens = partial(story.happens, "auth_topic", email="planted@university.example")
    happens(quiet, "00:10:00", "SIGNUP", STUDENT, registration_source="partner_portal")
    happens(quiet, "00:11:00", "SIGNUP", OTHER, registration_source="partner_portal")
    happens(quiet, "20:05:00", "LOGIN", STUDENT, session_id="SP1")
    happens(quiet, "20:50:30", "LOGOUT", STUDENT, session_id="SP1")
    happens(quiet, "20:55:00", "LOGIN", STUDENT, session_id="SP2")
    happens(quiet, "20:30:00", "LOGIN", OTHER, session_id="SP3")
    happens(later, "21:10:00.250000", "LOGIN", STUDENT, session_id="SP4")
    happens(later, "22:40:00.250001", "LOGOUT", STUDENT, session_id="SP4")
    happens(quiet, "00:09:00", "EMAIL_CONFIRMED", OTHER)

    story.expect("auth_hourly_login_patterns", {"date": story.date(quiet), "hour": 20}, login_count=3)
    story.expect("auth_hourly_login_patterns", {"date": story.date(later), "hour": 21}, login_count=1)
    if story.semester.quiet_day >= 0:
        story.expect("auth_daily_active_users", {"date": story.date(quiet)}, daily_active_users=2, total_sessions=3)
    long_minutes = 90 + 1e-6 / 60
    story.expect(
        "auth_user_session_metrics",
        {"user_id": STUDENT},
        total_sessions=2,
        avg_session_duration_minutes=(45.5 + long_minutes) / 2,
        min_session_duration_minutes=45.5,
        max_session_duration_minutes=long_minutes,
        total_time_online_minutes=45.5 + long_minutes,
    )
    story.expect(
        "auth_user_activity_summary",
        {"user_id": STUDENT, "role": "student"},
        total_logins=3,
        total_logouts=2,
        first_activity=story.time(quiet, "00:10:00"),
        last_activity=story.time(later, "22:40:00.250001"),
        unique_sessions=3,
    )
    story.expect(
        "auth_user_activity_summary",
        {"user_id": OTHER, "role": "student"},
        total_logins=1,
        total_logouts=0,
        first_activity=story.time(quiet, "00:09:00"),
        last_activity=story.time(quiet, "20:30:00"),
        unique_sessions=1,
    )
    story.expect(
        "auth_registration_analytics",
        {"date": story.date(quiet), "registration_source": "partner_portal", "role": "student"},
        new_signups=2,
    )
