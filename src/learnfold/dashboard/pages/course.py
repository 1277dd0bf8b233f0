"""A course at a glance: three sentences, four numbers, and what lies behind them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from learnfold.dashboard.pages.assignments import work
from learnfold.dashboard.pages.course_numbers import brief, numbers
from learnfold.dashboard.pages.material import used
from learnfold.dashboard.pages.one_course import course_of, own_person, weeks_of
from learnfold.dashboard.pages.quizzes import difficulty
from learnfold.dashboard.pages.students import signals
from learnfold.dashboard.pages.taking_part import taking_part, when
from learnfold.dashboard.pages.videos import watched
from learnfold.dashboard.visit import Elsewhere, Shown

if TYPE_CHECKING:
    from learnfold.dashboard.visit import Visit

LISTED = 8
"""Rows of a list on this page; its own page has all."""

BESIDE = 5
"""The same of a list beside another."""


def course(visit: Visit) -> Shown | Elsewhere:
    """The course in the week that the address names; a student is shown their own page."""
    name = course_of(visit)
    person = own_person(visit.ask)
    if person is not None:
        return Elsewhere(visit.links.to("/c/{}/s/{}", name, person))
    weeks = weeks_of(visit, name)
    told = numbers(visit, name, weeks) if weeks else []
    listed = signals(visit, name, LISTED)
    strips = watched(visit, name, LISTED)
    values: dict[str, Any] = {
        "weeks": weeks,
        "numbers": told,
        "brief": brief(visit, name, weeks) if weeks else [],
        "taking_part": taking_part(visit, name, weeks) if weeks else None,
        "when": when(visit, name),
        "signals": listed,
        "videos": strips,
        "work": work(visit, name, LISTED),
        "quizzes": difficulty(visit, name),
        "material": used(visit, name, BESIDE),
    }
    return Shown("course.html", name, values, course=name, section="overview")
