"""Mapping files: learnfold's own, and those of users."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import pytest
from xapi_statements import MOODLE, activity, moodle

from learnfold.errors import UsageError
from learnfold.ingest.mapping.file import load, shipped
from learnfold.ingest.mapping.translate import Translated, Unmapped, translate

PAGE = (Path(__file__).parents[2] / "docs" / "mappings.md").read_text("utf-8")
CAMPUS = next(block for block in re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL) if "campus" in block)

SMALL = """
name = "small"
title = "A small mapping"
reads = "xapi"
[facets]
verb = "verb.id"
[words.verbs]
viewed = ["urn:viewed"]
[find.user]
at = "actor.mbox"
[fields.all]
user_id = "$user"
timestamp = "timestamp"
[extra_fields]
seat = "where"
[[rule]]
about = "A view."
when = { verb = "viewed" }
topic = "course_topic"
event_type = "COURSE_VIEW"
fields.course_id = "object.id"
"""


@pytest.fixture
def written(tmp_path, monkeypatch):
    """A function that writes a mapping file into a folder of the test's own, and gives its name."""
    monkeypatch.chdir(tmp_path)

    def write(text, name="mine.toml"):
        Path(name).write_text(text, "utf-8")
        return name

    return write


def test_learnfold_comes_with_mappings():
    """One for each standard, which reads its own form, and one for each platform's own log."""
    assert {name: load(name).reads for name in shipped()} == {
        "caliper": "caliper",
        "canvas-live-events": "records",
        "moodle-log": "records",
        "openedx-tracking-log": "records",
        "xapi": "xapi",
    }


def test_a_part_of_a_name_is_enough_where_only_one_has_it():
    """``tracking-log`` is Open edX's; ``a`` may be several."""
    assert load("tracking-log") is load("openedx-tracking-log")
    with pytest.raises(UsageError, match="there is no mapping 'a'; learnfold has caliper, canvas-live-events"):
        load("a")


def test_the_pages_example_extends_what_comes_with_learnfold(written):
    """The mapping that docs/mappings.md shows works: its rules come first, its words are added, its places win."""
    mapping = load(written(CAMPUS))
    entered = moodle(
        "https://campus.example/verbs/entered",
        activity("urn:library:north", None),
        actor={"mbox": "mailto:s17@campus.example"},
        result={"extensions": {"https://campus.example/seat": "B12"}},
    )
    looked = moodle(
        "https://campus.example/verbs/looked-at",
        activity(f"{MOODLE}/page", "https://w3id.org/xapi/acrossx/activities/page"),
    )
    brewed = moodle("https://campus.example/verbs/brewed", activity("urn:coffee", None))
    tested = entered | {"context": {"platform": "testbed"}}
    event, view, coffee, test = translate([entered, looked, brewed, tested], mapping)
    assert isinstance(event, Translated)
    assert tuple(event.event[key] for key in ("user_id", "material_id", "material_type", "seat")) == (
        "s17",
        "urn:library:north",
        "library",
        "B12",
    )
    assert isinstance(view, Translated)
    assert view.event["event_type"] == "ACCESS_COURSE_MATERIAL"
    assert Unmapped("coffee has no topic", brewed) == coffee
    assert test.reason == "no rule for verb https://campus.example/verbs/entered, kind none"


def test_json_says_the_same_as_toml(written):
    """A mapping may be written in either."""
    toml, as_json = load(written(SMALL)), load(written(json.dumps(tomllib.loads(SMALL)), "mine.json"))
    assert toml == as_json


def test_one_statement_may_be_several_events_with_ids_of_their_own(written):
    """The first has the statement's id, the others it and their type; unreadable, it is none of them."""
    also = '[[rule.also]]\ntopic = "video_topic"\nevent_type = "VIDEO_LOADED"\nfields = { video_id = "object.id", seat = { is = "front" } }\n[[rule.also]]\ntopic = "course_topic"\nevent_type = "ITEM_CLICK"\n'
    mapping = load(written(SMALL + also))
    statement = {
        "id": "s1",
        "actor": {"mbox": "m"},
        "verb": {"id": "urn:viewed"},
        "object": {"id": "o"},
        "timestamp": "2025-01-01T00:00:00Z",
    }
    mapping_with_id = load(
        written(SMALL.replace('user_id = "$user"', 'event_id = "id"\nuser_id = "$user"') + also, "other.toml")
    )
    results = translate(statement, mapping_with_id)
    assert [(r.topic, r.event["event_id"]) for r in results] == [
        ("course_topic", "s1"),
        ("video_topic", "s1#VIDEO_LOADED"),
        ("course_topic", "s1#ITEM_CLICK"),
    ]
    assert results == translate(statement, mapping_with_id)
    first, second, third = translate(statement, mapping)
    assert first.event["event_id"].startswith("sha256:")
    assert f"{first.event['event_id']}#ITEM_CLICK" == third.event["event_id"]
    assert (second.event["seat"], second.event["event_category"]) == ("front", "VIDEO")
    assert [r.reason for r in translate(statement | {"timestamp": "now"}, mapping_with_id)] == [
        "timestamp can't be read as a time"
    ]


# fmt: off
MISTAKES = [
    ('name = "small"', "", "name: it is needed, and a text"),
    ('reads = "xapi"', 'reads = "xpai"', "reads: there is no form 'xpai'; did you mean xapi?"),
    ('reads = "xapi"', 'reads = "xapi"\nrules = 1', "rules: there is no such key; did you mean rule"),
    ('"viewed" }', '"veiwed" }', "rule 1 (A view.), when.verb: there is no word 'veiwed' under words; did you mean viewed?"),
    ('viewed = ["urn:viewed"]', "viewed = [7]", "words.verbs.viewed: it must be a text, or a list of texts"),
    ("[words.verbs]", '[words.kinds]\nviewed = ["urn:x"]\n[words.verbs]', "words.verbs.viewed: another group of words has it already"),
    ('"$user"', '"$usr"', "fields.all.user_id.at: there is no find.usr; did you mean user?"),
    ('at = "actor.mbox"', 'at = "actor..mbox"', "find.user.at: 'actor..mbox' is no place: a key was expected at '.mbox'"),
    ('at = "actor.mbox"', "at = 'actor.\"a.b'", "find.user.at: 'actor.\"a.b' is no place: a key was expected at '\"a.b'"),
    ('at = "actor.mbox"', 'at = "actor[x].mbox"', "find.user.at: 'actor[x].mbox' is no place: [x] is not [place=word], [place~pattern] or [!place]"),
    ('at = "actor.mbox"', 'at = "actor[x~(].mbox"', "find.user.at: 'actor[x~(].mbox' is no place: '(' is not a regular expression"),
    ('at = "actor.mbox"', 'at = "actor.mbox."', "find.user.at: 'actor.mbox.' is no place: it ends in a dot"),
    ('at = "actor.mbox"', 'at = "actor.mbox"\ntake = "mailto"', "find.user.take: 'mailto' has no (group) that says what to keep"),
    ('at = "actor.mbox"', 'at = "actor.mbox"\nas = "txet"', "find.user.as: there is no conversion 'txet'; did you mean text"),
    ('at = "actor.mbox"', 'at = "actor.mbox"\nword_of = "verb"', "find.user.word_of: there are no words.verb; did you mean verbs?"),
    ('at = "actor.mbox"', 'of = "actor.mbox"', "find.user.of: there is no such key"),
    ('timestamp = "timestamp"', "", "rule 1 (A view.), fields.timestamp: no event is without it: say where it lies, or in fields.all"),
    ('timestamp = "timestamp"', 'timestamp = { at = "timestamp", as = "number" }', "fields.all.timestamp.as: number doesn't give what the field holds (TIMESTAMP); these do: time"),
    ("[fields.all]", "[fields.course]\n[fields.all]", "fields.course: there is no topic 'course'; did you mean course_topic?"),
    ('user_id = "$user"', 'user_id = "$user"\ncourse_id = "object.id"', "fields.all.course_id: there is no such field;"),
    ('user_id = "$user"', "user_id = 7", "fields.all.user_id: it must be a place, a list of places, or a table"),
    ('about = "A view."', "", "rule 1, about: it is needed: a sentence that says what the rule is for"),
    ('when = { verb = "viewed" }', "", "rule 1 (A view.), when: it is needed: what a statement must be for the rule to fit"),
    ('verb = "viewed" }', "verb = { liek = '^x' } }", "rule 1 (A view.), when.verb: it must be a word, a list of words, { like"),
    ('verb = "viewed" }', "verb = { like = '(' } }", "rule 1 (A view.), when.verb: '(' is not a regular expression"),
    ('"course_topic"', '"course"', "rule 1 (A view.), topic: there is no topic 'course'; did you mean course_topic?"),
    ('"COURSE_VIEW"', '"course view"', "rule 1 (A view.), event_type: 'course view' must be in capitals, such as COURSE_VIEW"),
    ("fields.course_id", "fields.course_idd", "rule 1 (A view.), fields.course_idd: there is no such field; did you mean course_id"),
    ("fields.course_id", "fields.event_category", "rule 1 (A view.), fields.event_category: there is no such field"),
    ('fields.course_id = "object.id"', 'fields.course_id = { is = ["a"] }', "rule 1 (A view.), fields.course_id.is: ['a'] is not text"),
    ('fields.course_id = "object.id"', 'unmapped = "no"', "rule 1 (A view.), unmapped: a rule says either this, or a topic and an event_type"),
    ('fields.course_id = "object.id"', '[[rule.also]]\ntopic = "course_topic"\nevent_type = "COURSE_VIEW"', "rule 1 (A view.), also: the events of a rule differ in their event_type, which tells their ids apart"),
    ("[[rule]]", "[rule]", "rule: it is written [[rule]], once for each"),
    ('name = "small"', 'name = "small"\nextends = "xpai"', "extends: there is no mapping 'xpai'; learnfold has caliper, canvas-live-events, moodle-log, openedx-tracking-log and xapi"),
    ('name = "small"', 'name = "small', "is no mapping file: "),
]
# fmt: on


@pytest.mark.parametrize(("old", "new", "problem"), MISTAKES)
def test_a_mistake_is_told_by_file_and_key(written, old, new, problem):
    """What is wrong in a user's file is said with the file, the rule, the key and what was likely meant."""
    assert old in SMALL
    with pytest.raises(UsageError) as raised:
        load(written(SMALL.replace(old, new, 1)))
    lines = str(raised.value).splitlines()
    assert any(line.startswith("mine.toml") and problem in line for line in lines), lines
    assert raised.value.exit_code == 2


def test_all_mistakes_are_told_at_once(written):
    """A user mends a file in one go."""
    broken = SMALL.replace('"course_topic"', '"course"').replace('"$user"', '"$usr"').replace('"COURSE_VIEW"', '"view"')
    with pytest.raises(UsageError) as raised:
        load(written(broken))
    assert len(str(raised.value).splitlines()) == 3


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        (
            "campus",
            None,
            "there is no mapping 'campus'; learnfold has caliper, canvas-live-events, moodle-log, openedx-tracking-log and xapi, or give a .toml or .json file",
        ),
        ("none.toml", None, "there is no mapping file none.toml"),
        ("list.json", "[1]", "list.json is no mapping file: an object was expected"),
        ("deep.json", "[" * 100_000, "deep.json is no mapping file: "),
        ("latin.toml", "\udce9", "latin.toml is no mapping file: "),
    ],
)
def test_a_file_that_is_none_is_told(written, name, text, problem):
    """A name that means nothing, a file that isn't there, and one that isn't of the form: none is a traceback."""
    if text is not None:
        Path(name).write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(UsageError, match=re.escape(problem)):
        load(name)


def test_a_field_may_be_left_out_of_one_rule(written):
    """Written as false, it takes away what all events of the topic have."""
    text = (
        SMALL.replace("[extra_fields]", '[fields.course_topic]\ncourse_name = "object.name"\n[extra_fields]')
        + "fields.course_name = false\n"
    )
    statement = {
        "actor": {"mbox": "m"},
        "verb": {"id": "urn:viewed"},
        "object": {"id": "o", "name": "n"},
        "timestamp": "2025-01-01T00:00:00Z",
    }
    (result,) = translate(statement, load(written(text)))
    assert "course_name" not in result.event
    assert result.event["course_id"] == "o"
