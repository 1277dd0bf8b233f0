"""The weekly mail of a course, as it would be sent: its page's sentences and numbers, and who is listed, in plain text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from learnfold.dashboard.pages.course_numbers import brief, numbers
from learnfold.dashboard.pages.one_course import course_of, own_person, weeks_of
from learnfold.dashboard.pages.students import flagged, reasons
from learnfold.dashboard.visit import Elsewhere, Shown

if TYPE_CHECKING:
    from learnfold.dashboard.pages.numbers import Number
    from learnfold.dashboard.pages.one_course import Weeks
    from learnfold.dashboard.visit import Visit

LISTED = 30
"""Students that a mail names."""


@dataclass(frozen=True)
class Mail:
    """A mail before it is sent."""

    subject: str
    text: str


def mail(visit: Visit) -> Shown | Elsewhere:
    """The mail of the week that the address names; a student, who gets none, is shown their own page."""
    course = course_of(visit)
    person = own_person(visit.ask)
    if person is not None:
        return Elsewhere(visit.links.to("/c/{}/s/{}", course, person))
    weeks = weeks_of(visit, course)
    written = None if weeks is None else compose(visit, course, weeks)
    values = {"weeks": weeks, "mail": written}
    return Shown("mail.html", visit.words("weekly_mail"), values, course, "mail")


def compose(visit: Visit, course: str, weeks: Weeks, address: str = "") -> Mail:
    """The mail of a week; ``address``: of the dashboard, for the link that it ends with; empty: none."""
    t = visit.words
    subject = f"{course}, {t('week_n', n=weeks.number)}: {t.span(weeks.shown, weeks.last_day)}"
    parts = [subject, "\n".join(f"- {text}" for _, text in brief(visit, course, weeks))]
    parts.append("\n".join(_line(visit, number) for number in numbers(visit, course, weeks)))
    parts += [_listed(visit, course), _end(visit, course, weeks, address)]
    return Mail(subject, "\n\n".join(part for part in parts if part) + "\n")


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


def _end(visit: Visit, course: str, weeks: Weeks, address: str) -> str:
    lines = []
    if address:
        lines.append(address.rstrip("/") + visit.links.to("/c/{}", course, week=weeks.shown))
    published = visit.words("published_at", moment=visit.words.moment(visit.ask.base.manifest.ended_at))
    return "\n".join([*lines, f"{published} · {visit.words('batch')} {visit.batch}"])
