"""Cases of the views of profile_topic and notification_topic."""

from __future__ import annotations

from datetime import date

from oracle.case import DAY, Case, at, events, rows

PROFILE = [
    Case(
        "an update is one, however many fields it names",
        "profile_update_frequency",
        events(
            "event_type updated_fields timestamp",
            ("UPDATE_PROFILE", ["name", "bio"], at(12)),
            ("UPDATE_PROFILE", None, at(9)),
            ("CREATE_PROFILE", ["name"], at(8)),
        ),
        rows("user_id total_profile_updates first_update last_update", ("u1", 2, at(9), at(12))),
    ),
    Case(
        "field_name wins, else each element counts, copies and nulls too, else the update names none; a blank name is none",
        "profile_field_changes",
        events(
            "event_type user_id field_name updated_fields",
            ("UPDATE_PROFILE", "u1", "bio", ["name"]),
            ("UPDATE_PROFILE", "u1", None, ["bio", "bio", None]),
            ("UPDATE_PROFILE", "u2", None, '["bio", "name"]'),
            ("UPDATE_PROFILE", "u3", None, []),
            ("UPDATE_PROFILE", "u3", None, None),
            ("UPDATE_PROFILE", "u3", "", ["name"]),
            ("PASSWORD_CHANGED", "u4", "password", None),
        ),
        rows(
            "field_name total_updates unique_users_updating",
            ("bio", 4, 2),
            ("name", 2, 2),
            (None, 3, 2),
        ),
    ),
    Case(
        "an avatar changes by either event",
        "profile_avatar_changes",
        events(
            "event_type user_id timestamp",
            ("CHANGE_AVATAR", "u1", at(12)),
            ("PROFILE_PICTURE_UPDATED", "u1", at(9, 0, 0, 1)),
            ("UPDATE_PROFILE", "u1", at(8)),
            ("UPDATE_PROFILE", "u2", at(8)),
        ),
        rows("user_id avatar_changes_count first_change last_change", ("u1", 2, at(9, 0, 0, 1), at(12))),
    ),
    Case(
        "every type counts, unknown ones too, by the reporting zone's day",
        "profile_daily_activity",
        events(
            "event_type user_id timestamp",
            ("PASSWORD_CHANGED", "u1", at(14)),
            ("PASSWORD_CHANGED", "u1", at(15)),
            ("PASSWORD_CHANGED", "u2", at(16)),
            ("PROFILE_HIDDEN", "u1", at(14, 59, 59)),
        ),
        rows(
            "date event_type unique_users event_count",
            (DAY, "PASSWORD_CHANGED", 1, 1),
            (date(2024, 3, 2), "PASSWORD_CHANGED", 2, 2),
            (DAY, "PROFILE_HIDDEN", 1, 1),
        ),
        reporting_zone="Asia/Tokyo",
    ),
]

NOTIFIED = events(
    "event_type user_id notification_type",
    ("NOTIFICATION_SENT", "u1", "grade"),
    ("NOTIFICATION_SENT", "u1", "grade"),
    ("NOTIFICATION_SENT", "u2", "grade"),
    ("NOTIFICATION_SENT", "u2", "grade"),
    ("NOTIFICATION_SENT", "u2", None),
    ("NOTIFICATION_CLICKED", "u1", "grade"),
    ("NOTIFICATION_CLICKED", "u2", "news"),
    ("NOTIFICATION_CLICKED", "u2", "news"),
    ("NOTIFICATION_OPENED", "u3", "chat"),
    ("NOTIFICATION_MUTED", "u4", "chat"),
)

NOTIFICATION = [
    Case(
        "sent, and to how many",
        "notification_delivery_stats",
        NOTIFIED,
        rows("notification_type total_sent unique_recipients", ("grade", 4, 2), (None, 1, 1)),
    ),
    Case(
        "only clicks engage",
        "notification_engagement",
        NOTIFIED,
        rows("user_id notification_type notifications_clicked", ("u1", "grade", 1), ("u2", "news", 2)),
    ),
    Case(
        "no rate where none was sent, 0 where none was clicked, no row where neither",
        "notification_click_through_rate",
        NOTIFIED,
        rows(
            "notification_type total_sent total_clicked click_through_rate",
            ("grade", 4, 1, 25.0),
            ("news", 0, 2, None),
            (None, 1, 0, 0.0),
        ),
    ),
    Case(
        "the same for one user",
        "notification_user_preferences",
        NOTIFIED,
        rows(
            "user_id notification_type notifications_received notifications_clicked engagement_rate",
            ("u1", "grade", 2, 1, 50.0),
            ("u2", "grade", 2, 0, 0.0),
            ("u2", "news", 0, 2, None),
            ("u2", None, 1, 0, 0.0),
        ),
    ),
    Case(
        "every type counts, unknown ones too",
        "notification_daily_activity",
        NOTIFIED,
        rows(
            "date event_type notification_type unique_users event_count",
            (DAY, "NOTIFICATION_SENT", "grade", 2, 4),
            (DAY, "NOTIFICATION_SENT", None, 1, 1),
            (DAY, "NOTIFICATION_CLICKED", "grade", 1, 1),
            (DAY, "NOTIFICATION_CLICKED", "news", 1, 2),
            (DAY, "NOTIFICATION_OPENED", "chat", 1, 1),
            (DAY, "NOTIFICATION_MUTED", "chat", 1, 1),
        ),
    ),
    Case(
        "a user of any event has a row; a rate may pass 100",
        "notification_user_summary",
        [*NOTIFIED, *events("event_type user_id", *[("NOTIFICATION_CLICKED", "u1")] * 4)],
        rows(
            "user_id total_received total_clicked overall_engagement_rate",
            ("u1", 2, 5, 250.0),
            ("u2", 3, 2, 200.0 / 3),
            ("u3", 0, 0, None),
            ("u4", 0, 0, None),
        ),
    ),
]

CASES = [*PROFILE, *NOTIFICATION]
