"""What the pages of platforms show to be copied works: queries of the master dataset, and mappings of published data, on rows made up in their shape."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import duckdb
import pytest
from platform_records import CLIP, line

from learnfold.cli import main

PAGES = Path(__file__).parents[2] / "docs" / "platforms"


def shown(page: str, kind: str, word: str) -> str:
    """The block of a page that holds the word."""
    blocks = re.findall(rf"```{kind}\n(.*?)```", (PAGES / page).read_text("utf-8"), re.DOTALL)
    (block,) = [block for block in blocks if word in block]
    return str(block)


def taken(file: Path, mapping: str) -> Path:
    """The master dataset that the file gives."""
    master = file.parent / "master"
    assert main(["ingest", str(file), "--from", mapping, "--into", str(master)]) == 0
    return master


def answer(query: str) -> list[tuple[Any, ...]]:
    """What a query gives, by a connection of its own: others may have left something unread on the one of the module."""
    with duckdb.connect() as connection:
        return connection.execute(query).fetchall()


def in_master(master: Path, topic: str, *columns: str) -> list[tuple[Any, ...]]:
    """Columns of the events of a topic, in order."""
    return sorted(answer(f"SELECT {', '.join(columns)} FROM read_parquet('{master}/topic={topic}/**/*.parquet')"))


def seen(name: str, second: int, **event: Any) -> str:
    """A line of Open edX's tracking log, so many seconds after ten."""
    time = f"2026-03-02T10:{second // 60:02d}:{second % 60:02d}.000000+00:00"
    return json.dumps(line(name, {**CLIP, **event}, source="browser", time=time))


@pytest.mark.parametrize("backwards", [False, True])
def test_the_query_of_watched_seconds_counts_each_stretch_once(tmp_path: Path, backwards: bool) -> None:
    """Played to a pause, to a jump, and from where it went; sent twice, in either order; what has no end isn't counted, nor a leap in no time."""
    lines = [
        seen("play_video", 0, currentTime=0), seen("pause_video", 30, currentTime=30),
        seen("play_video", 40, currentTime=30), seen("seek_video", 60, old_time=50, new_time=10), seen("pause_video", 70, currentTime=20),
        seen("seek_video", 75, old_time=20, new_time=100), seen("play_video", 80, currentTime=100), seen("pause_video", 81, currentTime=180),
        seen("play_video", 90, currentTime=20),
    ]  # fmt: skip
    (tmp_path / "tracking.log").write_text("\n".join([*lines, *lines][:: -1 if backwards else 1]), "utf-8")
    master = taken(tmp_path / "tracking.log", "openedx-tracking-log")
    query = shown("openedx.md", "sql", "watched_seconds").replace("demo/master", str(master))
    ((user, course, _, seconds, stretches),) = answer(query)
    assert (user, course, seconds, stretches) == ("42", "course-v1:Uni+Stat1+2026", 30 + 20 + 10 + 2, 4)


def test_enrolments_make_a_roster(tmp_path: Path) -> None:
    """Who was enrolled as a teacher is one in what says nothing itself; who was both is a teacher."""
    rows = [{"who": who, "role": role, "course": "c1", "at": "2026-03-02T10:00:00Z"} for who, role in (("ana", "student"), ("ben", "teacher"), ("ana", "student"), ("cem", "student"), ("cem", "teacher"))]  # fmt: skip
    (tmp_path / "rows.jsonl").write_text("\n".join(map(json.dumps, rows)), "utf-8")
    (tmp_path / "own.toml").write_text(
        'name = "own"\ntitle = "own"\nreads = "records"\n[facets]\nwho = "who"\n[fields.all]\nuser_id = "who"\nrole = "role"\n'
        'timestamp = "at"\n[[rule]]\nabout = "Enrolled."\nwhen = { who = { present = true } }\ntopic = "course_topic"\n'
        'event_type = "COURSE_ENROLLED"\nfields.course_id = "course"\n'
    )
    master = taken(tmp_path / "rows.jsonl", str(tmp_path / "own.toml"))
    query = shown("README.md", "sql", "roster.csv").replace("demo/master", str(master))
    answer(query.replace("roster.csv", f"{tmp_path}/roster.csv"))
    told = (tmp_path / "roster.csv").read_text().splitlines()
    assert told[0] == "user_id,course_id,role"
    assert set(told[1:]) == {"ana,c1,student", "ben,c1,teacher", "cem,c1,teacher"}


def test_tables_of_oulad_are_read(tmp_path: Path) -> None:
    """Days before and after the beginning of a presentation; one row is an enrolment and that it was left; points out of 100."""
    (tmp_path / "oulad.toml").write_text(shown("own.md", "toml", 'name = "oulad"'), "utf-8")
    tables = {
        "studentVle": "code_module,code_presentation,id_student,id_site,date,sum_click\nZZZ,2014J,7,5001,-3,4\nZZZ,2013B,8,5002,10,1\n",
        "studentRegistration": "code_module,code_presentation,id_student,date_registration,date_unregistration\nZZZ,2014J,7,-20,12\nZZZ,2014J,8,-5,\n",
        "assessments": "code_module,code_presentation,id_assessment,assessment_type,date,weight\nZZZ,2014B,17,TMA,19,10\n",
        "studentAssessment": "id_assessment,id_student,date_submitted,is_banked,score\n17,7,18,0,62\n",
    }
    for name, text in tables.items():
        (tmp_path / f"{name}.csv").write_text(text, "utf-8")
    query = shown("own.md", "sql", "handed-in.csv")
    for name in ("studentAssessment", "assessments", "handed-in"):
        query = query.replace(f"'{name}.csv'", f"'{tmp_path}/{name}.csv'")
    answer(query)
    for name in ("studentVle", "studentRegistration", "handed-in"):
        master = taken(tmp_path / f"{name}.csv", str(tmp_path / "oulad.toml"))
    day = "CAST(CAST(timestamp AT TIME ZONE 'UTC' AS DATE) AS VARCHAR)"
    assert in_master(master, "course_topic", "event_type", "user_id", "course_id", day) == [
        ("ACCESS_COURSE_MATERIAL", "7", "ZZZ-2014J", "2014-09-28"),
        ("ACCESS_COURSE_MATERIAL", "8", "ZZZ-2013B", "2013-02-11"),
        ("COURSE_DROPPED", "7", "ZZZ-2014J", "2014-10-13"),
        ("COURSE_ENROLLED", "7", "ZZZ-2014J", "2014-09-11"),
        ("COURSE_ENROLLED", "8", "ZZZ-2014J", "2014-09-26"),
    ]
    assert in_master(
        master, "assessment_topic", "event_type", "course_id", "student_id", "score", "max_score", day
    ) == [
        ("GRADE_ASSIGNMENT", "ZZZ-2014B", "7", 62.0, 100.0, "2014-02-19"),
        ("SUBMIT_ASSIGNMENT", "ZZZ-2014B", None, None, None, "2014-02-19"),
    ]


def test_ednet_is_read(tmp_path: Path) -> None:
    """A file a user, whose name is put beside the rows; times in Unix milliseconds."""
    (tmp_path / "KT1").mkdir()
    for user in ("u1", "u2"):
        text = "timestamp,solving_id,question_id,user_answer,elapsed_time\n1772445600123,1,q9,b,20000\n"
        (tmp_path / "KT1" / f"{user}.csv").write_text(text, "utf-8")
    (tmp_path / "ednet.toml").write_text(shown("own.md", "toml", 'name = "ednet"'), "utf-8")
    query = shown("own.md", "sql", "KT1").replace("KT1/", f"{tmp_path}/KT1/")
    answer(query.replace("'ednet.parquet'", f"'{tmp_path}/ednet.parquet'"))
    master = taken(tmp_path / "ednet.parquet", str(tmp_path / "ednet.toml"))
    assert in_master(master, "assessment_topic", "event_id", "user_id", "question_id", "epoch_ms(timestamp)") == [
        (f"{user}-1772445600123-q9", user, "q9", 1772445600123) for user in ("u1", "u2")
    ]
