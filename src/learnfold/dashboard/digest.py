"""The weekly mail of a course: its page's sentences and numbers, and who is listed, in plain text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from learnfold.batch.manifest import read_current
from learnfold.dashboard.asking import Ask
from learnfold.dashboard.history import History
from learnfold.dashboard.links import Links
from learnfold.dashboard.pages.course_numbers import brief, numbers
from learnfold.dashboard.pages.one_course import course_of, weeks_of
from learnfold.dashboard.pages.students import flagged, reasons
from learnfold.dashboard.visit import Visit
from learnfold.dashboard.words import Words
from learnfold.errors import MissingDataError, UsageError
from learnfold.serve.access import Access
from learnfold.serve.bases import Base
from learnfold.serve.callers import Caller
from learnfold.serve.database import Database
from learnfold.serve.problems import Problem
from learnfold.serve.tables import Tables

if TYPE_CHECKING:
    from learnfold.batch.context import Workspace
    from learnfold.dashboard.pages.numbers import Number
    from learnfold.dashboard.pages.one_course import Weeks

LISTED = 30
"""Students that a mail names."""


@dataclass(frozen=True)
class Wanted:
    """Which mail."""

    course: str
    week: str = ""  # a day of it, as 2025-11-17; empty: the last that something is known of
    language: str = "en"
    address: str = ""  # of the dashboard, for links; empty: none


@dataclass(frozen=True)
class Digest:
    """A mail before it is sent."""

    subject: str
    text: str


def digest(workspace: Workspace, wanted: Wanted) -> Digest:
    """The mail, of the published batch; raises MissingDataError where nothing is known of the course, UsageError for a week that is none."""
    manifest, _ = read_current(workspace.out)
    if manifest is None:
        raise MissingDataError(f"nothing is published at {workspace.out.url}; 'learnfold run' makes a first batch")
    database = Database(workspace.settings)
    try:
        base = Base(manifest, Tables(database, workspace.out))
        ask = Ask(Access(workspace.catalog), database, base, Caller("digest"))
        query = {"week": wanted.week} if wanted.week else {}
        links = Links("/", (("lang", wanted.language),))
        path = {"course": wanted.course}
        return _digest(
            Visit(ask, Words(wanted.language), links, path, query, History(workspace.out), operates=False), wanted
        )
    except Problem as problem:
        hint = f"; {problem.hint}" if problem.hint else ""
        if problem.code == "bad_value":
            raise UsageError(f"{problem.detail}{hint}") from problem
        raise MissingDataError(f"{wanted.course}: {problem.detail}{hint}") from problem
    finally:
        database.close()


def _digest(visit: Visit, wanted: Wanted) -> Digest:
    course, t = course_of(visit), visit.words
    weeks = weeks_of(visit, course)
    if weeks is None:
        raise MissingDataError(f"no day of {course} is known")
    subject = f"{course}, {t('week_n', n=weeks.number)}: {t.span(weeks.shown, weeks.last_day)}"
    parts = [subject, "\n".join(f"- {text}" for _, text in brief(visit, course, weeks))]
    parts.append("\n".join(_line(visit, number) for number in numbers(visit, course, weeks)))
    parts += [_listed(visit, course), _end(visit, course, weeks, wanted)]
    return Digest(subject, "\n\n".join(part for part in parts if part) + "\n")


def _line(visit: Visit, number: Number) -> str:
    """A number in a line: how it changed, and what it is of."""
    t, more = visit.words, []
    if number.change is not None:
        sign = "+" if number.change > 0 else "−" if number.change < 0 else "±"
        more.append(f"{sign}{t.percent(abs(number.change))} {t('than_before')}")
    more += [number.note] if number.note else []
    said = f"{number.label}: {number.value}{number.unit and ' ' + number.unit}"
    return f"{said} ({'; '.join(more)})" if more else said


def _listed(visit: Visit, course: str) -> str:
    rows = flagged(visit, course)
    if not rows:
        return ""
    t = visit.words
    shown = [f"  {row['user_id']}: {'; '.join(text for _, text in reasons(visit, row))}" for row in rows[:LISTED]]
    left = [f"  {t('and_more', n=len(rows) - LISTED)}"] if len(rows) > LISTED else []
    return "\n".join([t("who_needs_a_look"), t("conversation"), *shown, *left])


def _end(visit: Visit, course: str, weeks: Weeks, wanted: Wanted) -> str:
    lines = []
    if wanted.address:
        lines.append(wanted.address.rstrip("/") + visit.links.to("/c/{}", course, week=weeks.shown))
    published = visit.words("published_at", moment=visit.words.moment(visit.ask.base.manifest.ended_at))
    return "\n".join([*lines, f"{published} · {visit.words('batch')} {visit.batch}"])
