"""Students who left without a word, or of whom it is planted what goes wrong, are found among the others in made-up semesters."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from learnfold.generate import Limits, Semester, generate
from learnfold.generate.university import University
from promises.views import rows, run_job

pytestmark = pytest.mark.slow

SEMESTER = Semester(events=250_000, days=91, seed=1)
"""It begins on a Monday and ends on a Sunday: the last week is whole."""
GONE_DAYS = 7

FOUND = {
    "never_comes": {"absent": 1.0, "missing_work": 1.0},
    "leaves": {"absent": 1.0},
    "fails": {"low_grade": 1.0, "absent": 1.0},
    "hands_nothing_in": {"missing_work": 1.0},
    "stops_watching": {"few_videos": 0.7},
    "fades": {"fading": 0.4},
}
"""By what is planted, the signals that tell of it, and of how many enrolments at least."""
FALSE = {"absent": 0.03, "fading": 0.25, "missing_work": 0.12, "low_grade": 0.14, "few_videos": 0.01}
"""Of how many enrolments without a planted trouble a signal says one at most."""


def left(semester: Semester) -> dict[str, int]:
    """By student, the day from which on nothing comes any more; the semester's length for those who stay."""
    with University(semester, Limits()) as university:
        return dict(
            university.connection.execute("SELECT user_id, left_day FROM people WHERE role = 'student'").fetchall()
        )


def share(students: list[dict[str, Any]], signal: str) -> float:
    """Of how many the signal is 1."""
    return sum(row[signal] == 1 for row in students) / len(students)


def test_who_left_without_a_word_is_found_and_who_stayed_is_not(tmp_path: Path) -> None:
    """Of those who left a week ago or longer and are still enrolled all are absent, three of four are flagged; of the others few are."""
    generate(SEMESTER, tmp_path / "master")
    run_job(tmp_path / "master", tmp_path / "out")
    days = left(SEMESTER)
    students = [row for row in rows(tmp_path / "out", "student_at_risk") if row["user_id"] in days]
    gone = [row for row in students if days[str(row["user_id"])] < SEMESTER.days - GONE_DAYS]
    stayed = [row for row in students if days[str(row["user_id"])] == SEMESTER.days]
    assert len(gone) >= 10
    assert len(stayed) >= 400
    assert [row for row in gone if row["absent"] != 1] == []
    assert sum(row["signals"] >= 2 for row in gone) >= 0.75 * len(gone)
    assert sum(row["absent"] == 1 for row in stayed) <= 0.01 * len(stayed)
    assert sum(row["signals"] >= 2 for row in stayed) <= 0.15 * len(stayed)
    unsaid = {row["user_id"] for row in rows(tmp_path / "out", "course_enrollment_status") if not row["is_enrolled"]}
    assert unsaid
    assert all(days[str(user)] < SEMESTER.days for user in unsaid if user in days)


def test_the_planted_trouble_is_the_one_that_the_signals_tell(tmp_path: Path) -> None:
    """By reason its signal finds as many as the page says; three of five are flagged, and three of four who are flagged are theirs."""
    generate(replace(SEMESTER, troubled=0.2), tmp_path / "master")
    run_job(tmp_path / "master", tmp_path / "out")
    planted = json.loads((tmp_path / "master" / "_truth.json").read_text("utf-8"))["troubled"]
    reason = {one["user_id"]: one["reason"] for one in planted}
    students = [row for row in rows(tmp_path / "out", "student_at_risk") if row["user_id"] != "SVP001"]
    assert reason.keys() <= {row["user_id"] for row in students}  # whoever they are, they don't say that they leave
    by_reason: dict[str | None, list[dict[str, Any]]] = {}
    for row in students:
        by_reason.setdefault(reason.get(str(row["user_id"])), []).append(row)
    others = by_reason.pop(None)
    assert by_reason.keys() == FOUND.keys()
    found = {why: {signal: share(by_reason[why], signal) for signal in signals} for why, signals in FOUND.items()}
    assert {w: s for w, s in found.items() if any(s[signal] < FOUND[w][signal] for signal in s)} == {}
    false = {signal: share(others, signal) for signal in FALSE}
    assert {signal: much for signal, much in false.items() if much > FALSE[signal]} == {}
    troubled = [row for rows_of_one in by_reason.values() for row in rows_of_one]
    flagged, false_alarms = (sum(row["signals"] >= 2 for row in some) for some in (troubled, others))
    assert sum(row["signals"] >= 1 for row in troubled) >= 0.9 * len(troubled)
    assert flagged >= 0.6 * len(troubled)
    assert flagged >= 0.7 * (flagged + false_alarms)
