"""Who teaches where, said by a file where the platform says nothing: a teacher is no student."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from ingested import rows, visible
from small_lrs import BEGIN, SmallLrs, statement

from learnfold.cli import main
from learnfold.ingest.mapping.file import load, with_roster
from learnfold.ingest.mapping.translate import Translated, translate

COURSE = "https://lms.example/courses/c1"
HEADER = "user_id,course_id,role\n"


def roles(master: Path) -> dict[str, Any]:
    """The roles of the events in a master dataset, by user."""
    return {str(row["user_id"]): row["role"] for row in rows(visible(master))}


@pytest.fixture
def sent(tmp_path: Path) -> Path:
    """Statements of six people who enrolled in a course."""
    (tmp_path / "sent.jsonl").write_text("".join(f"{json.dumps(statement(one))}\n" for one in range(6)))
    return tmp_path / "sent.jsonl"


def taken(sent: Path, text: str) -> list[str]:
    """The words that ingest it with a roster."""
    (sent.parent / "roster.csv").write_text(text, encoding="utf-8")
    into = str(sent.parent / "master")
    return ["ingest", str(sent), "--into", into, "--from", "xapi", "--roster", str(sent.parent / "roster.csv")]


def test_teachers_of_a_roster_are_no_students(sent: Path) -> None:
    """Those of the course, and those of all courses; the view counts the others."""
    text = f"{HEADER}user1,{COURSE},Teacher\nuser2,https://lms.example/courses/c2,teacher\nuser3,,teacher\n"
    assert main(taken(sent, text)) == 0
    assert roles(sent.parent / "master") == {
        "user0": None,
        "user1": "teacher",
        "user2": None,
        "user3": "teacher",
        "user4": None,
        "user5": None,
    }
    out = sent.parent / "out"
    assert main(["run", str(sent.parent / "master"), str(out), "--job", "course"]) == 0
    (day,) = pq.read_table(out / "course_daily_engagement").to_pylist()
    assert day["unique_users"] == 6
    metrics = pq.read_table(out / "course_overall_metrics").to_pylist()
    assert [one["unique_students_interacting"] for one in metrics] == [4]


def test_another_roster_replaces_what_a_file_gave(sent: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The same file with the same roster changes nothing."""
    first, second = f"{HEADER}user1,{COURSE},teacher\n", f"{HEADER}user2,{COURSE},teacher\n"
    for text in (first, first, second):
        assert main(taken(sent, text)) == 0
    assert capsys.readouterr().out.count("nothing changed") == 1
    found = rows(visible(sent.parent / "master"))
    assert len(found) == 6
    assert [row["user_id"] for row in found if row["role"] == "teacher"] == ["user2"]


def test_what_a_statement_says_itself_counts_before_the_roster(tmp_path: Path) -> None:
    """And a course's line before the one of all courses."""
    (tmp_path / "roster.csv").write_text("\ufeffrole;user_id;course_id\nteacher;u1;\nstudent;u1;c1\n", encoding="utf-8")
    mapping = with_roster(load("caliper"), str(tmp_path / "roster.csv"))
    event = {
        "id": "urn:uuid:1",
        "type": "NavigationEvent",
        "action": "NavigatedTo",
        "actor": {"id": "u1", "type": "Person"},
        "object": {"id": "p1", "type": "WebPage"},
        "eventTime": "2026-03-02T10:00:00Z",
    }
    told = {
        course: {"group": {"id": course, "type": "CourseSection"}} | more
        for course, more in {
            "c1": {},
            "c2": {},
            "c3": {"membership": {"member": "u1", "organization": "c3", "roles": ["Learner"]}},
        }.items()
    }
    found = {}
    for course, more in told.items():
        (result,) = translate(event | more, mapping)
        assert isinstance(result, Translated)
        found[course] = result.event["role"]
    assert found["c1"] == "student"
    assert found["c2"] == "teacher"
    assert str(found["c3"]).lower() in {"learner", "student"}


def test_a_roster_is_for_a_store_and_a_replay_too(tmp_path: Path) -> None:
    """Of statements that are pulled, and of those that a better mapping takes out of the quarantine."""
    (tmp_path / "roster.csv").write_text(f"{HEADER}user1,,teacher\n")
    roster = ["--roster", str(tmp_path / "roster.csv")]
    with SmallLrs() as lrs:
        lrs.store(*map(statement, range(3)), at=BEGIN)
        assert main(["ingest", "--into", str(tmp_path / "a"), "--lrs", lrs.url, *roster]) == 0
    assert roles(tmp_path / "a") == {"user0": None, "user1": "teacher", "user2": None}
    brewed = statement(1) | {"verb": {"id": "https://campus.example/verbs/joined"}}
    (tmp_path / "sent.jsonl").write_text(f"{json.dumps(statement(0))}\n{json.dumps(brewed)}\n")
    (tmp_path / "own.toml").write_text(
        'name = "own"\ntitle = "ours"\nextends = "xapi"\n[words.verbs]\nregistered = ["https://campus.example/verbs/joined"]\n'
    )
    into = str(tmp_path / "b")
    assert main(["ingest", str(tmp_path / "sent.jsonl"), "--into", into, "--from", "xapi"]) == 0
    assert main(["quarantine", into, "--replay", "--from", str(tmp_path / "own.toml"), *roster]) == 0
    assert roles(tmp_path / "b") == {"user0": None, "user1": "teacher"}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("who,course\n", "whose first line names user_id, course_id, role"),
        ("", "whose first line names"),
        (f"{HEADER}ann,c1,dean\n", "line 2: a line needs a user_id, and student or teacher as its role"),
        (f"{HEADER},c1,teacher\n", "line 2: a line needs"),
        (f"{HEADER}ann,c1\n", "line 2: a line needs"),
        (f"{HEADER}ann,c1,teacher\nann,c1,student\n", "line 3: ann is student and teacher of the same"),
    ],
)
def test_a_roster_that_cannot_be_read_is_refused(
    sent: Path, text: str, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """With its line, before anything is taken."""
    assert main(taken(sent, text)) == 2
    assert told in capsys.readouterr().err
    assert not (sent.parent / "master").exists()


def test_a_roster_is_of_statements(sent: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Events of learnfold's own form say roles themselves."""
    words = taken(sent, HEADER)
    assert main([word for word in words if word not in {"--from", "xapi"}]) == 2
    assert main([*words[:-1], str(sent.parent / "none.csv")]) == 2
    said = capsys.readouterr().err
    assert "say what they are by --from" in said
    assert "none.csv can't be read: No such file" in said
