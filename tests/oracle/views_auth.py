"""The views of auth_topic."""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta
from typing import TYPE_CHECKING

from oracle.view import distinct, every, largest, mean, of_type, smallest, total, view

if TYPE_CHECKING:
    from oracle.events import Event
    from oracle.view import Events, Row

MINUTE = timedelta(minutes=1)


@view("date", of=every("auth_topic", "LOGIN"))
def auth_daily_active_users(logins: list[Event]) -> Row:
    """A day's LOGINs: who logged in, and with how many sessions."""
    return {"daily_active_users": distinct(logins, "user_id"), "total_sessions": distinct(logins, "session_id")}


@view("date", "hour", of=every("auth_topic", "LOGIN"))
def auth_hourly_login_patterns(logins: list[Event]) -> Row:
    """An hour's LOGINs."""
    return {"login_count": len(logins)}


def sessions(events: Events) -> list[Event]:
    """A user's sessions that count, with their minutes: from the earliest LOGIN to the latest LOGOUT, if not negative."""
    parts = defaultdict(list)
    for event in events["auth_topic"]:
        if event["session_id"] is not None:
            parts[event["user_id"], event["session_id"]].append(event)
    counted = []
    for (user_id, _), session in parts.items():
        login = smallest(of_type(session, "LOGIN"), "timestamp")
        logout = largest(of_type(session, "LOGOUT"), "timestamp")
        if login is not None and logout is not None and login <= logout:
            counted.append({"user_id": user_id, "minutes": (logout - login) / MINUTE})
    return counted


@view("user_id", of=sessions)
def auth_user_session_metrics(counted: list[Event]) -> Row:
    """A user's sessions that count; a user without one has no row."""
    return {
        "total_sessions": len(counted),
        "avg_session_duration_minutes": mean(counted, "minutes"),
        "min_session_duration_minutes": smallest(counted, "minutes"),
        "max_session_duration_minutes": largest(counted, "minutes"),
        "total_time_online_minutes": total(counted, "minutes"),
    }


@view("user_id", "role", of=every("auth_topic"))
def auth_user_activity_summary(events: list[Event]) -> Row:
    """All that a user did in a role, whatever the type."""
    return {
        "total_logins": len(of_type(events, "LOGIN")),
        "total_logouts": len(of_type(events, "LOGOUT")),
        "first_activity": smallest(events, "timestamp"),
        "last_activity": largest(events, "timestamp"),
        "unique_sessions": distinct(events, "session_id"),
    }


@view("date", "registration_source", "role", of=every("auth_topic", "SIGNUP"))
def auth_registration_analytics(signups: list[Event]) -> Row:
    """A day's SIGNUPs."""
    return {"new_signups": len(signups)}
