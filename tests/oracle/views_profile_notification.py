"""The views of profile_topic and notification_topic."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from oracle.view import distinct, every, grouped, largest, of_type, quantile, rate, smallest, view

if TYPE_CHECKING:
    from oracle.events import Event
    from oracle.view import Events, Row

SENT, CLICKED = "NOTIFICATION_SENT", "NOTIFICATION_CLICKED"

sent_or_clicked = every("notification_topic", SENT, CLICKED)


@view("user_id", of=every("profile_topic", "UPDATE_PROFILE"))
def profile_update_frequency(updates: list[Event]) -> Row:
    """A user's UPDATE_PROFILEs."""
    return {
        "total_profile_updates": len(updates),
        "first_update": smallest(updates, "timestamp"),
        "last_update": largest(updates, "timestamp"),
    }


def field_changes(events: Events) -> list[Event]:
    """A change for each field an update names, as often as it does; an update that names none changes None."""
    return [
        update | {"field_name": field}
        for update in of_type(events["profile_topic"], "UPDATE_PROFILE")
        for field in named_fields(update)
    ]


def named_fields(update: Event) -> list[str | None]:
    """The one field_name if there is one, else every one of updated_fields, else None alone."""
    return [update["field_name"]] if update["field_name"] is not None else update["updated_fields"] or [None]


@view("field_name", of=field_changes)
def profile_field_changes(changes: list[Event]) -> Row:
    """Everyone's changes of one field."""
    return {"total_updates": len(changes), "unique_users_updating": distinct(changes, "user_id")}


@view("user_id", of=every("profile_topic", "CHANGE_AVATAR", "PROFILE_PICTURE_UPDATED"))
def profile_avatar_changes(changes: list[Event]) -> Row:
    """A user's avatar changes."""
    return {
        "avatar_changes_count": len(changes),
        "first_change": smallest(changes, "timestamp"),
        "last_change": largest(changes, "timestamp"),
    }


@view("date", "event_type", of=every("profile_topic"))
def profile_daily_activity(events: list[Event]) -> Row:
    """A day's events of one type, whatever the type."""
    return {"unique_users": distinct(events, "user_id"), "event_count": len(events)}


@view("notification_type", of=every("notification_topic", SENT))
def notification_delivery_stats(sent: list[Event]) -> Row:
    """The NOTIFICATION_SENTs of one kind."""
    return {"total_sent": len(sent), "unique_recipients": distinct(sent, "user_id")}


@view("user_id", "notification_type", of=every("notification_topic", CLICKED))
def notification_engagement(clicked: list[Event]) -> Row:
    """A user's NOTIFICATION_CLICKEDs of one kind."""
    return {"notifications_clicked": len(clicked)}


@view("notification_type", of=sent_or_clicked)
def notification_click_through_rate(events: list[Event]) -> Row:
    """Sent and clicked of one kind; a kind only opened has no row."""
    sent, clicked = len(of_type(events, SENT)), len(of_type(events, CLICKED))
    return {"total_sent": sent, "total_clicked": clicked, "click_through_rate": rate(clicked, sent)}


@view("user_id", "notification_type", of=sent_or_clicked)
def notification_user_preferences(events: list[Event]) -> Row:
    """A user's sent and clicked of one kind; one only opened has no row."""
    sent, clicked = len(of_type(events, SENT)), len(of_type(events, CLICKED))
    return {
        "notifications_received": sent,
        "notifications_clicked": clicked,
        "engagement_rate": rate(clicked, sent),
    }


@view("date", "event_type", "notification_type", of=every("notification_topic"))
def notification_daily_activity(events: list[Event]) -> Row:
    """A day's events of one type and kind, whatever the type."""
    return {"unique_users": distinct(events, "user_id"), "event_count": len(events)}


@view("user_id", of=every("notification_topic"))
def notification_user_summary(events: list[Event]) -> Row:
    """A user's sent and clicked, 0 where there are only other events."""
    sent, clicked = len(of_type(events, SENT)), len(of_type(events, CLICKED))
    return {"total_received": sent, "total_clicked": clicked, "overall_engagement_rate": rate(clicked, sent)}


MINUTE = timedelta(minutes=1)
MEDIAN = 5


def sent(events: Events) -> list[Event]:
    """Each person's notifications that have an id and were sent: when first sent, opened and clicked."""
    known = [event for event in events["notification_topic"] if event["notification_id"] is not None]
    found = []
    for some in grouped(known, "user_id", "notification_id").values():
        sendings = of_type(some, SENT)
        if sendings:
            found.append(
                {
                    "notification_type": smallest(sendings, "notification_type"),
                    "channel": smallest(sendings, "channel"),
                    "sent": smallest(sendings, "timestamp"),
                    "opened": smallest(of_type(some, "NOTIFICATION_OPENED"), "timestamp"),
                    "clicked": smallest(of_type(some, CLICKED), "timestamp"),
                }
            )
    return found


@view("notification_type", "channel", of=sent)
def notification_effect(notifications: list[Event]) -> Row:
    """How many were opened and clicked, and how soon."""
    opened = [one for one in notifications if one["opened"] is not None]
    clicked = [one for one in notifications if one["clicked"] is not None]
    times = [one["opened"] - one["sent"] for one in opened]
    return {
        "sent": len(notifications),
        "opened": len(opened),
        "clicked": len(clicked),
        "open_percentage": rate(len(opened), len(notifications)),
        "click_percentage": rate(len(clicked), len(notifications)),
        "median_minutes_to_open": quantile([time for time in times if time >= timedelta(0)], MEDIAN, MINUTE),
    }
