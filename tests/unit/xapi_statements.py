"""Statements in the shapes that Open edX, Moodle and players of the xAPI video profile document, and what they become."""

from __future__ import annotations

from typing import Any

ADL = "http://adlnet.gov/expapi"
VIDEO = "https://w3id.org/xapi/video"
EDX = "https://courses.example.org"
COURSE = "course-v1:Uni+Bio101+2025"
MOODLE = "https://moodle.example.org"
INFO = "http://lrs.learninglocker.net/define/extensions/info"
FOR = "https://yetanalytics.com/profiles/prepositions/concepts/context-extensions/for"
EDLM = "https://xapi.edlm/profiles/edlm-lms/concepts/activity-types"
PROGRESS = "https://w3id.org/xapi/cmi5/result/extensions/progress"

Statement = dict[str, Any]


def activity(identity: str, kind: str | None, name: str | None = None) -> Statement:
    """An activity, with a type and a name or without."""
    definition = {key: value for key, value in {"type": kind, "name": {"en": name} if name else None}.items() if value}
    return {"objectType": "Activity", "id": identity, **({"definition": definition} if definition else {})}


def edx(verb: str, thing: Statement, **more: Any) -> Statement:
    """As event-routing-backends sends it today."""
    context = {
        "contextActivities": {"parent": [activity(f"{EDX}/course/{COURSE}", f"{ADL}/activities/course", "Biology")]},
        "extensions": {"https://w3id.org/xapi/openedx/extensions/session-id": "edx-session"},
    }
    return {
        "id": "6d1f0000-0000-4000-8000-000000000001",
        "version": "1.0.3",
        "actor": {"objectType": "Agent", "account": {"homePage": EDX, "name": "32e08e30-uuid"}},
        "verb": {"id": verb, "display": {"en": verb.rsplit("/", 1)[-1]}},
        "object": thing,
        "timestamp": "2025-12-10T06:56:09.649080+00:00",
        "context": context,
    } | more


def edx_block(kind: str, of_type: str) -> Statement:
    """A block of an Open edX course."""
    return activity(f"{EDX}/xblock/block-v1:Uni+Bio101+2025+type@{kind}+block@0b9e", of_type)


def moodle(verb: str, thing: Statement, *, event: str = "", context: Statement | None = None, **more: Any) -> Statement:
    """As logstore_xapi sends it; a learning record store adds the id."""
    return {
        "id": "aaaa0000-0000-4000-8000-000000000002",
        "actor": {"name": "An Nguyen", "account": {"homePage": MOODLE, "name": "17"}},
        "verb": {"id": verb, "display": {"en": "did"}},
        "object": thing,
        "timestamp": "2025-06-10T15:31:41+01:00",
        "context": {
            "platform": "Moodle",
            "language": "en",
            "extensions": {INFO: {"http://moodle.org": "4.5", "event_name": event}},
            "contextActivities": {
                "grouping": [
                    activity(MOODLE, "http://id.tincanapi.com/activitytype/lms", "Campus"),
                    activity(
                        f"{MOODLE}/course/view.php?id=5", "http://id.tincanapi.com/activitytype/lms/course", "Algebra"
                    ),
                ],
                "category": [activity("http://moodle.org", "http://id.tincanapi.com/activitytype/source", "Moodle")],
            },
        }
        | (context or {}),
    } | more


def player(verb: str, extensions: Statement | None = None, **more: Any) -> Statement:
    """As a player that follows the video profile sends it."""
    return {
        "id": "bbbb0000-0000-4000-8000-000000000003",
        "actor": {"objectType": "Agent", "mbox": "mailto:binh@example.edu"},
        "verb": {"id": verb},
        "object": activity("https://videos.example.edu/cells.mp4", f"{VIDEO}/activity-type/video", "Cells"),
        "result": {"extensions": {f"{VIDEO}/extensions/{key}": value for key, value in (extensions or {}).items()}},
        "context": {
            "contextActivities": {"category": [{"id": "https://w3id.org/xapi/video"}]},
            "extensions": {f"{VIDEO}/extensions/session-id": "visit-1", f"{VIDEO}/extensions/length": 195.0},
        },
        "timestamp": "2025-12-10T08:00:00Z",
    } | more


EDX_EVENT = {
    "event_id": "6d1f0000-0000-4000-8000-000000000001",
    "user_id": "32e08e30-uuid",
    "timestamp": "2025-12-10T06:56:09.649080+00:00",
}
MOODLE_EVENT = {
    "event_id": "aaaa0000-0000-4000-8000-000000000002",
    "user_id": "17",
    "timestamp": "2025-06-10T15:31:41+01:00",
}
PLAYER_EVENT = {
    "event_id": "bbbb0000-0000-4000-8000-000000000003",
    "user_id": "binh@example.edu",
    "timestamp": "2025-12-10T08:00:00+00:00",
}
BLOCK = "block-v1:Uni+Bio101+2025+type@{}+block@0b9e"
EDX_VIDEO = {**EDX_EVENT, "video_id": BLOCK.format("video"), "course_id": COURSE, "session_id": "edx-session"}
PLAYED = {
    **PLAYER_EVENT,
    "video_id": "https://videos.example.edu/cells.mp4",
    "session_id": "visit-1",
    "video_length_seconds": 195,
}
ALGEBRA = {**MOODLE_EVENT, "course_id": f"{MOODLE}/course/view.php?id=5"}
BIOLOGY = {**EDX_EVENT, "course_id": COURSE}
QUIZ = f"{MOODLE}/mod/quiz/view.php?id=3"
ASSIGN = f"{MOODLE}/mod/assign/view.php?id=4"
ASSESSMENT = f"{ADL}/activities/assessment"
TEACHER = {"instructor": {"account": {"homePage": MOODLE, "name": "2"}, "name": "A Teacher"}}
SCORE = {"score": {"raw": 7.5, "min": 0, "max": 10, "scaled": 0.75}}
PROBLEM = edx_block("problem", f"{ADL}/activities/cmi.interaction")
SEQUENCE = edx_block("sequential", "http://id.tincanapi.com/activitytype/resource")
EDX_COURSE = activity(f"{EDX}/course/{COURSE}", f"{ADL}/activities/course", "Biology")
MOODLE_COURSE = activity(f"{MOODLE}/course/view.php?id=5", "http://id.tincanapi.com/activitytype/lms/course", "Algebra")
EDX_VIDEO_BLOCK = edx_block("video", f"{VIDEO}/activity-type/video")


def at(seconds: object, **more: object) -> Statement:
    """The result that says where in the video it was."""
    return {"result": {"extensions": {f"{VIDEO}/extensions/time": seconds}, **more}}


VOIDING = moodle(f"{ADL}/verbs/voided", {"objectType": "StatementRef", "id": "E05AA883-ACAF-40AD-BF54-02C8CE485FB0"})

# fmt: off
CASES: list[tuple[str, Statement, str, Statement | str]] = [
    # title, statement, topic ("" for none), the event without its category, or the reason
    ("a login", moodle("https://brindlewaye.com/xAPITerms/verbs/loggedin/", activity(MOODLE, "http://id.tincanapi.com/activitytype/lms")), "auth_topic", MOODLE_EVENT | {"event_type": "LOGIN"}),
    ("a login with JISC's session", moodle("https://brindlewaye.com/xAPITerms/verbs/loggedin", activity(MOODLE, None), context={"extensions": {"http://xapi.jisc.ac.uk/sessionId": "s9"}}), "auth_topic", MOODLE_EVENT | {"event_type": "LOGIN", "session_id": "s9"}),
    ("a logout", moodle("https://brindlewaye.com/xAPITerms/verbs/loggedout/", activity(MOODLE, "http://id.tincanapi.com/activitytype/site")), "auth_topic", MOODLE_EVENT | {"event_type": "LOGOUT"}),
    ("a sign-up", moodle(f"{ADL}/verbs/registered", activity(MOODLE, "http://id.tincanapi.com/activitytype/lms"), actor={"mbox": "mailto:new@example.org"}), "auth_topic", MOODLE_EVENT | {"event_type": "SIGNUP", "user_id": "new@example.org", "email": "new@example.org", "registration_source": "Moodle"}),
    ("a profile changed", moodle("http://activitystrea.ms/schema/1.0/update", activity(f"{MOODLE}/user/profile.php?id=17", "http://id.tincanapi.com/activitytype/user-profile")), "profile_topic", MOODLE_EVENT | {"event_type": "UPDATE_PROFILE"}),
    ("a notification opened", moodle("http://id.tincanapi.com/verb/viewed", activity(f"{MOODLE}/notifications.php?notificationid=8", "http://activitystrea.ms/schema/1.0/alert")), "notification_topic", MOODLE_EVENT | {"event_type": "NOTIFICATION_OPENED", "notification_id": f"{MOODLE}/notifications.php?notificationid=8"}),
    ("a notification sent", moodle("http://activitystrea.ms/schema/1.0/send", activity(f"{MOODLE}/n?id=8", "http://activitystrea.ms/schema/1.0/alert")), "", "it doesn't say who received the notification"),
    ("a discussion", edx("http://id.tincanapi.com/verb/viewed", activity(f"{EDX}/api/discussion/v1/comments/64a8", "http://id.tincanapi.com/activitytype/discussion")), "forum_topic", BIOLOGY | {"event_type": "POST_VIEWED", "thread_id": "64a8", "post_id": "64a8"}),
    ("a group's doing", moodle(f"{ADL}/verbs/completed", activity(QUIZ, ASSESSMENT), actor={"objectType": "Group", "mbox": "mailto:team@example.org"}), "", "the actor is a group without members"),
    # videos
    ("Open edX: played", edx(f"{VIDEO}/verbs/played", EDX_VIDEO_BLOCK, **at(0.033)), "video_topic", EDX_VIDEO | {"event_type": "VIDEO_WATCHED", "position_seconds": 0.033}),
    ("Open edX: paused", edx(f"{VIDEO}/verbs/paused", EDX_VIDEO_BLOCK, **at(194.407)), "video_topic", EDX_VIDEO | {"event_type": "VIDEO_PAUSED", "position_seconds": 194.407}),
    ("Open edX: completed", edx(f"{ADL}/verbs/completed", EDX_VIDEO_BLOCK, **at(195.0, completion=True, duration="PT03M15S")), "video_topic", EDX_VIDEO | {"event_type": "VIDEO_COMPLETED", "position_seconds": 195.0}),
    ("Open edX: stopped", edx(f"{ADL}/verbs/terminated", EDX_VIDEO_BLOCK, **at("PT3M15S")), "video_topic", EDX_VIDEO | {"event_type": "VIDEO_ENDED", "position_seconds": 195.0}),
    ("Open edX: captions", edx(f"{ADL}/verbs/interacted", EDX_VIDEO_BLOCK), "video_topic", EDX_VIDEO | {"event_type": "VIDEO_INTERACTED"}),
    ("paused after the first stretch", player(f"{VIDEO}/verbs/paused", {"time": 12.4, "played-segments": "0[.]12.4"}), "video_topic", PLAYED | {"event_type": "VIDEO_WATCHED", "played_seconds": 12.4, "position_seconds": 12.4}),
    ("paused after the third", player(f"{VIDEO}/verbs/paused", {"time": 90, "played-segments": "0[.]12.4[,]12.4[.]20[,]60[.]90"}), "video_topic", PLAYED | {"event_type": "VIDEO_WATCHED", "played_seconds": 50.0, "position_seconds": 90.0}),
    ("paused, saying nothing of segments", player(f"{VIDEO}/verbs/paused", {"time": 12.4, "played-segments": ""}), "video_topic", PLAYED | {"event_type": "VIDEO_WATCHED", "position_seconds": 12.4}),
    ("watched, in one statement", player("http://activitystrea.ms/schema/1.0/watch", result={"duration": "PT1M30.5S"}), "video_topic", PLAYED | {"event_type": "VIDEO_WATCHED", "watch_duration_seconds": 91}),
    ("loaded", player(f"{ADL}/verbs/initialized"), "video_topic", PLAYED | {"event_type": "VIDEO_LOADED"}),
    ("played", player(f"{VIDEO}/verbs/played", {"time": 0}), "video_topic", PLAYED | {"event_type": "VIDEO_PLAYED", "position_seconds": 0.0}),
    ("jumped", player(f"{VIDEO}/verbs/seeked", {"time-from": 194.381, "time-to": "10.000"}), "video_topic", PLAYED | {"event_type": "VIDEO_SEEKED", "from_seconds": 194.381, "to_seconds": 10.0}),
    ("completed, with a total", player(f"{ADL}/verbs/completed", {"time": 195, "played-segments": "0[.]195", "progress": 1}), "video_topic", PLAYED | {"event_type": "VIDEO_COMPLETED", "played_seconds": 195.0, "position_seconds": 195.0}),
    ("a video downloaded", player("http://id.tincanapi.com/verb/downloaded"), "course_topic", PLAYER_EVENT | {"event_type": "DOWNLOAD_MATERIAL", "resource_id": "https://videos.example.edu/cells.mp4", "material_type": "video"}),
    # courses
    ("enrolled", edx(f"{ADL}/verbs/registered", EDX_COURSE), "course_topic", BIOLOGY | {"event_type": "COURSE_ENROLLED", "course_name": "Biology"}),
    ("left a course (Open edX)", edx("http://id.tincanapi.com/verb/unregistered", EDX_COURSE), "course_topic", BIOLOGY | {"event_type": "COURSE_DROPPED", "course_name": "Biology"}),
    ("left a course (Moodle)", moodle("http://activitystrea.ms/leave", activity(f"{MOODLE}/course/view.php?id=5", "https://w3id.org/xapi/cmi5/activitytype/course", "Algebra")), "course_topic", ALGEBRA | {"event_type": "COURSE_DROPPED", "course_name": "Algebra"}),
    ("a package that calls itself a course", moodle("http://id.tincanapi.com/verb/viewed", activity(f"{MOODLE}/mod/imscp/view.php?id=6", "https://w3id.org/xapi/cmi5/activitytype/course")), "course_topic", ALGEBRA | {"event_type": "ACCESS_COURSE_MATERIAL", "material_id": f"{MOODLE}/mod/imscp/view.php?id=6", "material_type": "module"}),
    ("a course viewed", moodle("http://id.tincanapi.com/verb/viewed", MOODLE_COURSE), "course_topic", ALGEBRA | {"event_type": "COURSE_VIEW", "course_name": "Algebra"}),
    ("a course created", moodle("http://activitystrea.ms/create", MOODLE_COURSE), "course_topic", ALGEBRA | {"event_type": "COURSE_CREATED", "course_name": "Algebra"}),
    ("a course deleted", moodle("http://activitystrea.ms/delete", MOODLE_COURSE), "course_topic", ALGEBRA | {"event_type": "COURSE_DELETED", "course_name": "Algebra"}),
    ("a course completed", moodle(f"{ADL}/verbs/completed", MOODLE_COURSE), "course_topic", ALGEBRA | {"event_type": "COURSE_COMPLETED", "course_name": "Algebra"}),
    ("a course passed", edx(f"{ADL}/verbs/passed", EDX_COURSE), "course_topic", BIOLOGY | {"event_type": "COURSE_PASSED", "course_name": "Biology"}),
    ("a course failed", edx(f"{ADL}/verbs/failed", EDX_COURSE), "course_topic", BIOLOGY | {"event_type": "COURSE_FAILED", "course_name": "Biology"}),
    ("progress in a course", edx(f"{ADL}/verbs/progressed", EDX_COURSE, result={"extensions": {PROGRESS: 50}}), "course_topic", BIOLOGY | {"event_type": "COURSE_PROGRESSED", "progress": 50}),
    ("a course's running grade", edx("http://id.tincanapi.com/verb/earned", EDX_COURSE, result={"score": {"scaled": 0.5}}), "course_topic", BIOLOGY | {"event_type": "COURSE_GRADE_CALCULATED", "course_name": "Biology", "progress": 0.5}),
    # assignments
    ("a Moodle quiz opened", moodle("http://id.tincanapi.com/verb/viewed", activity(QUIZ, ASSESSMENT)), "course_topic", ALGEBRA | {"event_type": "ACCESS_COURSE_MATERIAL", "material_id": QUIZ, "material_type": "quiz"}),
    ("an assignment viewed", moodle("http://id.tincanapi.com/verb/viewed", activity(ASSIGN, f"{EDLM}/assignment")), "assessment_topic", ALGEBRA | {"event_type": "VIEW_ASSIGNMENT_FIRST_TIME", "assignment_id": ASSIGN}),
    ("an assignment submitted", moodle("http://activitystrea.ms/schema/1.0/submit", activity(ASSIGN, ASSESSMENT)), "assessment_topic", ALGEBRA | {"event_type": "SUBMIT_ASSIGNMENT", "assignment_id": ASSIGN}),
    ("a file uploaded", moodle("http://activitystrea.ms/schema/1.0/add", activity(ASSIGN, ASSESSMENT)), "assessment_topic", ALGEBRA | {"event_type": "ASSIGNMENT_FILE_UPLOADED", "assignment_id": ASSIGN}),
    ("an exam begun", edx(f"{ADL}/verbs/initialized", activity("block-v1:exam", "https://w3id.org/xapi/openedx/activity/timed-assessment")), "assessment_topic", BIOLOGY | {"event_type": "VIEW_ASSIGNMENT_FIRST_TIME", "assignment_id": "block-v1:exam", "assignment_type": "timed-assessment"}),
    ("an exam handed in", edx(f"{ADL}/verbs/terminated", activity("block-v1:exam", "https://w3id.org/xapi/openedx/activity/proctored-assessment")), "assessment_topic", BIOLOGY | {"event_type": "SUBMIT_ASSIGNMENT", "assignment_id": "block-v1:exam", "assignment_type": "proctored-assessment"}),
    ("a submission looked at", moodle("http://id.tincanapi.com/verb/viewed", activity(f"{ASSIGN}#submission", f"{EDLM}/submission"), context={"extensions": {FOR: {"account": {"name": "21"}}}, "contextActivities": {"parent": [activity(ASSIGN, f"{EDLM}/assignment"), MOODLE_COURSE]}}), "assessment_topic", ALGEBRA | {"event_type": "VIEW_STUDENT_WORK", "role": "teacher", "assignment_id": ASSIGN, "student_id": "21"}),
    ("graded by a teacher", moodle(f"{ADL}/verbs/scored", activity(ASSIGN, ASSESSMENT), context=TEACHER, result=SCORE | {"response": "Well done"}), "assessment_topic", ALGEBRA | {"event_type": "GRADE_ASSIGNMENT", "user_id": "2", "role": "teacher", "student_id": "17", "assignment_id": ASSIGN, "score": 7.5, "max_score": 10, "feedback": "Well done"}),
    ("passed, says the platform", moodle(f"{ADL}/verbs/passed", activity(f"{MOODLE}/mod/scorm/view.php?id=7", "http://id.tincanapi.com/activitytype/legacy-learning-standard"), result=SCORE), "assessment_topic", ALGEBRA | {"event_type": "GRADE_ASSIGNMENT", "role": "student", "student_id": "17", "assignment_id": f"{MOODLE}/mod/scorm/view.php?id=7", "score": 7.5, "max_score": 10}),
    ("failed, says the platform", moodle(f"{ADL}/verbs/failed", activity(QUIZ, ASSESSMENT), result={"score": {"scaled": 0.2}}), "assessment_topic", ALGEBRA | {"event_type": "GRADE_ASSIGNMENT", "role": "student", "student_id": "17", "assignment_id": QUIZ, "score": 20, "max_score": 100}),
    ("a subsection's running grade", edx("http://id.tincanapi.com/verb/earned", SEQUENCE, result=SCORE), "assessment_topic", BIOLOGY | {"event_type": "GRADE_CALCULATED", "assignment_id": BLOCK.format("sequential"), "score": 7.5, "max_score": 10}),
    ("feedback viewed", moodle("http://id.tincanapi.com/verb/viewed", activity(f"{ASSIGN}#feedback", f"{EDLM}/feedback"), context={"contextActivities": {"parent": [activity(ASSIGN, f"{EDLM}/assignment"), MOODLE_COURSE]}}), "assessment_topic", ALGEBRA | {"event_type": "FEEDBACK_VIEWED", "assignment_id": ASSIGN}),
    ("a question graded by hand", moodle(f"{ADL}/verbs/scored", activity(f"{MOODLE}/review.php?attempt=1&slot=2", "http://activitystrea.ms/schema/1.0/review#slot"), context={"contextActivities": {"parent": [activity(QUIZ, ASSESSMENT), MOODLE_COURSE]}}, result=SCORE), "assessment_topic", ALGEBRA | {"event_type": "QUESTION_GRADED", "quiz_id": QUIZ, "role": "teacher", "student_id": "17", "question_id": f"{MOODLE}/review.php?attempt=1&slot=2", "score": 7.5, "max_score": 10}),
    # quizzes
    ("a quiz done by the course's rules", moodle(f"{ADL}/verbs/completed", activity(QUIZ, ASSESSMENT), event="\\core\\event\\course_module_completion_updated"), "course_topic", ALGEBRA | {"event_type": "MATERIAL_COMPLETED", "material_id": QUIZ, "material_type": "assessment"}),
    ("a quiz begun", moodle("http://activitystrea.ms/schema/1.0/start", activity(QUIZ, ASSESSMENT)), "assessment_topic", ALGEBRA | {"event_type": "QUIZ_STARTED", "quiz_id": QUIZ}),
    ("a quiz completed", moodle(f"{ADL}/verbs/completed", activity(QUIZ, ASSESSMENT), event="\\mod_quiz\\event\\attempt_submitted", result=SCORE | {"completion": True, "duration": "PT1S"}), "assessment_topic", ALGEBRA | {"event_type": "QUIZ_COMPLETED", "quiz_id": QUIZ, "score": 7.5, "max_score": 10}),
    ("a quiz's page viewed", moodle("http://id.tincanapi.com/verb/viewed", activity(f"{MOODLE}/mod/quiz/attempt.php?attempt=1&cmid=3", f"{ADL}/activities/attempt")), "assessment_topic", ALGEBRA | {"event_type": "QUIZ_VIEWED", "quiz_id": f"{MOODLE}/mod/quiz/attempt.php?attempt=1&cmid=3"}),
    ("a question answered", moodle(f"{ADL}/verbs/answered", activity(f"{MOODLE}/question/question.php?id=1", f"{ADL}/activities/cmi.interaction"), result={"response": "B", "success": True}), "assessment_topic", ALGEBRA | {"event_type": "QUESTION_ANSWERED", "question_id": f"{MOODLE}/question/question.php?id=1"}),
    ("a problem marked", edx("https://w3id.org/xapi/acrossx/verbs/evaluated", PROBLEM, result={"score": {"raw": 2.5, "max": 3}}), "assessment_topic", BIOLOGY | {"event_type": "QUIZ_COMPLETED", "quiz_id": BLOCK.format("problem"), "correct_answers": 2, "score": 2.5, "max_score": 3}),
    ("one of its questions", edx("https://w3id.org/xapi/acrossx/verbs/evaluated", activity(f"{PROBLEM['id']}_2_1", f"{ADL}/activities/cmi.interaction"), context={"contextActivities": {"parent": [PROBLEM], "grouping": [EDX_COURSE]}}), "assessment_topic", BIOLOGY | {"event_type": "QUESTION_ANSWERED", "quiz_id": BLOCK.format("problem"), "question_id": BLOCK.format("problem") + "_2_1"}),
    ("a problem's weighted grade", edx(f"{ADL}/verbs/attempted", activity("block-v1:Uni+Bio101+2025+type@problem+block@0b9e", f"{ADL}/activities/question"), result={"score": {"raw": 0}}), "assessment_topic", BIOLOGY | {"event_type": "QUIZ_ATTEMPTED", "quiz_id": BLOCK.format("problem"), "score": 0}),
    ("an answer shown", edx(f"{ADL}/verbs/asked", edx_block("problem", "http://id.tincanapi.com/activitytype/solution")), "assessment_topic", BIOLOGY | {"event_type": "ANSWER_SHOWN", "quiz_id": BLOCK.format("problem")}),
    ("a hint shown", edx(f"{ADL}/verbs/interacted", edx_block("problem", "https://w3id.org/xapi/acrossx/extensions/supplemental-info")), "assessment_topic", BIOLOGY | {"event_type": "HINT_SHOWN", "quiz_id": BLOCK.format("problem")}),
    # material
    ("a file downloaded", moodle("http://id.tincanapi.com/verb/downloaded", activity(f"{MOODLE}/file.pdf", "http://activitystrea.ms/file")), "course_topic", ALGEBRA | {"event_type": "DOWNLOAD_MATERIAL", "resource_id": f"{MOODLE}/file.pdf", "material_type": "file"}),
    ("a link clicked", edx(f"{ADL}/verbs/experienced", activity(f"{EDX}/jump_to/x", f"{ADL}/activities/link")), "course_topic", BIOLOGY | {"event_type": "ITEM_CLICK", "item_id": f"{EDX}/jump_to/x", "item_type": "link"}),
    ("the next unit", edx("https://w3id.org/xapi/dod-isd/verbs/navigated", SEQUENCE), "course_topic", BIOLOGY | {"event_type": "ITEM_CLICK", "item_id": BLOCK.format("sequential"), "item_type": "resource"}),
    ("a page viewed", moodle("http://id.tincanapi.com/verb/viewed", activity(f"{MOODLE}/mod/page/view.php?id=8", "https://w3id.org/xapi/acrossx/activities/page")), "course_topic", ALGEBRA | {"event_type": "ACCESS_COURSE_MATERIAL", "material_id": f"{MOODLE}/mod/page/view.php?id=8", "material_type": "page"}),
    ("a SCORM launched", moodle(f"{ADL}/verbs/launched", activity(f"{MOODLE}/mod/scorm/view.php?id=7", "http://id.tincanapi.com/activitytype/legacy-learning-standard")), "course_topic", ALGEBRA | {"event_type": "ACCESS_COURSE_MATERIAL", "material_id": f"{MOODLE}/mod/scorm/view.php?id=7", "material_type": "scorm"}),
    ("a module done", moodle(f"{ADL}/verbs/completed", activity(f"{MOODLE}/mod/book/view.php?id=9", "http://id.tincanapi.com/activitytype/lms/module")), "course_topic", ALGEBRA | {"event_type": "MATERIAL_COMPLETED", "material_id": f"{MOODLE}/mod/book/view.php?id=9", "material_type": "module"}),
    ("a block done in part", edx(f"{ADL}/verbs/progressed", SEQUENCE, result={"extensions": {PROGRESS: 100.0}}), "course_topic", BIOLOGY | {"event_type": "MATERIAL_PROGRESSED", "material_id": BLOCK.format("sequential"), "material_type": "resource", "progress": 100.0}),
    ("a cmi5 unit begun", moodle(f"{ADL}/verbs/initialized", activity("https://cmi5.example/au/1", f"{ADL}/activities/lesson")), "course_topic", ALGEBRA | {"event_type": "MATERIAL_STARTED", "material_id": "https://cmi5.example/au/1", "material_type": "lesson"}),
    ("a cmi5 unit left", moodle(f"{ADL}/verbs/terminated", activity("https://cmi5.example/au/1", f"{ADL}/activities/lesson")), "course_topic", ALGEBRA | {"event_type": "MATERIAL_LEFT", "material_id": "https://cmi5.example/au/1", "material_type": "lesson"}),
]
# fmt: on
