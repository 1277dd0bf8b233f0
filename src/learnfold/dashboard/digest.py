"""The weekly mail of a course, of the published batch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from learnfold.batch.manifest import read_current
from learnfold.dashboard.asking import Ask
from learnfold.dashboard.history import History
from learnfold.dashboard.links import Links
from learnfold.dashboard.pages.mail import Mail, compose
from learnfold.dashboard.pages.one_course import course_of, weeks_of
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


@dataclass(frozen=True)
class Wanted:
    """Which mail."""

    course: str
    week: str = ""  # a day of it, as 2025-11-17; empty: the last that something is known of
    language: str = "en"
    address: str = ""  # of the dashboard, for links; empty: none


def digest(workspace: Workspace, wanted: Wanted) -> Mail:
    """The mail, of the published batch; raises MissingDataError where nothing is known of the course, UsageError for a week that is none."""
    manifest, _ = read_current(workspace.out)
    if manifest is None:
        raise MissingDataError(f"nothing is published at {workspace.out.url}; 'learnfold run' makes a first batch")
    database = Database(workspace.settings)
    try:
        base = Base(manifest, Tables(database, workspace.out, workspace.catalog.views.values()))
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


def _digest(visit: Visit, wanted: Wanted) -> Mail:
    course = course_of(visit)
    weeks = weeks_of(visit, course)
    if weeks is None:
        raise MissingDataError(f"no day of {course} is known")
    return compose(visit, course, weeks, wanted.address)
