"""What Moodle sends through its plugin logstore_xapi 5.x, and what becomes of it.

Learnt from the plugin's own fixtures at 166636529c083e0c1afb1271011193fa95f789d9 (2026-05-15); every statement here is made up.
"""

from __future__ import annotations

from typing import Any

SITE = "https://moodle.test"
EDLM = "https://xapi.edlm/profiles/edlm-lms/concepts"
TLA = "https://w3id.org/xapi/tla/verbs"
ADL = "http://adlnet.gov/expapi"
AS = "http://activitystrea.ms"
TIN = "http://id.tincanapi.com"
FOR = "https://yetanalytics.com/profiles/prepositions/concepts/context-extensions/for"
ANN = "21"
TUTOR = "3"

Statement = dict[str, Any]


def thing(path: str, kind: str) -> Statement:
    """An activity of the site."""
    return {"objectType": "Activity", "id": f"{SITE}{path}", "definition": {"type": kind, "name": {"en": path}}}


LMS = thing("", f"{TIN}/activitytype/lms")
COURSE = thing("/course/view.php?id=9", "https://w3id.org/xapi/cmi5/activitytype/course")
SECTION = thing("/course/section.php?id=4", f"{TIN}/activitytype/section")
ASSIGN = thing("/mod/assign/view.php?id=31", f"{EDLM}/activity-types/assignment")
HANDED = thing("/mod/assign/view.php?id=31#submission", f"{EDLM}/activity-types/submission")
QUIZ = thing("/mod/quiz/view.php?id=32", f"{ADL}/activities/assessment")
TRY = thing("/mod/quiz/attempt.php?attempt=77&cmid=32", f"{ADL}/activities/attempt")
LESSON = thing("/mod/lesson/view.php?id=33", f"{ADL}/activities/lesson")
SITTING = thing("/mod/lesson/view.php?id=33#lesson", f"{EDLM}/activity-types/lesson-session")
PACKAGE = thing("/mod/scorm/view.php?id=34", f"{ADL}/activities/module")
SCO = thing("/mod/scorm/view.php?id=34#sco", f"{EDLM}/activity-types/scorm-content-object")


def person(number: str) -> Statement:
    """A user, by the number that Moodle gives."""
    return {"name": f"Person {number}", "account": {"homePage": SITE, "name": number}}


def said(verb: str, about: Statement, *parents: Statement, who: str = ANN, **more: Any) -> Statement:
    """A statement, with the course and its section around what it is about; ``by`` is the instructor."""
    extensions = more.pop("extensions", {})
    context: Statement = {
        "platform": "Moodle",
        "language": "en",
        "contextActivities": {"category": [LMS], "parent": list(parents)},
        "extensions": {
            "http://lrs.learninglocker.net/define/extensions/info": {"event_name": "\\made\\up"},
            **extensions,
        },
    }
    if "by" in more:
        context["instructor"] = person(more.pop("by"))
    return {
        "id": "11112222-0000-4000-8000-0000000000aa",
        "actor": person(who),
        "verb": {"id": verb, "display": {"en": "did"}},
        "object": about,
        "context": context,
        "timestamp": "2026-03-02T10:00:00+00:00",
        **more,
    }


def score(raw: float, most: float) -> Statement:
    """A result with points."""
    return {"score": {"raw": raw, "min": 0, "max": most, "scaled": raw / most}, "success": True}


EVENT = {
    "event_id": "11112222-0000-4000-8000-0000000000aa",
    "user_id": ANN,
    "timestamp": "2026-03-02T10:00:00+00:00",
}
HERE = {**EVENT, "course_id": COURSE["id"]}
NAMED = {**HERE, "course_name": "/course/view.php?id=9"}
MATERIAL = {**HERE, "section_id": SECTION["id"]}
IN_COURSE = (SECTION, COURSE)
NO_TALK = "messages, meetings, surveys, badges and remarks have no topic"
NO_TOOLS = "calendars, groups, notes, profiles, reports and other tools of a campus have no topic"
NO_MAKING = "that material is made, changed or removed, or no longer done, has no topic"

# fmt: off
CASES: list[tuple[str, Statement, str, Statement | str]] = [
    # title, statement, topic ("" for none), the event without its category, or the reason
    ("login", said(f"{EDLM}/verbs/login", LMS), "auth_topic", EVENT | {"event_type": "LOGIN"}),
    ("logout", said(f"{EDLM}/verbs/logout", LMS), "auth_topic", EVENT | {"event_type": "LOGOUT"}),
    ("an account made", said(f"{ADL}/verbs/registered", LMS), "auth_topic", EVENT | {"event_type": "SIGNUP", "registration_source": "Moodle"}),
    ("enrolled by a teacher", said(f"{EDLM}/verbs/enrolled", COURSE, by=TUTOR), "course_topic", NAMED | {"event_type": "COURSE_ENROLLED"}),
    ("unenrolled", said(f"{AS}/leave", COURSE, by=TUTOR), "course_topic", NAMED | {"event_type": "COURSE_DROPPED"}),
    ("suspended from a course", said(f"{TLA}/suspended", COURSE, by=TUTOR), "course_topic", NAMED | {"event_type": "COURSE_DROPPED"}),
    ("let in again", said(f"{TLA}/resumed", COURSE, by=TUTOR), "course_topic", NAMED | {"event_type": "COURSE_ENROLLED"}),
    ("a course looked at", said(f"{TIN}/verb/viewed", COURSE), "course_topic", NAMED | {"event_type": "COURSE_VIEW"}),
    ("a course made", said(f"{AS}/create", COURSE, who=TUTOR), "course_topic", NAMED | {"event_type": "COURSE_CREATED", "user_id": TUTOR}),
    ("a course done", said(f"{ADL}/verbs/completed", COURSE), "course_topic", NAMED | {"event_type": "COURSE_COMPLETED"}),
    ("an assignment looked at", said(f"{TIN}/verb/viewed", ASSIGN, *IN_COURSE), "assessment_topic", HERE | {"event_type": "VIEW_ASSIGNMENT_FIRST_TIME", "assignment_id": ASSIGN["id"]}),
    ("handed in", said(f"{AS}/schema/1.0/submit", HANDED, ASSIGN, *IN_COURSE), "assessment_topic", HERE | {"event_type": "SUBMIT_ASSIGNMENT", "assignment_id": ASSIGN["id"]}),
    ("a hand-in looked at by a teacher", said(f"{TIN}/verb/viewed", HANDED, ASSIGN, *IN_COURSE, who=TUTOR, extensions={FOR: person(ANN)}), "assessment_topic", HERE | {"event_type": "VIEW_STUDENT_WORK", "user_id": TUTOR, "role": "teacher", "assignment_id": ASSIGN["id"], "student_id": ANN}),
    ("graded", said(f"{TLA}/scored", HANDED, ASSIGN, *IN_COURSE, by=TUTOR, result=score(14, 20) | {"response": "Good"}), "assessment_topic", HERE | {"event_type": "GRADE_ASSIGNMENT", "user_id": TUTOR, "role": "teacher", "student_id": ANN, "assignment_id": ASSIGN["id"], "score": 14, "max_score": 20, "feedback": "Good"}),
    ("graded, by nobody", said(f"{TLA}/scored", HANDED, ASSIGN, *IN_COURSE, result=score(14, 20)), "assessment_topic", HERE | {"event_type": "GRADE_ASSIGNMENT", "role": "student", "student_id": ANN, "assignment_id": ASSIGN["id"], "score": 14, "max_score": 20}),
    ("a grade taken back is -1", said(f"{TLA}/scored", HANDED, ASSIGN, *IN_COURSE, by=TUTOR, result={"score": {"raw": -1, "min": 0, "max": 20}}), "assessment_topic", HERE | {"event_type": "GRADE_ASSIGNMENT", "user_id": TUTOR, "role": "teacher", "student_id": ANN, "assignment_id": ASSIGN["id"]}),
    ("the feedback looked at", said(f"{TIN}/verb/viewed", thing("/mod/assign/view.php?id=31#feedback", f"{EDLM}/activity-types/feedback"), ASSIGN, *IN_COURSE, by=TUTOR), "assessment_topic", HERE | {"event_type": "FEEDBACK_VIEWED", "assignment_id": ASSIGN["id"]}),
    ("a hand-in opened again", said(f"{EDLM}/verbs/unlocked", HANDED, ASSIGN, *IN_COURSE, who=TUTOR, extensions={FOR: person(ANN)}), "assessment_topic", HERE | {"event_type": "ASSIGNMENT_REOPENED", "user_id": TUTOR, "role": "teacher", "assignment_id": ASSIGN["id"], "student_id": ANN}),
    ("a hand-in locked", said(f"{EDLM}/verbs/locked", HANDED, ASSIGN, *IN_COURSE, who=TUTOR), "", NO_MAKING),
    ("a quiz looked at", said(f"{TIN}/verb/viewed", QUIZ, *IN_COURSE), "course_topic", MATERIAL | {"event_type": "ACCESS_COURSE_MATERIAL", "material_id": QUIZ["id"], "material_type": "quiz"}),
    ("a quiz begun", said(f"{AS}/schema/1.0/start", TRY, QUIZ, *IN_COURSE), "assessment_topic", HERE | {"event_type": "QUIZ_STARTED", "quiz_id": QUIZ["id"]}),
    ("a page of it", said(f"{TIN}/verb/viewed", TRY, QUIZ, *IN_COURSE), "assessment_topic", HERE | {"event_type": "QUIZ_VIEWED", "quiz_id": QUIZ["id"]}),
    ("a quiz done", said(f"{ADL}/verbs/completed", TRY, QUIZ, *IN_COURSE, result=score(7, 10) | {"completion": True, "duration": "PT9M"}), "assessment_topic", HERE | {"event_type": "QUIZ_COMPLETED", "quiz_id": QUIZ["id"], "score": 7, "max_score": 10}),
    ("a quiz past its time", said(f"{EDLM}/verbs/exceeded", TRY, QUIZ, *IN_COURSE), "assessment_topic", HERE | {"event_type": "QUIZ_OVERDUE", "quiz_id": QUIZ["id"]}),
    ("a question of it", said(f"{ADL}/verbs/answered", thing("/question/question.php?cmid=32&id=5", f"{ADL}/activities/cmi.interaction"), TRY, QUIZ, *IN_COURSE, result={"completion": True, "success": True}), "assessment_topic", HERE | {"event_type": "QUESTION_ANSWERED", "quiz_id": QUIZ["id"], "question_id": f"{SITE}/question/question.php?cmid=32&id=5"}),
    ("a question graded by hand", said(f"{TLA}/scored", thing("/review.php?attempt=77&slot=1", f"{AS}/schema/1.0/review#slot"), TRY, QUIZ, *IN_COURSE, by=TUTOR, result=score(1, 2)), "assessment_topic", HERE | {"event_type": "QUESTION_GRADED", "user_id": TUTOR, "role": "teacher", "student_id": ANN, "quiz_id": QUIZ["id"], "question_id": f"{SITE}/review.php?attempt=77&slot=1", "score": 1, "max_score": 2}),
    ("a lesson begun", said(f"{AS}/start", SITTING, LESSON, *IN_COURSE), "course_topic", MATERIAL | {"event_type": "MATERIAL_STARTED", "material_id": SITTING["id"], "material_type": "sitting"}),
    ("a lesson done", said(f"{ADL}/verbs/completed", SITTING, LESSON, *IN_COURSE, result=score(75, 100)), "assessment_topic", HERE | {"event_type": "QUIZ_COMPLETED", "quiz_id": LESSON["id"], "score": 75, "max_score": 100}),
    ("a question of a lesson", said(f"{ADL}/verbs/answered", thing("/mod/lesson/view.php?id=33&pageid=2", f"{ADL}/activities/cmi.interaction"), LESSON, *IN_COURSE, result={"success": False}), "assessment_topic", HERE | {"event_type": "QUESTION_ANSWERED", "quiz_id": LESSON["id"], "question_id": f"{SITE}/mod/lesson/view.php?id=33&pageid=2"}),
    ("an essay of a lesson graded", said("https://w3id.org/xapi/dod-isd/verbs/assessed", thing("/mod/lesson/view.php?id=33&pageid=4", f"{ADL}/activities/cmi.interaction"), LESSON, *IN_COURSE, who=TUTOR, extensions={FOR: person(ANN)}, result=score(1, 1)), "assessment_topic", HERE | {"event_type": "QUESTION_GRADED", "user_id": TUTOR, "role": "teacher", "student_id": ANN, "quiz_id": LESSON["id"], "question_id": f"{SITE}/mod/lesson/view.php?id=33&pageid=4", "score": 1, "max_score": 1}),
    ("a SCORM package launched", said(f"{ADL}/verbs/launched", SCO, PACKAGE, *IN_COURSE), "course_topic", MATERIAL | {"event_type": "ACCESS_COURSE_MATERIAL", "material_id": SCO["id"], "material_type": "scorm"}),
    ("a page", said(f"{TIN}/verb/viewed", thing("/mod/page/view.php?id=35", "https://w3id.org/xapi/acrossx/activities/page"), *IN_COURSE), "course_topic", MATERIAL | {"event_type": "ACCESS_COURSE_MATERIAL", "material_id": f"{SITE}/mod/page/view.php?id=35", "material_type": "page"}),
    ("a workshop", said(f"{TIN}/verb/viewed", thing("/mod/workshop/view.php?id=36", f"{EDLM}/activity-types/workshop"), *IN_COURSE), "course_topic", MATERIAL | {"event_type": "ACCESS_COURSE_MATERIAL", "material_id": f"{SITE}/mod/workshop/view.php?id=36", "material_type": "workshop"}),
    ("a book done", said(f"{ADL}/verbs/completed", thing("/mod/book/view.php?id=37", f"{TIN}/activitytype/book"), *IN_COURSE, result={"completion": True, "success": True}), "course_topic", MATERIAL | {"event_type": "MATERIAL_COMPLETED", "material_id": f"{SITE}/mod/book/view.php?id=37", "material_type": "book"}),
    # what has no topic
    ("a book no longer done", said(f"{EDLM}/verbs/uncompleted", thing("/mod/book/view.php?id=37", f"{TIN}/activitytype/book"), *IN_COURSE), "", NO_MAKING),
    ("a section made", said(f"{AS}/create", SECTION, COURSE, who=TUTOR), "", NO_MAKING),
    ("a course changed", said("https://w3id.org/xapi/acrossx/verbs/edited", COURSE, who=TUTOR), "", NO_MAKING),
    ("a group joined", said(f"{AS}/join", thing("/group/index.php?id=2", f"{EDLM}/activity-types/group"), COURSE, by=TUTOR), "", NO_TOOLS),
    ("a calendar entry", said(f"{AS}/create", thing("/calendar/view.php?id=2", f"{EDLM}/activity-types/calendar-event"), COURSE), "", NO_TOOLS),
    ("another's profile", said(f"{TIN}/verb/viewed", thing("/mod/forum/user.php?id=2", f"{TIN}/activitytype/user-profile")), "", NO_TOOLS),
    ("a badge", said(f"{TLA}/achieved", thing("/badges/overview.php?id=1", f"{EDLM}/activity-types/badge"), COURSE), "", NO_TALK),
    ("a survey handed in", said(f"{AS}/schema/1.0/submit", thing("/mod/feedback/view.php?id=38", f"{EDLM}/activity-types/feedback"), *IN_COURSE), "", NO_TALK),
    ("an answer to a survey", said(f"{ADL}/verbs/answered", thing("/mod/feedback/edit_item.php?id=1", f"{ADL}/activities/cmi.interaction"), *IN_COURSE), "", NO_TALK),
    ("a choice made", said(f"{ADL}/verbs/answered", thing("/mod/choice/view.php?id=39", f"{ADL}/activities/cmi.interaction"), *IN_COURSE), "", NO_TALK),
    ("a meeting joined", said(f"{AS}/schema/1.0/join", thing("/mod/bigbluebuttonbn/view.php?id=40", f"{ADL}/activities/meeting"), *IN_COURSE), "", NO_TALK),
    ("a search", said("https://w3id.org/xapi/acrossx/verbs/searched", thing("/search/index.php", "https://w3id.org/xapi/acrossx/activities/webpage")), "", "remarks, searches, tours, imports and settings have no topic"),
    ("an answer without a name", said(f"{AS}/schema/1.0/submit", ASSIGN, *IN_COURSE, who="anonymous"), "", "the actor is anonymous"),
]
# fmt: on
