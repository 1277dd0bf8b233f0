"""A mapping of one's own tried on samples, and a first one made of them."""

from __future__ import annotations

import csv
import gzip
import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from platform_records import MOODLE, TRACKING
from xapi_statements import CASES as STATEMENTS

from conftest import tries
from learnfold import catalog
from learnfold.cli import main
from learnfold.errors import DataError
from learnfold.ingest.mapping.file import load
from learnfold.ingest.mapping.rules import build
from learnfold.ingest.mapping.translate import Translated, translate
from learnfold.ingest.samples.check import checked
from learnfold.ingest.samples.draft import Sampled, draft
from learnfold.settings import Settings

LOG = [
    {
        "log_id": number,
        "person": f"p{number % 3}",
        "when": 1772445600 + number,
        "action": action,
        "course": "c1",
        "page": "p",
    }
    for number, action in enumerate(["open", "open", "close", "reopen", "leave", "open"])
]
OWN = """
name = "ours"
title = "ours"
reads = "records"
[facets]
event = "action"
[words.events]
opened = ["open", "reopen"]
closed = ["close"]
[fields.all]
event_id = "log_id"
user_id = "person"
timestamp = { at = "when", as = "unix_seconds" }
[[rule]]
about = "A page was opened."
when = { event = "opened" }
topic = "course_topic"
event_type = "ACCESS_COURSE_MATERIAL"
fields.course_id = "course"
fields.material_id = "page"
[[rule]]
about = "A page was closed."
when = { event = "closed" }
unmapped = "closing has no topic"
[[rule]]
about = "Somebody sneezed."
when = { event = "Sneezed" }
unmapped = "sneezing has no topic"
"""


def as_lines(some: list[Any], path: Path) -> Path:
    """JSON lines."""
    path.write_text("".join(f"{json.dumps(one)}\n" for one in some))
    return path


def report(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, dict[str, Any]]:
    """The exit code and the report of a check."""
    code = main(["mapping", "check", *map(str, words), "--json"])
    return code, json.loads(capsys.readouterr().out)


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A mapping of one's own."""
    (tmp_path / "own.toml").write_text(OWN)
    return tmp_path / "own.toml"


def test_a_check_says_which_rule_each_statement_fits(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """And what no rule fits, what can't be read, and which events a topic refuses, each with the first of them; exit 1 for any."""
    broken = LOG[0] | {"when": "yesterday"}
    early = LOG[0] | {"when": 253402300799 * 10, "log_id": 9}
    sample = as_lines([*LOG, broken, early], own.parent / "log.jsonl")
    with sample.open("a") as file:
        file.write('{"log_id": 7, "per\n')
    code, found = report(capsys, own, sample)
    assert code == 1
    assert found["statements"] == 9
    assert {one["about"]: one["statements"] for one in found["rules"]} == {
        "A page was opened.": 6,
        "A page was closed.": 1,
        "Somebody sneezed.": 0,
    }
    (refused,) = found["no_rule"]
    assert (refused["reason"], refused["statements"], refused["place"]) == ("no rule for event leave", 1, 4)
    assert "leave" in refused["example"]
    assert {one["place"] for one in found["unreadable"]} >= {6, 8}
    assert found["well"] is False


def test_a_check_of_what_fits_ends_with_0(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A rule that says why there is no event is well; the table says how many rules weren't met."""
    sample = as_lines([one for one in LOG if one["action"] != "leave"], own.parent / "log.jsonl")
    assert main(["mapping", "check", str(own), str(sample)]) == 0
    said = capsys.readouterr().out
    assert "5 statements, 1 of 3 rules not met: all is well" in said
    assert re.search(r"4 +course_topic ACCESS_COURSE_MATERIAL +A page was opened", said)


def test_a_check_names_what_a_topic_refuses(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An event may fit a rule and still be none: its value is no such thing."""
    own.write_text(OWN.replace('"unix_seconds"', '"time"'))
    sample = as_lines([LOG[0] | {"when": "2300-01-01T00:00:00Z"}], own.parent / "log.jsonl")
    code, found = report(capsys, own, sample)
    assert (code, [one["topic"] for one in found["invalid"]]) == (1, ["course_topic"])


@pytest.mark.parametrize(("name", "cases"), [("xapi", STATEMENTS), ("openedx-tracking-log", TRACKING)])
def test_a_check_counts_what_is_translated(name: str, cases: list[Any], tmp_path: Path) -> None:
    """Of shipped mappings, and of packed files: each statement is counted by its rule, or as one that none fits."""
    path = tmp_path / "some.jsonl.gz"
    path.write_bytes(gzip.compress("".join(f"{json.dumps(case[1])}\n" for case in cases).encode()))
    found = checked([str(path)], load(name), catalog.load(), Settings())
    assert found.statements == len(cases)
    unfit = sum(one[0] for one in (*found.refused.values(), *(v for v in found.broken.values() if "xAPI" in str(v))))
    assert sum(found.fitting.values()) + unfit <= found.statements
    made = sum(1 for case in cases if any(isinstance(one, Translated) for one in translate(case[1], load(name))))
    deciding = sum(n for place, n in found.fitting.items() if found.mapping.rules[place].unmapped is None)
    assert made <= deciding <= found.statements
    assert not found.invalid


def test_a_new_mapping_finds_what_lies_where(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Who, when and what happened, by names and values; a rule for each event; filled in, it makes events."""
    with (tmp_path / "log.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(LOG[0]))
        writer.writeheader()
        writer.writerows(LOG)
    assert main(["mapping", "new", str(tmp_path / "log.csv"), "--name", "campus"]) == 0
    text = capsys.readouterr().out
    (tmp_path / "campus.toml").write_text(text)
    for line in (
        'event = "action"',
        'event_id = "log_id"',
        'user_id = "person"',
        'timestamp = { at = "when", as = "unix_seconds" }',
    ):
        assert line in text
    code, found = report(capsys, tmp_path / "campus.toml", tmp_path / "log.csv")
    assert (code, found["statements"], len(found["rules"])) == (0, len(LOG), 4)
    lines = [line for line in text.splitlines() if line != 'unmapped = "not looked at yet"']
    filled = "\n".join(re.sub(r"^# (?=topic|event_type|fields\.)", "", line) for line in lines)
    (tmp_path / "campus.toml").write_text(filled)
    code, found = report(capsys, tmp_path / "campus.toml", tmp_path / "log.csv")
    assert (code, {one["becomes"] for one in found["rules"]}) == (0, {"course_topic ACCESS_COURSE_MATERIAL"})


def test_a_new_mapping_of_a_log_of_moodle(tmp_path: Path) -> None:
    """The table's own names are found."""
    rows = [row for _, row, _, _ in MOODLE if "eventname" in row]
    text = draft([str(as_lines(rows, tmp_path / "log.jsonl"))], "m", catalog.load(), Settings())
    assert 'event = "eventname"' in text
    assert 'user_id = "userid"' in text
    assert 'timestamp = { at = "timecreated", as = "unix_seconds" }' in text


TEXTS = st.text(max_size=8)
VALUES = st.one_of(TEXTS, st.integers(), st.booleans(), st.none(), st.dictionaries(TEXTS, TEXTS, max_size=2))


@given(records=st.lists(st.dictionaries(TEXTS, VALUES, min_size=1, max_size=5), min_size=1, max_size=4))
@settings(max_examples=tries(50))
def test_a_new_mapping_can_be_loaded_whatever_the_samples_are(records: list[dict[str, Any]]) -> None:
    """Any keys, any values; samples without a single value are refused."""
    found = Sampled()
    found.add(records)
    try:
        text = found.mapping("any")
    except DataError:
        return
    mapping, problems = build([("any.toml", tomllib.loads(text))])
    assert (problems, bool(mapping.rules)) == ([], True)


def test_a_check_that_is_asked_wrongly_is_refused(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No sample, no such file, a mapping with mistakes, samples without records."""
    assert main(["mapping", "check", str(own)]) == 2
    assert main(["mapping", "check", str(own), str(own.parent / "none.csv")]) == 2
    (own.parent / "empty.jsonl").write_text("")
    assert main(["mapping", "new", str(own.parent / "empty.jsonl")]) == 1
    said = capsys.readouterr().err
    assert "name the mapping, and behind it files" in said
    assert "there is no file" in said
    assert "no record is in the samples" in said
