"""What Canvas's live events say in Caliper's form, and what becomes of it.

Learnt from the examples in Canvas's own documents (instructure/canvas-lms, doc/api/data_services/json, the file of each event at
05e9653c12ef7afc65815ca84e5da7aa2e4c3bd3, 86964813cae5b96676d3dc4d9d4357a1976982f2, 4a6f2d4e48b8dc6a1dc3ce16c0d33b582a540e65 and
their neighbours); every event here is made up.
"""

from __future__ import annotations

from typing import Any

OWN = "com.instructure.canvas"
SHARD = "2107000000000"
URN = f"urn:instructure:canvas:{{}}:{SHARD}{{:04d}}"

Event = dict[str, Any]


def urn(kind: str, number: int) -> str:
    """An id as Canvas's Caliper writes it: the number of the database, zeros, the object's own number."""
    return URN.format(kind, number)


def person(number: int) -> Event:
    """A user."""
    return {"id": urn("user", number), "type": "Person"}


def thing(kind: str, number: int, of_type: str = "Entity", **own: Any) -> Event:
    """An entity with Canvas's extensions."""
    more = own.pop("more", {})
    return {"id": urn(kind, number), "type": of_type, "extensions": {OWN: own}, **more}


GROUP = {"id": urn("course", 900), "type": "CourseOffering"}


def sent(event: str, action: str, about: Event, *, by: int = 21, role: str | None = "Learner", **more: Any) -> Event:
    """An event in the course."""
    told: Event = {
        "@context": "http://purl.imsglobal.org/ctx/caliper/v1p1",
        "id": "urn:uuid:33334444-0000-4000-8000-0000000000dd",
        "type": event,
        "action": action,
        "actor": person(by),
        "object": about,
        "eventTime": "2026-03-02T10:00:00.000Z",
        "group": GROUP,
        "session": {"id": "urn:instructure:canvas:session:ef68", "type": "Session"},
    }
    if role:
        told["membership"] = {"type": "Membership", "member": person(by), "organization": GROUP, "roles": [role]}
    return told | more


def enrolment(kind: str, state: str, action: str = "Created") -> Event:
    """Someone's enrolment, by someone else."""
    about = thing(
        "enrollment", 5, type=kind, user_id=urn("user", 21), course_id=urn("course", 900), workflow_state=state
    )
    section = {"id": f"{urn('course', 900)}:section:{SHARD}0011", "type": "CourseSection"}
    return sent("Event", action, about, by=1, role="Instructor", group=section)


def graded(by: Event, **given: Any) -> Event:
    """A grade of assignment 31, by a teacher, the student or a program."""
    attempt = {
        "id": urn("submission", 77),
        "type": "Attempt",
        "assignee": person(21),
        "assignable": {"id": urn("assignment", 31), "type": "AssignableDigitalResource"},
    }
    score = {"id": urn("submission", 77), "type": "Score", "attempt": attempt, **given}
    return sent("GradeEvent", "Graded", attempt, role=None, actor=by, generated=score)


PROGRAM = {"id": "http://canvas.test/", "type": "SoftwareApplication"}
EVENT = {
    "event_id": "urn:uuid:33334444-0000-4000-8000-0000000000dd",
    "user_id": "21",
    "timestamp": "2026-03-02T10:00:00+00:00",
}
HERE = {**EVENT, "role": "student", "course_id": "900"}
GRADE = {**EVENT, "course_id": "900", "event_type": "GRADE_ASSIGNMENT", "student_id": "21", "assignment_id": "31"}

# fmt: off
CASES: list[tuple[str, Event, str, Event | str]] = [
    # title, event, topic ("" for none), learnfold's event without its category, or the reason
    ("login", sent("SessionEvent", "LoggedIn", PROGRAM, role=None, group=None), "auth_topic", EVENT | {"event_type": "LOGIN", "session_id": "ef68"}),
    ("logout", sent("SessionEvent", "LoggedOut", PROGRAM, role=None, group=None), "auth_topic", EVENT | {"event_type": "LOGOUT", "session_id": "ef68"}),
    ("a student enrolled", enrolment("StudentEnrollment", "active"), "course_topic", HERE | {"event_type": "COURSE_ENROLLED"}),
    ("a teacher enrolled", enrolment("TeacherEnrollment", "active"), "course_topic", HERE | {"event_type": "COURSE_ENROLLED", "role": "teacher"}),
    ("an assistant enrolled", enrolment("TaEnrollment", "active"), "course_topic", HERE | {"event_type": "COURSE_ENROLLED", "role": "teacher"}),
    ("a designer enrolled", enrolment("DesignerEnrollment", "active"), "course_topic", HERE | {"event_type": "COURSE_ENROLLED", "role": "teacher"}),
    ("an observer enrolled", enrolment("ObserverEnrollment", "active"), "", "observers and test students take no part in a course"),
    ("the test student enrolled", enrolment("StudentViewEnrollment", "active"), "", "observers and test students take no part in a course"),
    ("invited", enrolment("StudentEnrollment", "invited"), "", "who is invited to a course isn't enrolled yet"),
    ("the invitation accepted", enrolment("StudentEnrollment", "active", "Modified"), "course_topic", HERE | {"event_type": "COURSE_ENROLLED"}),
    ("taken out of the course", enrolment("StudentEnrollment", "deleted", "Modified"), "course_topic", HERE | {"event_type": "COURSE_DROPPED"}),
    ("shut out of it", enrolment("StudentEnrollment", "inactive", "Modified"), "course_topic", HERE | {"event_type": "COURSE_DROPPED"}),
    ("the course is over", enrolment("StudentEnrollment", "completed", "Modified"), "course_topic", HERE | {"event_type": "COURSE_COMPLETED"}),
    ("enrolled by an import", enrolment("StudentEnrollment", "active") | {"actor": PROGRAM}, "course_topic", HERE | {"event_type": "COURSE_ENROLLED"}),
    ("the state of an enrolment, of nobody", sent("Event", "Modified", thing("enrollment", 5, state="deleted"), by=1), "", "that material, people or groups are made, changed or removed has no topic"),
    ("a course's home", sent("NavigationEvent", "NavigatedTo", thing("course", 900, asset_type="course", asset_subtype="home")), "course_topic", HERE | {"event_type": "COURSE_VIEW"}),
    ("an assignment", sent("NavigationEvent", "NavigatedTo", thing("assignment", 31, "AssignableDigitalResource", asset_type="assignment")), "assessment_topic", HERE | {"event_type": "VIEW_ASSIGNMENT_FIRST_TIME", "assignment_id": "31"}),
    ("a page", sent("NavigationEvent", "NavigatedTo", thing("wikiPage", 41, asset_type="wiki_page")), "course_topic", HERE | {"event_type": "ITEM_CLICK", "item_id": "41", "item_type": "wiki_page"}),
    ("a file", sent("NavigationEvent", "NavigatedTo", thing("attachment", 42, asset_type="attachment")), "course_topic", HERE | {"event_type": "ITEM_CLICK", "item_id": "42", "item_type": "attachment"}),
    ("a file downloaded", sent("NavigationEvent", "NavigatedTo", thing("attachment", 42, asset_type="attachment"), extensions={OWN: {"request_url": "https://canvas.test/courses/900/files/42?download=1"}}), "course_topic", HERE | {"event_type": "DOWNLOAD_MATERIAL", "resource_id": "42", "material_type": "attachment"}),
    ("a file, asked for by a program", sent("NavigationEvent", "NavigatedTo", thing("attachment", 42, asset_type="attachment"), actor=PROGRAM, role=None), "", "the actor is a program, and no person"),
    ("a calendar's feed", sent("NavigationEvent", "NavigatedTo", thing("user", 21, asset_type="user", asset_subtype="calendar_feed"), actor=PROGRAM, role=None), "", "the actor is a program, and no person"),
    ("people", sent("NavigationEvent", "NavigatedTo", thing("enrollment", 5, asset_type="enrollment")), "", "people, groups and settings are no course material"),
    ("handed in", sent("AssignableEvent", "Submitted", thing("submission", 77, "Attempt", submission_type="online_upload", more={"assignee": person(21), "assignable": {"id": urn("assignment", 31), "type": "AssignableDigitalResource"}}), role=None, group=None), "assessment_topic", EVENT | {"event_type": "SUBMIT_ASSIGNMENT", "assignment_id": "31", "assignment_type": "online_upload"}),
    ("a quiz handed in", sent("AssessmentEvent", "Submitted", thing("submission", 78, "Attempt", more={"assignee": person(21), "assignable": {"id": urn("quiz", 51), "type": "Assessment"}})), "assessment_topic", HERE | {"event_type": "QUIZ_COMPLETED", "quiz_id": "51"}),
    ("graded by a teacher", graded(person(1), maxScore=20, scoreGiven=14), "assessment_topic", GRADE | {"user_id": "1", "role": "teacher", "score": 14, "max_score": 20}),
    ("a quiz that grades itself", graded(person(21), maxScore=10, scoreGiven=7), "assessment_topic", GRADE | {"role": "student", "score": 7, "max_score": 10}),
    ("graded by a program", graded(PROGRAM, maxScore=10, scoreGiven=7), "assessment_topic", GRADE | {"role": "student", "score": 7, "max_score": 10}),
    ("graded out of no points", graded(person(1), maxScore=0, scoreGiven=0), "assessment_topic", GRADE | {"user_id": "1", "role": "teacher", "score": 0}),
    ("graded, nobody's", sent("GradeEvent", "Graded", {"id": urn("submission", 77), "type": "Attempt"}, actor=PROGRAM, role=None), "", "it doesn't say whose work was graded"),
    ("an assignment changed", sent("AssignableEvent", "Modified", thing("assignment", 31, "AssignableDigitalResource"), by=1, role="Instructor"), "assessment_topic", HERE | {"event_type": "EDIT_ASSIGNMENT", "user_id": "1", "role": "teacher", "assignment_id": "31"}),
    ("an assignment made", sent("AssignableEvent", "Created", thing("assignment", 31, "AssignableDigitalResource", more={"dateToSubmit": "2026-03-09T22:59:59.000Z"}), by=1, role="Instructor"), "assessment_topic", HERE | {"event_type": "ASSIGNMENT_CREATED", "user_id": "1", "role": "teacher", "assignment_id": "31", "due_date": "2026-03-09T22:59:59+00:00"}),
    ("a page made", sent("Event", "Created", thing("wikiPage", 41, "Page"), by=1, role="Instructor"), "", "that material, people or groups are made, changed or removed has no topic"),
]
# fmt: on
