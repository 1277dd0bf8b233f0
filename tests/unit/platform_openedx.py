"""What Open edX sends through event-routing-backends, as xAPI and as Caliper, and what becomes of it.

Learnt from its expected fixtures at e2acb7041825688ed388550cbd1a4b3920db3325 (2026-05-13); every statement here is made up.
"""

from __future__ import annotations

from typing import Any

LMS = "https://lms.test"
KEY = "course-v1:Uni+Stat1+2026"
ADL = "http://adlnet.gov/expapi"
TIN = "http://id.tincanapi.com"
XVIDEO = "https://w3id.org/xapi/video"
ACROSS = "https://w3id.org/xapi/acrossx"
USER = "0b0e6a3c-1111-4222-8333-444455556666"
VISIT = "993110e9c27848a545da74a74114158d"

Statement = dict[str, Any]


def key(kind: str, name: str) -> str:
    """A block's key."""
    return f"block-v1:Uni+Stat1+2026+type@{kind}+block@{name}"


VIDEO, PROBLEM, UNIT, EXAM = key("video", "v1"), key("problem", "p1"), key("sequential", "s1"), key("sequential", "x1")

# --- xAPI ------------------------------------------------------------------------------------------------------------


def activity(identity: str, kind: str, **definition: Any) -> Statement:
    """An activity."""
    return {"objectType": "Activity", "id": identity, "definition": {"type": kind, **definition}}


def block(identity: str, kind: str) -> Statement:
    """An activity whose address is a block's."""
    return activity(f"{LMS}/xblock/{identity}", kind)


def said(verb: str, about: Statement, *, course: str = KEY, **more: Any) -> Statement:
    """A statement, with the course around it."""
    parent = activity(f"{LMS}/course/{course}", f"{ADL}/activities/course", name={"en-US": "Statistics"})
    context: Statement = {
        "contextActivities": {"parent": [parent]},
        "extensions": {
            "https://w3id.org/xapi/openedx/extension/transformer-version": "event-routing-backends@9.0.0",
            "https://w3id.org/xapi/openedx/extensions/session-id": VISIT,
            **more.pop("extensions", {}),
        },
    }
    return {
        "id": "22223333-0000-4000-8000-0000000000bb",
        "version": "1.0.3",
        "actor": {"objectType": "Agent", "account": {"homePage": LMS, "name": USER}},
        "verb": {"id": verb, "display": {"en": "did"}},
        "object": about,
        "context": context,
        "timestamp": "2026-03-02T10:00:00.123456+00:00",
        **more,
    }


COURSE = activity(f"{LMS}/course/{KEY}", f"{ADL}/activities/course", name={"en": "Statistics"})
FILM = block(VIDEO, f"{XVIDEO}/activity-type/video")
QUESTION = f"{ADL}/activities/cmi.interaction"
EVENT = {
    "event_id": "22223333-0000-4000-8000-0000000000bb",
    "user_id": USER,
    "timestamp": "2026-03-02T10:00:00.123456+00:00",
}
HERE = {**EVENT, "course_id": KEY}
NAMED = {**HERE, "course_name": "Statistics"}
WATCHED = {**HERE, "video_id": VIDEO, "session_id": VISIT}
AT = {"result": {"extensions": {f"{XVIDEO}/extensions/time": 12.5}}}
POINTS = {"score": {"raw": 2, "min": 0, "max": 3, "scaled": 0.6666}, "success": False}

# fmt: off
XAPI: list[tuple[str, Statement, str, Statement | str]] = [
    # title, statement, topic ("" for none), the event without its category, or the reason
    ("enrolled", said(f"{ADL}/verbs/registered", COURSE), "course_topic", NAMED | {"event_type": "COURSE_ENROLLED"}),
    ("left", said(f"{TIN}/verb/unregistered", COURSE), "course_topic", NAMED | {"event_type": "COURSE_DROPPED"}),
    ("passed", said(f"{ADL}/verbs/passed", COURSE), "course_topic", NAMED | {"event_type": "COURSE_PASSED"}),
    ("no longer passes", said(f"{ADL}/verbs/failed", COURSE), "course_topic", NAMED | {"event_type": "COURSE_FAILED"}),
    ("a video loaded", said(f"{ADL}/verbs/initialized", FILM), "video_topic", WATCHED | {"event_type": "VIDEO_LOADED"}),
    ("played", said(f"{XVIDEO}/verbs/played", FILM, extensions={f"{XVIDEO}/extensions/length": 180.0}, **AT), "video_topic", WATCHED | {"event_type": "VIDEO_WATCHED", "position_seconds": 12.5, "video_length_seconds": 180}),
    ("paused", said(f"{XVIDEO}/verbs/paused", FILM, **AT), "video_topic", WATCHED | {"event_type": "VIDEO_PAUSED", "position_seconds": 12.5}),
    ("jumped", said(f"{XVIDEO}/verbs/seeked", FILM, result={"extensions": {f"{XVIDEO}/extensions/time-from": 100.5, f"{XVIDEO}/extensions/time-to": 10.0}}), "video_topic", WATCHED | {"event_type": "VIDEO_SEEKED", "from_seconds": 100.5, "to_seconds": 10.0}),
    ("stopped", said(f"{ADL}/verbs/terminated", FILM, **AT), "video_topic", WATCHED | {"event_type": "VIDEO_ENDED", "position_seconds": 12.5}),
    ("captions shown", said(f"{ADL}/verbs/interacted", FILM, **AT), "video_topic", WATCHED | {"event_type": "VIDEO_INTERACTED", "position_seconds": 12.5}),
    ("played, in a custom course", said(f"{XVIDEO}/verbs/played", block("ccx-block-v1:Uni+Stat1+2026+ccx@1+type@video+block@v1", f"{XVIDEO}/activity-type/video"), course="ccx-v1:Uni+Stat1+2026+ccx@1"), "video_topic", WATCHED | {"event_type": "VIDEO_WATCHED", "course_id": "ccx-v1:Uni+Stat1+2026+ccx@1", "video_id": "ccx-block-v1:Uni+Stat1+2026+ccx@1+type@video+block@v1"}),
    ("played, by an old key", said(f"{XVIDEO}/verbs/played", block("i4x://Uni/Stat1/video/v1", f"{XVIDEO}/activity-type/video"), course="Uni/Stat1/2013"), "video_topic", WATCHED | {"event_type": "VIDEO_WATCHED", "course_id": "Uni/Stat1/2013", "video_id": "i4x://Uni/Stat1/video/v1"}),
    ("paused, by an old key", said(f"{XVIDEO}/verbs/paused", block("i4x://Uni/Stat1/video/v1", f"{XVIDEO}/activity-type/video"), course="Uni/Stat1/2013/info"), "video_topic", WATCHED | {"event_type": "VIDEO_PAUSED", "course_id": "Uni/Stat1/2013", "video_id": "i4x://Uni/Stat1/video/v1"}),
    ("a problem, as it left the browser", said(f"{ADL}/verbs/attempted", block(PROBLEM, QUESTION)), "assessment_topic", HERE | {"event_type": "QUIZ_ATTEMPTED", "quiz_id": PROBLEM}),
    ("a problem marked", said(f"{ACROSS}/verbs/evaluated", block(PROBLEM, QUESTION), result=POINTS), "assessment_topic", HERE | {"event_type": "QUIZ_COMPLETED", "quiz_id": PROBLEM, "correct_answers": 2, "score": 2, "max_score": 3}),
    ("a problem out of no points", said(f"{ACROSS}/verbs/evaluated", block(PROBLEM, QUESTION), result={"score": {"raw": 0, "min": 0, "max": 0, "scaled": 0}}), "assessment_topic", HERE | {"event_type": "QUIZ_COMPLETED", "quiz_id": PROBLEM, "correct_answers": 0, "score": 0}),
    ("one of its questions", said(f"{ACROSS}/verbs/evaluated", activity(f"{LMS}/xblock/{PROBLEM}_2_1", QUESTION), context={"contextActivities": {"parent": [block(PROBLEM, QUESTION)], "grouping": [COURSE]}}, result={"success": True}), "assessment_topic", HERE | {"event_type": "QUESTION_ANSWERED", "quiz_id": PROBLEM, "question_id": f"{PROBLEM}_2_1"}),
    ("a problem nobody knows", said(f"{ACROSS}/verbs/evaluated", {"objectType": "Activity", "definition": {"type": QUESTION}}, result={"score": {"min": 0.0}}), "", "it doesn't say which problem was answered"),
    ("its weighted grade", said(f"{ADL}/verbs/attempted", block(PROBLEM, f"{ADL}/activities/question"), result=POINTS), "assessment_topic", HERE | {"event_type": "QUIZ_ATTEMPTED", "quiz_id": PROBLEM, "score": 2, "max_score": 3}),
    ("the answer shown", said(f"{ADL}/verbs/asked", block(f"{PROBLEM}/answer", f"{TIN}/activitytype/solution")), "assessment_topic", HERE | {"event_type": "ANSWER_SHOWN", "quiz_id": PROBLEM}),
    ("a hint shown", said(f"{ADL}/verbs/asked", block(f"{PROBLEM}/hint/1", f"{ACROSS}/extensions/supplemental-info")), "assessment_topic", HERE | {"event_type": "HINT_SHOWN", "quiz_id": PROBLEM}),
    ("the running grade of a subsection", said(f"{TIN}/verb/earned", block(UNIT, f"{TIN}/activitytype/resource"), result=POINTS), "assessment_topic", HERE | {"event_type": "GRADE_CALCULATED", "assignment_id": UNIT, "score": 2, "max_score": 3}),
    ("the running grade of the course", said(f"{TIN}/verb/earned", COURSE, result={"score": {"scaled": 0.02, "raw": 0.02, "min": 0.0, "max": 1.0}}), "course_topic", NAMED | {"event_type": "COURSE_GRADE_CALCULATED", "progress": 0.02}),
    ("an exam begun", said(f"{ADL}/verbs/initialized", activity(EXAM, "https://w3id.org/xapi/openedx/activity/timed-assessment")), "assessment_topic", HERE | {"event_type": "VIEW_ASSIGNMENT_FIRST_TIME", "assignment_id": EXAM, "assignment_type": "timed-assessment"}),
    ("an exam handed in", said(f"{ADL}/verbs/terminated", activity(EXAM, "https://w3id.org/xapi/openedx/activity/practice-assessment")), "assessment_topic", HERE | {"event_type": "SUBMIT_ASSIGNMENT", "assignment_id": EXAM, "assignment_type": "practice-assessment"}),
    ("a link", said("https://w3id.org/xapi/dod-isd/verbs/navigated", activity(f"{LMS}/courses/{KEY}/jump_to/{UNIT}", f"{ADL}/activities/link")), "course_topic", HERE | {"event_type": "ITEM_CLICK", "item_id": UNIT, "item_type": "link"}),
    ("the outline", said("https://w3id.org/xapi/dod-isd/verbs/navigated", activity(f"{LMS}/courses/{KEY}/jump_to/{UNIT}", f"{ADL}/activities/module")), "course_topic", HERE | {"event_type": "ITEM_CLICK", "item_id": UNIT, "item_type": "module"}),
    ("the next unit", said("https://w3id.org/xapi/dod-isd/verbs/navigated", block(UNIT, f"{TIN}/activitytype/resource")), "course_topic", HERE | {"event_type": "ITEM_CLICK", "item_id": UNIT, "item_type": "resource"}),
    ("a block done", said(f"{ADL}/verbs/progressed", block(UNIT, f"{TIN}/activitytype/resource"), result={"completion": True, "extensions": {"https://w3id.org/xapi/cmi5/result/extensions/progress": 100.0}}), "course_topic", HERE | {"event_type": "MATERIAL_PROGRESSED", "material_id": UNIT, "material_type": "resource", "progress": 100.0}),
    ("nobody, by Ralph's name", said(f"{ADL}/verbs/registered", COURSE, actor={"account": {"homePage": LMS, "name": "anonymous"}}), "", "the actor is anonymous"),
]
# fmt: on

# --- Caliper ---------------------------------------------------------------------------------------------------------

OFFERING = {"id": f"{LMS}/course/{KEY}", "type": "CourseOffering"}


def entity(identity: str, kind: str, *, inside: str = f"{LMS}/xblock/", **more: Any) -> Statement:
    """An entity that is part of the course."""
    return {
        "id": f"{inside}{identity}",
        "type": kind,
        "extensions": {"isPartOf": OFFERING, **more.pop("told", {})},
        **more,
    }


def told(event: str, action: str, about: Statement, **more: Any) -> Statement:
    """An event."""
    return {
        "@context": "http://purl.imsglobal.org/ctx/caliper/v1p2",
        "id": "urn:uuid:22223333-0000-4000-8000-0000000000cc",
        "type": event,
        "action": action,
        "actor": {"id": f"{LMS}/user/{USER}", "type": "Person"},
        "object": about,
        "eventTime": "2026-03-02T10:00:00.123Z",
        "session": {"id": f"{LMS}/sessions/{VISIT}", "type": "Session"},
        "extensions": {"transformerVersion": "event-routing-backends@9.0.0"},
        **more,
    }


def place(at: str | None, **extensions: Any) -> Statement:
    """Where in the video."""
    found: Statement = {"id": "_:MediaLocation", "type": "MediaLocation"}
    found |= {"currentTime": at} if at else {}
    return {"target": found | ({"extensions": extensions} if extensions else {})}


CLIP = entity(VIDEO, "VideoObject", duration="PT3M")
PERSON = {"id": f"{LMS}/user/{USER}", "type": "Person"}
TRY = entity(
    f"{PROBLEM}/user/{USER}/attempt/2",
    "Attempt",
    told={"assignable": {"id": f"{LMS}/xblock/{PROBLEM}", "type": "Assessment"}, "assignee": PERSON, "count": 2},
)
MARK = {"score": {"id": "_:score", "type": "Score", "attempts": 2, "scoreGiven": 2, "maxScore": 3}}
CEVENT = {
    "event_id": "urn:uuid:22223333-0000-4000-8000-0000000000cc",
    "user_id": USER,
    "timestamp": "2026-03-02T10:00:00.123000+00:00",
}
CHERE = {**CEVENT, "course_id": KEY}
CNAMED = {**CHERE, "course_name": "Statistics"}
CWATCHED = {**CHERE, "video_id": VIDEO, "session_id": VISIT, "video_length_seconds": 180}
WHOLE = {**OFFERING, "name": "Statistics", "extensions": {"mode": "audit"}}

# fmt: off
CALIPER: list[tuple[str, Statement, str, Statement | str]] = [
    ("enrolled", told("Event", "Activated", WHOLE), "course_topic", CNAMED | {"event_type": "COURSE_ENROLLED"}),
    ("left", told("Event", "Deactivated", WHOLE), "course_topic", CNAMED | {"event_type": "COURSE_DROPPED"}),
    ("passed", told("Event", "Completed", WHOLE), "course_topic", CNAMED | {"event_type": "COURSE_COMPLETED"}),
    ("a video loaded", told("MediaEvent", "Started", CLIP, **place(None)), "video_topic", CWATCHED | {"event_type": "VIDEO_LOADED"}),
    ("played", told("MediaEvent", "Resumed", CLIP, **place("PT12.5S")), "video_topic", CWATCHED | {"event_type": "VIDEO_WATCHED", "position_seconds": 12.5}),
    ("paused", told("MediaEvent", "Paused", CLIP, **place("PT12.5S")), "video_topic", CWATCHED | {"event_type": "VIDEO_PAUSED", "position_seconds": 12.5}),
    ("jumped", told("MediaEvent", "JumpedTo", CLIP, **place("PT1M40.5S", newTime="PT10S")), "video_topic", CWATCHED | {"event_type": "VIDEO_SEEKED", "position_seconds": 100.5, "from_seconds": 100.5, "to_seconds": 10.0}),
    ("stopped", told("MediaEvent", "Ended", CLIP, **place("PT12.5S")), "video_topic", CWATCHED | {"event_type": "VIDEO_ENDED", "position_seconds": 12.5}),
    ("captions shown", told("MediaEvent", "EnabledClosedCaptioning", CLIP, **place("PT12.5S")), "video_topic", CWATCHED | {"event_type": "VIDEO_INTERACTED", "position_seconds": 12.5}),
    ("a problem, as it left the browser", told("AssessmentEvent", "Submitted", entity(PROBLEM, "Assessment")), "assessment_topic", CHERE | {"event_type": "QUIZ_ATTEMPTED", "quiz_id": PROBLEM}),
    ("a problem marked", told("GradeEvent", "Graded", TRY, generated=MARK), "assessment_topic", CHERE | {"event_type": "QUIZ_COMPLETED", "quiz_id": PROBLEM, "correct_answers": 2, "score": 2, "max_score": 3}),
    ("a problem done", told("AssessmentItemEvent", "Completed", entity(PROBLEM, "AssessmentItem")), "assessment_topic", CHERE | {"event_type": "QUESTION_ANSWERED", "question_id": PROBLEM}),
    ("the answer shown", told("Event", "Viewed", entity(f"{PROBLEM}/solution", "Annotation", name="Solution")), "assessment_topic", CHERE | {"event_type": "ANSWER_SHOWN", "quiz_id": PROBLEM}),
    ("a hint shown", told("Event", "Viewed", entity(f"{PROBLEM}/hint/1", "Annotation", name="Hint")), "assessment_topic", CHERE | {"event_type": "HINT_SHOWN", "quiz_id": PROBLEM}),
    ("a link", told("NavigationEvent", "NavigatedTo", entity(UNIT, "Webpage", inside=f"{LMS}/courses/{KEY}/jump_to/")), "course_topic", CHERE | {"event_type": "ITEM_CLICK", "item_id": UNIT, "item_type": "Webpage"}),
    ("the next unit", told("NavigationEvent", "NavigatedTo", entity(UNIT, "DigitalResourceCollection", name="Unit")), "course_topic", CHERE | {"event_type": "ITEM_CLICK", "item_id": UNIT, "item_type": "DigitalResourceCollection"}),
]
# fmt: on
