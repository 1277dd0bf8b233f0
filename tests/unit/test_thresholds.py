"""What a view calls worth a look is a setting: shown with the view, part of what it was computed by, refused where it is none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import small_catalog
from small_catalog import VIEW
from small_place import Place

from learnfold import catalog
from learnfold.batch.plan import view_fingerprint
from learnfold.batch.request import RunRequest
from learnfold.batch.run import RunReport, run
from learnfold.cli import main
from learnfold.errors import DefinitionError
from learnfold.settings import Settings


def clicks(place: Place, *clicked: tuple[str, str]) -> None:
    """Adds events: each of these users enrols in ``c`` at that time."""
    rows = [
        {"event_id": f"{user}{at}", "event_type": "COURSE_ENROLLED", "user_id": user, "timestamp": at, "course_id": "c"}
        for user, at in clicked
    ]
    folder = place.master / "topic=course_topic"
    folder.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows), folder / f"{len(list(folder.iterdir()))}.parquet")


def make(place: Place, settings: Settings | None = None) -> RunReport:
    """A run of everything."""
    return run(RunRequest(str(place.master), str(place.out)), catalog.load(), settings or Settings(threads=1))


def at_risk(place: Place) -> dict[str, dict[str, Any]]:
    """The view's rows by student."""
    rows = pq.read_table(place.out / "student_at_risk" / "part-00000.parquet").to_pylist()
    return {row["user_id"]: row for row in rows}


def test_another_threshold_changes_the_views_that_ask_for_it_and_no_others(tmp_path: Path) -> None:
    """A run with another setting refreshes them, and what reads them; nothing is folded again."""
    place = Place(tmp_path)
    clicks(place, ("ann", "2025-12-01 10:00:00"), ("bob", "2025-12-07 10:00:00"))
    first = make(place)
    assert {user: row["absent"] for user, row in at_risk(place).items()} == {"ann": 0, "bob": 0}
    second = make(place, Settings(threads=1, absent_days=6))
    assert {user: row["absent"] for user, row in at_risk(place).items()} == {"ann": 1, "bob": 0}
    changed = {
        name
        for name, view in second.manifest.views.items()
        if view.batch == second.batch and view.batch != first.manifest.views[name].batch
    }
    assert changed >= {"student_at_risk", "course_risk_summary"}
    assert changed <= {"student_at_risk", "course_risk_summary", "course_comparison"}


def test_what_is_said_to_happen_later_is_not_today(tmp_path: Path) -> None:
    """One event of a wrong clock makes nobody absent; a student who has no other event was never seen. How much later is a setting."""
    place = Place(tmp_path)
    clicks(place, ("ann", "2025-12-01 10:00:00"), ("bob", "2025-12-03 10:00:00"), ("cat", "2199-01-01 10:00:00"))
    make(place)
    found = at_risk(place)
    assert {user: row["days_away"] for user, row in found.items()} == {"ann": 2, "bob": 0, "cat": None}
    assert found["cat"]["absent"] is None
    make(place, Settings(threads=1, future_days=100_000))
    assert {user: row["days_away"] for user, row in at_risk(place).items()} == {"ann": 63218, "bob": 63216, "cat": 0}


def test_a_view_shows_its_thresholds(capsys: pytest.CaptureFixture[str]) -> None:
    """With their values and meanings, also where only a view below asks for them."""
    assert main(["views", "course_risk_summary"]) == 0
    shown = capsys.readouterr().out
    assert "LEARNFOLD_FLAGGED_SIGNALS" in shown
    assert "LEARNFOLD_ABSENT_DAYS" in shown
    assert "LEARNFOLD_FUTURE_DAYS" in shown
    assert catalog.load().view("course_drops").settings == ()


def test_only_what_a_view_asks_for_is_part_of_its_fingerprint() -> None:
    """A threshold that it doesn't ask for leaves it as it was."""
    risk, drops = catalog.load().view("student_at_risk"), catalog.load().view("course_drops")
    one, other = Settings(), Settings(low_score_percentage=50)
    assert view_fingerprint(risk, one) != view_fingerprint(risk, other)
    assert view_fingerprint(drops, one) == view_fingerprint(drops, other)


@pytest.mark.parametrize("asked", ["'absent_dyas'", "'engine'", "user_id", ""])
def test_what_is_no_number_among_the_settings_is_refused(asked: str) -> None:
    """A misspelt one, a text, a column, none."""
    above = f"\n-- Readers.\n-- key: user_id\nCREATE VIEW many AS SELECT user_id FROM books_read WHERE times > setting({asked});"
    with pytest.raises(DefinitionError, match=r"the view many uses .* no number among the settings"):
        small_catalog.read(view=VIEW + above)


def test_students_who_are_equally_good_stand_alike(tmp_path: Path) -> None:
    """Two thirds and none are as good as one third; that 33.33333333335 isn't 33.3333333333 is the decimals' fault, not the student's."""
    place = Place(tmp_path)
    clicks(place, *((user, "2025-12-01 10:00:00") for user in ("ann", "bob", "cleo")))
    quizzes = [("ann", "q1", 2), ("ann", "q2", 0), ("bob", "q1", 1), ("cleo", "q1", 0)]
    folder = place.master / "topic=assessment_topic"
    folder.mkdir()
    rows = [
        {"event_id": user + quiz, "event_type": "QUIZ_COMPLETED", "user_id": user, "timestamp": "2025-12-01 11:00:00"}
        | {"course_id": "c", "quiz_id": quiz, "correct_answers": right, "question_count": 3}
        for user, quiz, right in quizzes
    ]
    pq.write_table(pa.Table.from_pylist(rows), folder / "quizzes.parquet")
    make(place)
    standing = pq.read_table(place.out / "student_standing" / "part-00000.parquet").to_pylist()
    assert {row["user_id"]: row["quiz_percentile"] for row in standing} == {"ann": 50.0, "bob": 50.0, "cleo": 0.0}
