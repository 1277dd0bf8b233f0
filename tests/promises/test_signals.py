"""Students who left without a word are found among those who stayed, in a made-up semester."""

from __future__ import annotations

from pathlib import Path

import pytest

from learnfold.generate import Limits, Semester, generate
from learnfold.generate.university import University
from promises.views import rows, run_job

pytestmark = pytest.mark.slow

SEMESTER = Semester(events=250_000, days=91, seed=1)
"""It begins on a Monday and ends on a Sunday: the last week is whole."""
GONE_DAYS = 7


def left(semester: Semester) -> dict[str, int]:
    """By student, the day from which on nothing comes any more; the semester's length for those who stay."""
    with University(semester, Limits()) as university:
        return dict(
            university.connection.execute("SELECT user_id, left_day FROM people WHERE role = 'student'").fetchall()
        )


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
