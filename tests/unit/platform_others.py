"""What H5P, cmi5, SCORM's profile, Blackboard Learn and tools of Caliper 1.0 send, and what becomes of it.

Learnt from their documents: H5P's and ADL's pages on xAPI, the cmi5 specification (quartz), the xAPI SCORM profile, Anthology's pages on
Learn's Caliper events, and the Caliper 1.0 specification. Every statement here is made up.
"""

from __future__ import annotations

from typing import Any

SITE = "https://campus.test"
ADL = "http://adlnet.gov/expapi"
CMI5 = "https://w3id.org/xapi/cmi5"

Statement = dict[str, Any]

EVENT = {
    "event_id": "44445555-0000-4000-8000-0000000000ee",
    "user_id": "ana@campus.test",
    "timestamp": "2026-03-02T10:00:00+00:00",
}


def said(verb: str, about: Statement, *categories: str, **more: Any) -> Statement:
    """A statement of a package, with its categories and the course around it."""
    return {
        "id": EVENT["event_id"],
        "actor": {"objectType": "Agent", "name": "Ana", "mbox": "mailto:ana@campus.test"},
        "verb": {"id": verb if ":" in verb else f"{ADL}/verbs/{verb}"},
        "object": about,
        "context": {
            "contextActivities": {
                "category": [{"id": category, "objectType": "Activity"} for category in categories],
                "grouping": [{"id": f"{SITE}/course/7", "definition": {"type": f"{CMI5}/activitytype/course"}}],
            }
        },
        "timestamp": "2026-03-02T10:00:00Z",
        **more,
    }


def thing(path: str, kind: str | None = None) -> Statement:
    """An activity, with a type or without."""
    return {"id": f"{SITE}{path}", "objectType": "Activity", **({"definition": {"type": kind}} if kind else {})}


H5P = "http://h5p.org/libraries/H5P."
UNIT = f"{CMI5}/context/categories/cmi5"
HERE = {**EVENT, "course_id": f"{SITE}/course/7"}
POINTS = {"result": {"completion": True, "score": {"min": 0, "max": 3, "raw": 2, "scaled": 0.6667}}}
DONE = {"score": 2, "max_score": 3}

# fmt: off
XAPI: list[tuple[str, Statement, str, Statement | str]] = [
    ("H5P: a set of questions done", said("completed", thing("/h5p/12"), f"{H5P}QuestionSet-1.20", **POINTS), "assessment_topic", HERE | DONE | {"event_type": "QUIZ_COMPLETED", "quiz_id": f"{SITE}/h5p/12"}),
    ("H5P: a set of questions, of a type", said("completed", thing("/h5p/12", f"{ADL}/activities/cmi.interaction"), f"{H5P}QuestionSet-1.20", **POINTS), "assessment_topic", HERE | DONE | {"event_type": "QUIZ_COMPLETED", "quiz_id": f"{SITE}/h5p/12"}),
    ("H5P: a question answered", said("answered", thing("/h5p/12?subContentId=a"), f"{H5P}MultiChoice-1.16", **POINTS), "assessment_topic", HERE | DONE | {"event_type": "QUESTION_ANSWERED", "question_id": f"{SITE}/h5p/12?subContentId=a"}),
    ("H5P: an interactive video with questions", said("completed", thing("/h5p/13"), f"{H5P}InteractiveVideo-1.26", **POINTS), "assessment_topic", HERE | DONE | {"event_type": "QUIZ_COMPLETED", "quiz_id": f"{SITE}/h5p/13"}),
    ("H5P: a presentation without", said("completed", thing("/h5p/14"), f"{H5P}CoursePresentation-1.25"), "course_topic", HERE | {"event_type": "MATERIAL_COMPLETED", "material_id": f"{SITE}/h5p/14", "material_type": "tasks"}),
    ("H5P: a presentation opened", said("attempted", thing("/h5p/14"), f"{H5P}CoursePresentation-1.25"), "course_topic", HERE | {"event_type": "ACCESS_COURSE_MATERIAL", "material_id": f"{SITE}/h5p/14", "material_type": "tasks"}),
    ("cmi5: launched", said("launched", thing("/au/1"), UNIT), "course_topic", HERE | {"event_type": "ACCESS_COURSE_MATERIAL", "material_id": f"{SITE}/au/1", "material_type": "unit"}),
    ("cmi5: begun", said("initialized", thing("/au/1"), UNIT), "course_topic", HERE | {"event_type": "MATERIAL_STARTED", "material_id": f"{SITE}/au/1", "material_type": "unit"}),
    ("cmi5: done", said("completed", thing("/au/1"), UNIT), "course_topic", HERE | {"event_type": "MATERIAL_COMPLETED", "material_id": f"{SITE}/au/1", "material_type": "unit"}),
    ("cmi5: passed, with a share", said("passed", thing("/au/1"), UNIT, result={"success": True, "score": {"scaled": 0.8}}), "assessment_topic", HERE | {"event_type": "GRADE_ASSIGNMENT", "role": "student", "student_id": "ana@campus.test", "assignment_id": f"{SITE}/au/1", "score": 80, "max_score": 100}),
    ("cmi5: failed, without a score", said("failed", thing("/au/1"), UNIT, result={"success": False}), "assessment_topic", HERE | {"event_type": "GRADE_ASSIGNMENT", "role": "student", "student_id": "ana@campus.test", "assignment_id": f"{SITE}/au/1"}),
    ("cmi5: left", said("terminated", thing("/au/1"), UNIT), "course_topic", HERE | {"event_type": "MATERIAL_LEFT", "material_id": f"{SITE}/au/1", "material_type": "unit"}),
    ("cmi5: abandoned", said("https://w3id.org/xapi/adl/verbs/abandoned", thing("/au/1"), UNIT), "course_topic", HERE | {"event_type": "MATERIAL_LEFT", "material_id": f"{SITE}/au/1", "material_type": "unit"}),
    ("cmi5: waived", said("https://w3id.org/xapi/adl/verbs/waived", thing("/au/1"), UNIT), "course_topic", HERE | {"event_type": "MATERIAL_COMPLETED", "material_id": f"{SITE}/au/1", "material_type": "unit"}),
    ("cmi5: a course satisfied", said("https://w3id.org/xapi/adl/verbs/satisfied", thing("/course/7", f"{CMI5}/activitytype/course"), UNIT), "course_topic", HERE | {"event_type": "COURSE_COMPLETED"}),
    ("SCORM: a package begun", said("attempted", thing("/scorm/5", f"{ADL}/activities/course")), "course_topic", EVENT | {"event_type": "COURSE_VIEW", "course_id": f"{SITE}/scorm/5"}),
    ("SCORM: a lesson suspended", said("suspended", thing("/scorm/5/a", f"{ADL}/activities/lesson")), "course_topic", HERE | {"event_type": "MATERIAL_LEFT", "material_id": f"{SITE}/scorm/5/a", "material_type": "lesson"}),
    ("SCORM: a lesson gone on with", said("resumed", thing("/scorm/5/a", f"{ADL}/activities/lesson")), "course_topic", HERE | {"event_type": "MATERIAL_STARTED", "material_id": f"{SITE}/scorm/5/a", "material_type": "lesson"}),
    ("SCORM: an objective", said("passed", thing("/scorm/5/a/o1", f"{ADL}/activities/objective")), "", "objectives within a unit have no topic"),
    ("SCORM: a remark", said("commented", thing("/scorm/5/a", f"{ADL}/activities/lesson"), result={"response": "nice"}), "", "remarks, searches, tours, imports and settings have no topic"),
    ("an object of no type and no category", said("completed", thing("/thing/1")), "", f"no rule for verb {ADL}/verbs/completed, kind none"),
    ("H5P of 2015: done, of no type and no category", said("completed", thing("/h5p/9"), **POINTS), "assessment_topic", HERE | DONE | {"event_type": "QUIZ_COMPLETED", "quiz_id": f"{SITE}/h5p/9"}),
    ("a course in the category alone", {**said("viewed".replace("viewed", "http://id.tincanapi.com/verb/viewed"), thing("/page/1", "https://w3id.org/xapi/acrossx/activities/page")), "context": {"contextActivities": {"category": {"id": f"{SITE}/course/8", "definition": {"type": f"{ADL}/activities/course"}}}}}, "course_topic", EVENT | {"course_id": f"{SITE}/course/8", "event_type": "ACCESS_COURSE_MATERIAL", "material_id": f"{SITE}/page/1", "material_type": "page"}),
]
# fmt: on

# --- Caliper ---------------------------------------------------------------------------------------------------------

LEARN = "https://caliper-mapping.test/v1/sites/s1"
SECTION = {"id": f"{LEARN}/courses/c1", "type": "CourseSection", "courseNumber": "STAT1"}
IMS = "http://purl.imsglobal.org"


def learn(event: str, action: str, about: Statement, **more: Any) -> Statement:
    """An event of Blackboard Learn."""
    return {
        "@context": f"{IMS}/ctx/caliper/v1p1",
        "type": event,
        "id": "44445555-0000-4000-8000-0000000000ff",
        "actor": {"id": f"{LEARN}/users/u1", "type": "Person", "extensions": {"bb:user.id": "_21_1"}},
        "action": action,
        "object": about,
        "eventTime": "2026-03-02T10:00:00.000Z",
        "edApp": {"id": f"{LEARN}/applications/learn", "type": "SoftwareApplication"},
        "group": SECTION,
        **more,
    }


def old(event: str, action: str, about: Statement, **more: Any) -> Statement:
    """An event of Caliper 1.0: JSON-LD's names of id and type, and IRIs for terms."""
    return {
        "@context": f"{IMS}/ctx/caliper/v1/Context",
        "@type": f"{IMS}/caliper/v1/{event}",
        "actor": {"@id": f"{SITE}/users/21", "@type": f"{IMS}/caliper/v1/lis/Person"},
        "action": f"{IMS}/vocab/caliper/v1/action#{action}",
        "object": about,
        "eventTime": "2026-03-02T10:00:00.000Z",
        "group": {"@id": f"{SITE}/course/7", "@type": f"{IMS}/caliper/v1/lis/CourseSection"},
        "membership": {
            "@id": f"{SITE}/membership/1",
            "@type": f"{IMS}/caliper/v1/lis/Membership",
            "roles": [f"{IMS}/vocab/lis/v2/membership#Instructor"],
        },
        **more,
    }


TEST = {"id": f"{LEARN}/assessments/t1", "type": "Assessment"}
WORK = {"id": f"{LEARN}/gradableItems/a1", "type": "AssignableDigitalResource"}
GIVEN = {
    "id": f"{LEARN}/attempts/9",
    "type": "Attempt",
    "assignable": WORK,
    "assignee": {"id": f"{LEARN}/users/u1", "type": "Person"},
}
BB = "http://caliper.blackboard.com/caliper/v1"
COLUMN = {
    "id": f"{LEARN}/gradableItems/_7_1/calculatedGrade/3",
    "type": f"{BB}/CalculatedGrade",
    "itemId": "_7_1",
    "isCourseGrade": False,
    "score": 87.5,
    "scorePossible": 100,
    "course": {"id": f"{LEARN}/courses/c1", "type": "CourseSection"},
}
LEVENT = {
    "event_id": "44445555-0000-4000-8000-0000000000ff",
    "user_id": f"{LEARN}/users/u1",
    "timestamp": "2026-03-02T10:00:00+00:00",
    "course_id": f"{LEARN}/courses/c1",
}
OEVENT = {
    "user_id": f"{SITE}/users/21",
    "role": "teacher",
    "timestamp": "2026-03-02T10:00:00+00:00",
    "course_id": f"{SITE}/course/7",
}

# fmt: off
CALIPER: list[tuple[str, Statement, str, Statement | str]] = [
    ("Blackboard: a test begun", learn("AssessmentEvent", "Started", TEST), "assessment_topic", LEVENT | {"event_type": "QUIZ_STARTED", "quiz_id": TEST["id"]}),
    ("Blackboard: a test done", learn("AssessmentEvent", "Completed", TEST), "assessment_topic", LEVENT | {"event_type": "QUIZ_COMPLETED", "quiz_id": TEST["id"]}),
    ("Blackboard: a question of it", learn("AssessmentItemEvent", "Submitted", {"id": f"{LEARN}/questions/q1", "type": "AssessmentItem", "isPartOf": TEST}), "assessment_topic", LEVENT | {"event_type": "QUESTION_ANSWERED", "quiz_id": TEST["id"], "question_id": f"{LEARN}/questions/q1"}),
    ("Blackboard: an assignment handed in", learn("AssignableEvent", "Submitted", WORK), "assessment_topic", LEVENT | {"event_type": "SUBMIT_ASSIGNMENT", "assignment_id": WORK["id"]}),
    ("Blackboard: graded at night by the program", learn("GradeEvent", "Graded", GIVEN, actor={"id": f"{LEARN}/applications/learn", "type": "SoftwareApplication"}, generated={"type": "Result", "normalScore": 8.5, "maxScore": 10}), "assessment_topic", LEVENT | {"event_type": "GRADE_ASSIGNMENT", "role": "student", "student_id": f"{LEARN}/users/u1", "assignment_id": WORK["id"], "score": 8.5, "max_score": 10}),
    ("Blackboard: a running grade", learn(f"{BB}/CalculatedGradeSnapshotEvent", "Graded", {**COLUMN, "user": {"id": f"{LEARN}/users/u1", "type": "Person"}}, actor={"id": f"{LEARN}/applications/learn", "type": "SoftwareApplication"}), "assessment_topic", LEVENT | {"event_type": "GRADE_CALCULATED", "assignment_id": f"{LEARN}/gradableItems/_7_1", "score": 87.5, "max_score": 100}),
    ("Blackboard: a running grade of nobody", learn(f"{BB}/CalculatedGradeSnapshotEvent", "Graded", COLUMN), "", "it doesn't say whose grade was calculated"),
    ("Blackboard: its own type", learn(f"{BB}/LTIEvent", "Viewed", {"id": f"{LEARN}/x", "type": f"{BB}/LTI"}), "", "no rule for event LTIEvent, action Viewed, object LTI"),
    ("Caliper 1.0: a video paused", {**old("MediaEvent", "Paused", {"@id": f"{SITE}/video/1", "@type": f"{IMS}/caliper/v1/VideoObject", "duration": 1420}, target={"@id": f"{SITE}/video/1#t=10", "@type": f"{IMS}/caliper/v1/MediaLocation", "currentTime": 10}), "id": "old-1"}, "video_topic", OEVENT | {"event_id": "old-1", "event_type": "VIDEO_PAUSED", "video_id": f"{SITE}/video/1", "video_length_seconds": 1420, "position_seconds": 10.0}),
    ("Caliper 1.0: a quiz handed in", {**old("AssessmentEvent", "Submitted", {"@id": f"{SITE}/quiz/1", "@type": f"{IMS}/caliper/v1/Assessment"}), "id": "old-2"}, "assessment_topic", OEVENT | {"event_id": "old-2", "event_type": "QUIZ_COMPLETED", "quiz_id": f"{SITE}/quiz/1"}),
    ("Caliper 1.0: graded", {**old("OutcomeEvent", "Graded", {"@id": f"{SITE}/quiz/1/attempt/1", "@type": f"{IMS}/caliper/v1/Attempt", "assignable": f"{SITE}/quiz/1", "actor": f"{SITE}/users/33"}, generated={"@type": f"{IMS}/caliper/v1/Result", "totalScore": 15}), "id": "old-3"}, "assessment_topic", OEVENT | {"event_id": "old-3", "event_type": "GRADE_ASSIGNMENT", "assignment_id": f"{SITE}/quiz/1", "student_id": f"{SITE}/users/33", "score": 15}),
]
# fmt: on
