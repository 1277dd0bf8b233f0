"""Planted profile changes of fields nobody else has, and notifications of a type nobody else gets."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from learnfold.generate.planted.story import COURSE, OTHER, STUDENT

if TYPE_CHECKING:
    from learnfold.generate.planted.story import Story

TYPE = "exam_schedule"


def tell(story: Story) -> None:
    """Sixteen notifications, five opened, three clicked."""
    _profile(story)
    _notification(story)


def _profile(story: Story) -> None:
    quiet, later = story.quiet, story.later
    happens = partial(story.happens, "profile_topic")
    happens(quiet, "00:12:00", "CREATE_PROFILE", STUDENT)
    happens(quiet, "00:13:00", "PASSWORD_CHANGED", STUDENT)
    happens(quiet, "09:00:00", "UPDATE_PROFILE", STUDENT, field_name="emergency_contact", new_value="+84 24 0000 0000")
    happens(later, "09:30:00.000001", "UPDATE_PROFILE", STUDENT, updated_fields=["emergency_contact", "pronouns"])
    happens(later, "09:40:00", "UPDATE_PROFILE", OTHER, updated_fields=["pronouns"])
    picture = "https://pictures.university.example/planted.png"
    happens(quiet, "09:50:00", "CHANGE_AVATAR", STUDENT, picture_url=picture)
    happens(later, "09:55:00", "PROFILE_PICTURE_UPDATED", STUDENT, picture_url=picture)
    happens(quiet, "10:00:00", "PROFILE_EXPORTED", STUDENT)
    happens(quiet, "10:01:00", "PROFILE_EXPORTED", OTHER)

    story.expect(
        "profile_update_frequency",
        {"user_id": STUDENT},
        total_profile_updates=2,
        first_update=story.time(quiet, "09:00:00"),
        last_update=story.time(later, "09:30:00.000001"),
    )
    for name, people in (("emergency_contact", 1), ("pronouns", 2)):
        story.expect("profile_field_changes", {"field_name": name}, total_updates=2, unique_users_updating=people)
    story.expect(
        "profile_avatar_changes",
        {"user_id": STUDENT},
        avatar_changes_count=2,
        first_change=story.time(quiet, "09:50:00"),
        last_change=story.time(later, "09:55:00"),
    )
    story.expect(
        "profile_daily_activity",
        {"date": story.date(quiet), "event_type": "PROFILE_EXPORTED"},
        unique_users=2,
        event_count=2,
    )


def _notification(story: Story) -> None:
    quiet, later = story.quiet, story.later
    happens = partial(story.happens, "notification_topic", notification_type=TYPE, related_object_id=COURSE)
    for user, opened, clicked in ((STUDENT, 3, 2), (OTHER, 2, 1)):
        for number in range(8):
            one = partial(happens, notification_id=f"NP{user[-1]}{number}", channel=("push", "email")[number % 2])
            one(quiet, f"0{number}:30:00", "NOTIFICATION_SENT", user)
            if number < opened:
                one(quiet, f"0{number}:45:00", "NOTIFICATION_OPENED", user)
            if number < clicked:
                one(later, f"0{number}:45:30", "NOTIFICATION_CLICKED", user)
    happens(quiet, "12:00:00", "NOTIFICATION_MUTED", STUDENT)

    kind, mine = {"notification_type": TYPE}, {"user_id": STUDENT, "notification_type": TYPE}
    story.expect("notification_delivery_stats", kind, total_sent=16, unique_recipients=2)
    story.expect("notification_engagement", mine, notifications_clicked=2)
    story.expect("notification_click_through_rate", kind, total_sent=16, total_clicked=3, click_through_rate=18.75)
    story.expect(
        "notification_user_preferences", mine, notifications_received=8, notifications_clicked=2, engagement_rate=25.0
    )
    for day, event_type, people, events in (
        (quiet, "NOTIFICATION_SENT", 2, 16),
        (later, "NOTIFICATION_CLICKED", 2, 3),
        (quiet, "NOTIFICATION_MUTED", 1, 1),
    ):
        key = {"date": story.date(day), "event_type": event_type, **kind}
        story.expect("notification_daily_activity", key, unique_users=people, event_count=events)
    story.expect(
        "notification_user_summary",
        {"user_id": STUDENT},
        total_received=8,
        total_clicked=2,
        overall_engagement_rate=25.0,
    )
