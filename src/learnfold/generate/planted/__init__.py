"""The planted truth: people, a course and a type of notification whose rows in every view are known beforehand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from learnfold.generate.planted import assessment, auth, course, profile_notification, video
from learnfold.generate.planted.story import Event, Story

if TYPE_CHECKING:
    from learnfold.generate.semester import Semester

__all__ = ["Event", "Story", "story"]


def story(semester: Semester) -> Story:
    """The planted events and expected rows of a semester; none where it is to have none.

    The expected rows hold where the reporting zone is UTC; keys and values are as JSON has them: a date is its ISO
    text, a time ``YYYY-MM-DD HH:MM:SS.ffffff`` in UTC.
    """
    whole = Story(semester)
    if semester.planted:
        for subject in (auth, assessment, video, course, profile_notification):
            subject.tell(whole)
    return whole
