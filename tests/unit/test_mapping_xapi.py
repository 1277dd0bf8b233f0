"""xAPI statements become learnfold's events by the mapping that comes with it."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from mapping_claims import expected, kept_whole, mangled, rubbish
from xapi_statements import ADL, CASES, COURSE, EDX, MOODLE, VIDEO, VOIDING, activity, edx, moodle, player

from learnfold.ingest.mapping.document import parts_of, renewed
from learnfold.ingest.mapping.file import load, shipped
from learnfold.ingest.mapping.translate import Retracted, Translated, Unmapped, translate

XAPI = load("xapi")
DOCS = Path(__file__).parents[2] / "docs"
STATEMENTS = [case[1] for case in CASES]


def one(document: Any) -> Translated | Unmapped:
    """What a document of one statement becomes."""
    (result,) = translate(document, XAPI)
    return result


@pytest.mark.parametrize(("title", "statement", "topic", "becomes"), CASES, ids=[case[0] for case in CASES])
def test_a_statement_becomes_its_event(title, statement, topic, becomes):
    """Each documented shape becomes exactly the event (or the reason) that is written beside it."""
    if topic:
        assert Translated(topic, expected(topic, becomes), statement) == one(statement)
    else:
        assert Unmapped(becomes, statement) == one(statement)


@pytest.mark.parametrize(
    "wrap",
    [lambda s: s, lambda s: [s], lambda s: {"statements": [s], "more": ""}, lambda s: {"_id": 1, "statement": s}],
)
def test_a_statement_is_found_in_every_wrapping(wrap):
    """Alone, in an array, in a store's answer and in a record of a store's export, a statement is the same event."""
    statement = STATEMENTS[0]
    assert one(statement).event == one(wrap(statement)).event


def test_a_voided_statement_is_taken_back():
    """A voiding statement is no event: it names the one that never was, which may come in any spelling of its id."""
    (found,) = translate(VOIDING, XAPI)
    assert isinstance(found, Retracted)
    assert (found.event_id, found.at) == ("e05aa883-acaf-40ad-bf54-02c8ce485fb0", VOIDING["timestamp"])
    (nameless,) = translate(VOIDING | {"object": {"objectType": "StatementRef"}}, XAPI)
    assert isinstance(nameless, Unmapped)
    assert "which statement it takes back" in nameless.reason


def test_neighbours_change_nothing():
    """An array gives what its statements give one by one, in their order."""
    shuffled = random.Random(7).sample(STATEMENTS, len(STATEMENTS))
    assert [one(statement) for statement in shuffled] == translate(shuffled, XAPI)


@pytest.mark.parametrize(
    ("actor", "user_id"),
    [
        ({"account": {"homePage": MOODLE, "name": "17"}, "name": "An"}, "17"),
        ({"account": {"homePage": MOODLE, "name": 17}}, "17"),
        ({"mbox": "mailto:an@example.org"}, "an@example.org"),
        ({"mbox": "MAILTO:An@Example.org"}, "An@example.org"),
        ({"mbox_sha1sum": "ebd31e95054c018b10727ccffd2ef2ec3a016ee9"}, "ebd31e95054c018b10727ccffd2ef2ec3a016ee9"),
        ({"openid": "https://openedx.org/users/user-v1/32e08e30-uuid"}, "32e08e30-uuid"),
        ({"openid": "https://an.example.org/"}, "https://an.example.org/"),
        ({"account": {"name": "  "}, "mbox": "mailto:an@example.org"}, "an@example.org"),
    ],
)
def test_a_user_is_known_by_any_of_xapis_identifiers(actor, user_id):
    """Account, mail address, its digest and OpenID all name the user, and both generations of Open edX name the same."""
    assert (
        user_id
        == one(moodle("https://brindlewaye.com/xAPITerms/verbs/loggedin/", activity(MOODLE, None), actor=actor)).event[
            "user_id"
        ]
    )


@pytest.mark.parametrize(
    "parent",
    [
        activity(f"{EDX}/course/{COURSE}", f"{ADL}/activities/course"),
        {
            "id": f"{EDX}/courses/{COURSE}/",
            "objectType": "Activity",
        },  # as event-routing-backends first sent it: no type
    ],
)
@pytest.mark.parametrize("relation", ["parent", "grouping"])
@pytest.mark.parametrize("as_list", [True, False])
def test_a_course_is_found_among_the_context_activities(parent, relation, as_list):
    """Parent or grouping, typed or not, in a list or alone: the course is the same course key."""
    context = {
        "contextActivities": {
            relation: [activity(EDX, "http://id.tincanapi.com/activitytype/site"), parent] if as_list else parent
        }
    }
    statement = edx(
        f"{VIDEO}/verbs/played",
        activity(f"{EDX}/xblock/block-v1:type@video+block@1", f"{VIDEO}/activity-type/video"),
        context=context,
    )
    assert one(statement).event["course_id"] == COURSE


@pytest.mark.parametrize(
    ("told", "score", "out_of"),
    [
        ({"raw": 8, "min": 0, "max": 10, "scaled": 0.8}, 8, 10),
        ({"raw": "8", "max": "10"}, 8, 10),
        ({"scaled": 0.8}, 80, 100),
        ({"raw": 8}, 8, None),
        ({"raw": 0, "min": 0, "max": 0, "scaled": 0}, 0, None),
        ({"raw": -5, "min": -10, "max": 10}, 5, 20),
        ({"raw": -1, "min": 0, "max": 10}, None, None),
        ({"raw": -1}, None, None),
        ({"scaled": -0.5}, None, None),
        ({"min": 0, "max": 10}, None, None),
        ({}, None, None),
    ],
)
def test_a_score_is_points_and_what_they_are_out_of(told, score, out_of):
    """Points stay points, a share alone is a percentage, a least below 0 is where counting begins; -1 is Moodle's word for none."""
    statement = moodle(f"{ADL}/verbs/scored", activity(MOODLE, f"{ADL}/activities/assessment"), result={"score": told})
    event = one(statement).event
    assert (event["event_type"], event.get("score"), event.get("max_score")) == ("GRADE_ASSIGNMENT", score, out_of)


def test_what_a_group_did_each_of_its_members_did():
    """A team's hand-in is one of each, with ids of their own; a group of one is that one."""
    team = [{"account": {"homePage": MOODLE, "name": name}} for name in ("21", "22")]
    statement = moodle(
        "http://activitystrea.ms/schema/1.0/submit",
        activity(f"{MOODLE}/mod/assign/view.php?id=4", f"{ADL}/activities/assessment"),
    )
    both = translate(statement | {"actor": {"objectType": "Group", "member": team}}, XAPI)
    assert [(r.event["user_id"], r.event["event_id"]) for r in both] == [
        ("21", f"{statement['id']}#1"),
        ("22", f"{statement['id']}#2"),
    ]
    alone = one(statement | {"actor": {"objectType": "Group", "member": team[:1]}})
    assert (alone.event["user_id"], alone.event["event_id"]) == ("21", statement["id"])


@pytest.mark.parametrize(
    "wrap",
    [
        lambda s: {"event_id": 1, "event": json.dumps(s)},
        json.dumps,
        lambda s: {"id": 3, "payload": s},
    ],
)
def test_a_statement_is_found_as_the_text_of_a_column(wrap):
    """Exports of stores hold the statement as JSON text in a column, or as a JSON string."""
    assert one(STATEMENTS[0]).event == one(wrap(STATEMENTS[0])).event


@pytest.mark.parametrize(
    ("segments", "seconds"),
    [
        ("0[.]30[,]30[.]45.2[,]100[.]160", 105.2),
        ("100[.]160[,]0[.]45.2", 105.2),
        ("0[.]45.2", 45.2),
        ("0[.]30[,]10[.]20", 40.0),
        ("0[.]10[,]30", 10.0),
        ("0[.]10[,]30[.]", 10.0),
        ("0[.]10[,]20[.]10", 10.0),
        ("", None),
        (" ", None),
    ],
)
def test_the_running_total_of_a_visit_is_what_its_segments_tell(segments, seconds):
    """Sorted, merged or as they came; what is open or goes backwards tells nothing, and costs the pause nothing."""
    event = one(player(f"{VIDEO}/verbs/paused", {"played-segments": segments})).event
    assert ("VIDEO_WATCHED", seconds) == (event["event_type"], event.get("played_seconds"))
    assert "watch_duration_seconds" not in event


def test_a_visit_without_a_session_is_its_registration():
    """Players that have no sessions tell apart by their registration what was watched when."""
    statement = player(f"{VIDEO}/verbs/paused", {"played-segments": "0[.]5"})
    statement["context"] = {"registration": "ec531277-b57b-4c15-8d91-d292c5b2b8f7"}
    assert one(statement).event["session_id"] == "ec531277-b57b-4c15-8d91-d292c5b2b8f7"


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"result": {"score": {"raw": "many"}}}, "result.score can't be read as a score of numbers"),
        ({"result": {"score": {"raw": True}}}, "result.score can't be read as a score of numbers"),
        ({"result": {"score": {"raw": float("nan")}}}, "result.score can't be read as a score of numbers"),
        ({"result": {"score": 7}}, "result.score can't be read as a score"),
        ({"timestamp": "yesterday"}, "timestamp can't be read as a time"),
        ({"timestamp": "2025-12-10"}, "timestamp can't be read as a time"),
        ({"timestamp": None}, "there is no timestamp: nothing at timestamp, stored"),
        ({"actor": {"account": {"name": "\ud800"}}}, "actor.account.name can't be read as text"),
    ],
)
def test_what_cannot_be_read_keeps_the_statement_out_of_the_events(more, reason):
    """A value that is there and unreadable, or needed and missing, makes the whole statement unmapped and says which."""
    statement = moodle(f"{ADL}/verbs/scored", activity(MOODLE, f"{ADL}/activities/assessment"), **more)
    assert Unmapped(reason, statement) == one(statement)


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        (None, "null is no xAPI statement"),
        (42, "a number is no xAPI statement"),
        ([[]], "an array is no xAPI statement"),
        ({}, "an xAPI statement has an actor, a verb and an object; no actor here"),
        (
            {"actor": {}, "verb": "did", "object": {}},
            "an xAPI statement has an actor, a verb and an object; no verb here",
        ),
        (
            moodle(f"{ADL}/verbs/completed", activity(MOODLE, f"{ADL}/activities/lesson"), actor={"name": "An"}),
            "there is no user_id: nothing at actor.account.name, actor.mbox, actor.mbox_sha1sum, actor.openid",
        ),
        (
            moodle("https://example.org/verbs/danced", activity(MOODLE, None)),
            "no rule for verb https://example.org/verbs/danced, kind none",
        ),
    ],
)
def test_what_is_no_statement_or_has_no_rule_says_so(document, reason):
    """What the mapping has no place for is kept, with a reason in plain words."""
    assert [reason] == [result.reason for result in translate(document, XAPI)]


def test_a_time_keeps_its_instant():
    """Nine digits of a second are cut to six, Z is +00:00, an offset stays, and a missing one stays missing."""
    times = ["2025-12-10T08:00:00.123456789Z", "2025-06-10T15:31:41+01:00", "2025-12-10 08:00:00"]
    read = [one(STATEMENTS[0] | {"timestamp": time}).event["timestamp"] for time in times]
    assert read == ["2025-12-10T08:00:00.123456+00:00", "2025-06-10T15:31:41+01:00", "2025-12-10T08:00:00"]


def test_a_statement_without_an_id_gets_one_of_its_own():
    """It is the same whenever and however the statement is written, and another for another statement."""
    statement = {key: value for key, value in STATEMENTS[0].items() if key != "id"}
    reordered = json.loads(json.dumps(dict(reversed(statement.items()))))
    identity = one(statement).event["event_id"]
    assert identity.startswith("sha256:")
    assert identity == one([reordered]).event["event_id"]
    assert identity != one(statement | {"timestamp": "2026-01-01T00:00:00Z"}).event["event_id"]


def test_a_platforms_role_is_learnfolds():
    """The role that xAPI's profile for learning management systems names is student or teacher; others are left out."""
    role = "https://w3id.org/xapi/lms/extensions/role"
    roles = [
        one(
            moodle(
                "http://id.tincanapi.com/verb/viewed",
                activity(MOODLE, f"{ADL}/activities/course"),
                context={"extensions": {role: text}},
            )
        ).event.get("role")
        for text in ("learner", "teacher", "guest")
    ]
    assert roles == ["student", "teacher", None]


@given(rubbish)
def test_rubbish_never_raises(document):
    """Whatever a document is, translating it gives results that ingestion can take, and never a traceback."""
    kept_whole(document, XAPI)


@given(mangled([*STATEMENTS, {"statements": STATEMENTS[:3]}]))
def test_mangled_statements_never_raise(document):
    """Statements with parts torn out or replaced give valid events or reasons, one for each statement."""
    results = kept_whole(document, XAPI)
    if isinstance(document, dict) and "statements" not in document:
        assert len(results) == 1


PAGES = sorted(
    page.relative_to(DOCS)
    for page in [*DOCS.glob("mappings.md"), *DOCS.glob("platforms/*.md")]
    if parts_of(page.read_text("utf-8"))
)


@pytest.mark.parametrize("page", PAGES, ids=map(str, PAGES))
def test_a_page_of_mappings_is_up_to_date(page):
    """It says what the mappings say; make docs renews it."""
    text = (DOCS / page).read_text("utf-8")
    assert renewed(text) == text


def test_every_mapping_has_its_rules_in_a_page():
    """A reader finds what each of learnfold's own mappings does."""
    shown = set[str]().union(*(parts_of((DOCS / page).read_text("utf-8")) for page in PAGES))
    assert [name for name in shipped() if f"{name} rules" not in shown] == []


def test_every_word_and_place_of_the_mapping_is_used():
    """Nothing in the mapping is left over."""
    text = (Path(__file__).parents[2] / "src/learnfold/ingest/mapping/mappings/xapi.toml").read_text("utf-8")
    unused = [f"${name}" for name in XAPI.finds if f'"${name}"' not in text]
    unused += [word for word in XAPI.words["verbs"] if f'"{word}"' not in text]
    unused += [word for word in XAPI.words["kinds"] if f'"{word}"' not in text and f"={word}]" not in text]
    assert unused == []
