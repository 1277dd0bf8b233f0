"""Cases of the views of auth_topic."""

from __future__ import annotations

from datetime import date, datetime

from oracle.case import DAY, Case, at, events, rows

CASES = [
    Case(
        "a user counts once a day, a null session not at all, a LOGOUT nowhere",
        "auth_daily_active_users",
        events(
            "event_type user_id session_id timestamp",
            ("LOGIN", "u1", "s1", at(0)),
            ("LOGIN", "u1", "s2", at(23, 59, 59, 999999)),
            ("LOGIN", "u2", "s2", at(9)),
            ("LOGIN", "u3", None, at(9)),
            ("LOGOUT", "u4", "s4", at(9)),
            ("LOGOUT", "u4", "s4", datetime(2024, 3, 2)),  # noqa: DTZ001
        ),
        rows("date daily_active_users total_sessions", (DAY, 3, 2)),
    ),
    Case(
        "the day is the reporting zone's",
        "auth_daily_active_users",
        events("event_type timestamp", ("LOGIN", at(4, 59)), ("LOGIN", at(5))),
        rows("date daily_active_users total_sessions", (date(2024, 2, 29), 1, 0), (DAY, 1, 0)),
        reporting_zone="America/New_York",
    ),
    Case(
        "an hour has its LOGINs only",
        "auth_hourly_login_patterns",
        events(
            "event_type timestamp",
            ("LOGIN", at(9)),
            ("LOGIN", at(9, 59, 59, 999999)),
            ("LOGIN", at(10)),
            ("SIGNUP", at(11)),
        ),
        rows("date hour login_count", (DAY, 9, 2), (DAY, 10, 1)),
    ),
    Case(
        "the hour is the reporting zone's, summer time too",
        "auth_hourly_login_patterns",
        events("event_type timestamp", ("LOGIN", at(23)), ("LOGIN", datetime(2024, 7, 1, 23))),  # noqa: DTZ001
        rows("date hour login_count", (date(2024, 3, 2), 0, 1), (date(2024, 7, 2), 1, 1)),
        reporting_zone="Europe/Berlin",
    ),
    Case(
        "the hour that comes twice is one hour",
        "auth_hourly_login_patterns",
        events(
            "event_type timestamp",
            ("LOGIN", datetime(2024, 10, 27, 0, 30)),  # noqa: DTZ001
            ("LOGIN", datetime(2024, 10, 27, 1, 30)),  # noqa: DTZ001
        ),
        rows("date hour login_count", (date(2024, 10, 27), 2, 2)),
        reporting_zone="Europe/Berlin",
    ),
    Case(
        "a session is from its earliest LOGIN to its latest LOGOUT",
        "auth_user_session_metrics",
        events(
            "event_type session_id timestamp",
            ("LOGIN", "s1", at(10, 5)),
            ("LOGIN", "s1", at(10)),
            ("LOGOUT", "s1", at(10, 20)),
            ("LOGOUT", "s1", at(10, 30)),
            ("LOGIN", "s2", at(23, 30)),
            ("LOGOUT", "s2", datetime(2024, 3, 2, 1)),  # noqa: DTZ001
        ),
        rows(
            "user_id total_sessions avg_session_duration_minutes min_session_duration_minutes "
            "max_session_duration_minutes total_time_online_minutes",
            ("u1", 2, 60.0, 30.0, 90.0, 120.0),
        ),
    ),
    Case(
        "a session of no time counts, one half, negative, nameless or shared by two users doesn't",
        "auth_user_session_metrics",
        events(
            "event_type user_id session_id timestamp",
            ("LOGIN", "zero", "s0", at(10)),
            ("LOGOUT", "zero", "s0", at(10)),
            ("LOGOUT", "negative", "s1", at(9)),
            ("LOGIN", "negative", "s1", at(10)),
            ("LOGIN", "open", "s2", at(10)),
            ("LOGOUT", "closed", "s3", at(10)),
            ("LOGIN", "nameless", None, at(10)),
            ("LOGOUT", "nameless", None, at(11)),
            ("LOGIN", "one", "s4", at(10)),
            ("LOGOUT", "another", "s4", at(11)),
        ),
        rows(
            "user_id total_sessions avg_session_duration_minutes min_session_duration_minutes "
            "max_session_duration_minutes total_time_online_minutes",
            ("zero", 1, 0.0, 0.0, 0.0, 0.0),
        ),
    ),
    Case(
        "a session keeps its microseconds",
        "auth_user_session_metrics",
        events(
            "event_type session_id timestamp",
            ("LOGIN", "s1", at(10, 0, 0, 250000)),
            ("LOGOUT", "s1", at(10, 0, 16, 0)),
        ),
        rows(
            "user_id total_sessions avg_session_duration_minutes min_session_duration_minutes "
            "max_session_duration_minutes total_time_online_minutes",
            ("u1", 1, 0.2625, 0.2625, 0.2625, 0.2625),
        ),
    ),
    Case(
        "any event is activity, a role of its own or none",
        "auth_user_activity_summary",
        events(
            "event_type role session_id timestamp",
            ("SIGNUP", "student", None, at(8)),
            ("LOGIN", "student", "s1", at(9)),
            ("LOGOUT", "student", "s1", at(10)),
            ("PASSKEY_ADDED", "student", "s2", at(11)),
            ("LOGIN", None, "s3", at(12)),
        ),
        rows(
            "user_id role total_logins total_logouts first_activity last_activity unique_sessions",
            ("u1", "student", 1, 1, at(8), at(11), 2),
            ("u1", None, 1, 0, at(12), at(12), 1),
        ),
    ),
    Case(
        "SIGNUPs by day, source and role, each of which may lack",
        "auth_registration_analytics",
        events(
            "event_type user_id registration_source role",
            ("SIGNUP", "u1", "web", "student"),
            ("SIGNUP", "u1", "web", "student"),
            ("SIGNUP", "u2", "web", None),
            ("SIGNUP", "u3", None, "student"),
            ("LOGIN", "u4", "app", "student"),
        ),
        rows(
            "date registration_source role new_signups",
            (DAY, "web", "student", 2),
            (DAY, "web", None, 1),
            (DAY, None, "student", 1),
        ),
    ),
]
