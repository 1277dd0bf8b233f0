"""The batch views, by name: VIEWS gives a view's rows, KEYS its key columns.

A view takes the valid, deduplicated events by topic and the reporting zone; its rows come in no particular order.
"""

from __future__ import annotations

from oracle import (  # noqa: F401 - each adds its views to VIEWS and KEYS
    views_assessment,
    views_assignments,
    views_auth,
    views_classes,
    views_course,
    views_forum,
    views_profile_notification,
    views_quizzes,
    views_students,
    views_video,
)
from oracle.view import KEYS, VIEWS

__all__ = ["KEYS", "VIEWS"]
