"""IMS Caliper events become learnfold's events by the mapping that comes with it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from caliper_events import ATTEMPT, CASES, EDU, ITEM, QUIZ, SECTION, SESSION, STUDENT, V1P2, caliper, thing
from hypothesis import given
from mapping_claims import expected, kept_whole, mangled, rubbish

from learnfold.ingest.mapping.file import load
from learnfold.ingest.mapping.translate import Translated, Unmapped, translate

CALIPER = load("caliper")
EVENTS = [case[1] for case in CASES]


def enveloped(*data: Any, version: str = V1P2) -> dict[str, Any]:
    """An envelope around ``data``."""
    return {
        "sensor": f"{EDU}/sensors/1",
        "sendTime": "2025-11-15T10:15:01.000Z",
        "dataVersion": version,
        "data": list(data),
    }


def one(document: Any) -> Translated | Unmapped:
    """What a document of one event becomes."""
    (result,) = translate(document, CALIPER)
    return result


@pytest.mark.parametrize(("title", "event", "topic", "becomes"), CASES, ids=[case[0] for case in CASES])
def test_an_event_becomes_learnfolds(title, event, topic, becomes):
    """Each documented shape becomes exactly the event (or the reason) that is written beside it."""
    if topic:
        assert Translated(topic, expected(topic, becomes), event) == one(enveloped(event))
    else:
        assert Unmapped(becomes, event) == one(enveloped(event))


@pytest.mark.parametrize(
    "wrap",
    [
        lambda e: e,
        lambda e: [e],
        enveloped,
        lambda e: [enveloped(e)],
        lambda e: enveloped(e, version=V1P2.replace("v1p2", "v1p1")),
    ],
)
def test_an_event_is_found_in_every_wrapping(wrap):
    """Bare, in an array, in an envelope of 1.1 or 1.2, in an array of envelopes: an event is the same event."""
    assert one(EVENTS[5]) == one(wrap(EVENTS[5]))


def test_an_envelope_gives_its_events_in_their_order():
    """What an envelope holds is what its events give one by one."""
    assert [one(event) for event in EVENTS] == translate(enveloped(*EVENTS), CALIPER)


def test_a_thinned_event_is_the_same_event():
    """An event that names its entities by their ids alone tells as much as the ids can."""
    thinned = caliper(
        "NavigationEvent",
        "NavigatedTo",
        f"{SECTION}/pages/2",
        actor=STUDENT,
        group=SECTION,
        membership=f"{SECTION}/rosters/1",
        session=SESSION,
    )
    event = one(enveloped(thinned)).event
    assert (STUDENT, SECTION, f"{SECTION}/pages/2") == (event["user_id"], event["course_id"], event["item_id"])


def test_entities_described_in_the_envelope_fill_the_events_in():
    """What an envelope says of an entity holds for the events that name it; the descriptions themselves are no events."""
    attempt = ATTEMPT | {"assignable": QUIZ, "assignee": STUDENT}
    submitted = caliper("AssignableEvent", "Submitted", attempt["id"])
    described, result, quiz = translate(enveloped(attempt, submitted, thing(QUIZ, "Assessment")), CALIPER)
    assert "it describes an entity, and tells of no event" == described.reason == quiz.reason
    assert (result.event["event_type"], result.event["quiz_id"]) == ("QUIZ_COMPLETED", QUIZ)
    assert submitted is result.original


@pytest.mark.parametrize(
    ("group", "course_id"),
    [
        (thing(SECTION, "CourseSection"), SECTION),
        (thing(SECTION, "CourseOffering"), SECTION),
        (SECTION, SECTION),
        (thing(f"{SECTION}/groups/2", "Group", subOrganizationOf=thing(SECTION, "CourseSection")), SECTION),
        (thing(f"{SECTION}/groups/2", "Group"), None),
    ],
)
def test_a_course_is_the_section_or_offering_and_no_other_group(group, course_id):
    """The group, or what it is a part of: whatever is a course."""
    assert course_id == one(caliper("AssessmentItemEvent", "Completed", ITEM, group=group)).event.get("course_id")


def test_a_user_without_an_id_is_known_by_another_identifier():
    """Caliper 1.2's otherIdentifiers name a user that has no id."""
    actor = {
        "type": "Person",
        "otherIdentifiers": [{"type": "SystemIdentifier", "identifier": "SV001", "identifierType": "SystemId"}],
    }
    assert (
        one(caliper("ToolUseEvent", "Used", thing(EDU, "SoftwareApplication"), actor=actor)).event["user_id"] == "SV001"
    )


def test_terms_may_be_written_as_iris():
    """The IRIs of JSON-LD mean what their last words mean."""
    event = caliper(
        "http://purl.imsglobal.org/caliper/v1/SessionEvent",
        "http://purl.imsglobal.org/vocab/caliper/v1/action#LoggedIn",
        thing(EDU, "SoftwareApplication"),
    )
    event["@type"], event["@id"] = event.pop("type"), event.pop("id")
    event["membership"]["roles"] = ["http://purl.imsglobal.org/vocab/lis/v2/membership#Learner"]
    result = one(event)
    assert tuple(result.event[key] for key in ("event_type", "role", "event_id")) == (
        "LOGIN",
        "student",
        "urn:uuid:cccc0000-0000-4000-8000-000000000004",
    )


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        (7, "a number is no Caliper event"),
        (enveloped("urn:uuid:1"), "a text is no Caliper event"),
        ({"type": "MediaEvent", "eventTime": "2025-11-15T10:15:00.000Z"}, "a Caliper event has an action; none here"),
        (caliper("Event", "Danced", thing(EDU, "Floor")), "no rule for event Event, action Danced, object Floor"),
        (caliper("ViewEvent", "Viewed", thing(QUIZ, "Page"), eventTime="soon"), "eventTime can't be read as a time"),
        (
            caliper("GradeEvent", "Graded", ATTEMPT, generated={"scoreGiven": -2}),
            "generated.scoreGiven can't be read as a number of at least 0",
        ),
        (
            caliper("MediaEvent", "Paused", thing(EDU, "VideoObject", duration="P1Y")),
            "object.duration can't be read as seconds or a duration",
        ),
    ],
)
def test_what_is_no_event_or_cannot_be_read_says_so(document, reason):
    """What the mapping has no place for is kept, with a reason in plain words."""
    assert [reason] == [result.reason for result in translate(document, CALIPER)]


def test_an_event_without_an_id_gets_the_same_one_alone_and_in_an_envelope():
    """What is described beside an event doesn't change who it is."""
    event = {key: value for key, value in caliper("AssessmentEvent", "Started", QUIZ).items() if key != "id"}
    _, enveloped_result = translate(enveloped(thing(QUIZ, "Assessment"), event), CALIPER)
    assert one(json.loads(json.dumps(event))).event["event_id"] == enveloped_result.event["event_id"]


@given(rubbish)
def test_rubbish_never_raises(document):
    """Whatever a document is, translating it gives results that ingestion can take, and never a traceback."""
    kept_whole(document, CALIPER)


@given(mangled([*EVENTS, enveloped(*EVENTS[:3], thing(QUIZ, "Assessment"))]))
def test_mangled_events_never_raise(document):
    """Events with parts torn out or replaced give valid events or reasons."""
    kept_whole(document, CALIPER)


def test_every_word_and_place_of_the_mapping_is_used():
    """Nothing in the mapping is left over."""
    text = (Path(__file__).parents[2] / "src/learnfold/ingest/mapping/mappings/caliper.toml").read_text("utf-8")
    unused = [f"${name}" for name in CALIPER.finds if f'"${name}"' not in text]
    unused += [word for word in CALIPER.words["things"] if f'"{word}"' not in text and f"={word}]" not in text]
    assert unused == []
