"""What lies in platforms' own logs: Open edX's tracking log, Moodle's log (its table and its report), Canvas's live events in Canvas's form.

Learnt from event-routing-backends' inputs at e2acb7041825688ed388550cbd1a4b3920db3325, from Moodle's documents of its log (4.1 to 5.0), and
from Canvas's documents of its events (the commits stand in the mapping); every row here is made up.
"""

from __future__ import annotations

import json
from typing import Any

Row = dict[str, Any]

# --- Open edX's tracking log -------------------------------------------------------------------------------------------

KEY = "course-v1:Uni+Stat1+2026"
VISIT = "993110e9c27848a545da74a74114158d"


def key(kind: str, name: str) -> str:
    """A block's key."""
    return f"block-v1:Uni+Stat1+2026+type@{kind}+block@{name}"


VIDEO, PROBLEM, UNIT = key("video", "v1"), key("problem", "0123456789abcdef0123456789abcdef"), key("sequential", "s1")


def line(name: str, event: Any, *, source: str = "server", user: Any = 42, **more: Any) -> Row:
    """A line of the log; what the browser tells is JSON within text."""
    return {
        "username": "ana",
        "event_type": name,
        "name": name,
        "event_source": source,
        "context": {"course_id": KEY, "org_id": "Uni", "user_id": user, "path": "/event"},
        "session": VISIT,
        "ip": "",
        "host": "lms.test",
        "page": None,
        "time": "2026-03-02T10:00:00.123456+00:00",
        "event": json.dumps(event) if source == "browser" and isinstance(event, dict) else event,
        **more,
    }


def shipped(name: str, data: Row) -> Row:
    """The same as event-routing-backends gets it."""
    context = {"course_id": KEY, "user_id": 42, "session": VISIT, "event_source": "browser"}
    return {"name": name, "timestamp": "2026-03-02T10:00:00.123456+00:00", "context": context, "data": data}


EVENT = {"user_id": "42", "timestamp": "2026-03-02T10:00:00.123456+00:00", "course_id": KEY}
SEEN = {**EVENT, "video_id": VIDEO, "session_id": VISIT, "video_length_seconds": 180}
CLIP = {"id": "v1", "code": "html5", "duration": 180}

# fmt: off
TRACKING: list[tuple[str, Row, str, Row | str]] = [
    # title, row, topic ("" for none), the event without its category (and without its id, a digest), or the reason
    ("a page of the server", line("/courses/x/courseware/", '{"GET": {}, "POST": {}}'), "", "a page or call of the server: what it was for, the events tell"),
    ("enrolled by staff", line("edx.course.enrollment.activated", {"course_id": KEY, "user_id": 77, "mode": "audit"}), "course_topic", EVENT | {"event_type": "COURSE_ENROLLED", "user_id": "77", "mode": "audit"}),
    ("another way to take it", line("edx.course.enrollment.mode_changed", {"course_id": KEY, "user_id": 42, "mode": "verified"}), "course_topic", EVENT | {"event_type": "COURSE_MODE_CHANGED", "mode": "verified"}),
    ("left", line("edx.course.enrollment.deactivated", {"course_id": KEY, "user_id": 42}), "course_topic", EVENT | {"event_type": "COURSE_DROPPED"}),
    ("passed", line("edx.course.grade.now_passed", {"course_id": KEY, "user_id": 42}), "course_topic", EVENT | {"event_type": "COURSE_PASSED"}),
    ("passes no more", line("edx.course.grade.now_failed", {"course_id": KEY, "user_id": 42}), "course_topic", EVENT | {"event_type": "COURSE_FAILED"}),
    ("the course's running grade", line("edx.grades.course.grade_calculated", {"user_id": "42", "percent_grade": 0.5}), "course_topic", EVENT | {"event_type": "COURSE_GRADE_CALCULATED", "progress": 0.5}),
    ("played", line("play_video", {**CLIP, "currentTime": 1.5}, source="browser"), "video_topic", SEEN | {"event_type": "VIDEO_WATCHED", "position_seconds": 1.5}),
    ("played, as it is routed", shipped("play_video", {**CLIP, "currentTime": 1.5}), "video_topic", SEEN | {"event_type": "VIDEO_WATCHED", "position_seconds": 1.5}),
    ("played in a custom course", {**shipped("play_video", CLIP), "context": {"course_id": "ccx-v1:Uni+Stat1+2026+ccx@1", "user_id": 42}}, "video_topic", {**EVENT, "course_id": "ccx-v1:Uni+Stat1+2026+ccx@1", "event_type": "VIDEO_WATCHED", "video_id": "ccx-block-v1:Uni+Stat1+2026+ccx@1+type@video+block@v1", "video_length_seconds": 180}),
    ("played, by an old id", {**shipped("play_video", {"id": "i4x-Uni-Stat1-video-v1"}), "context": {"course_id": "Uni/Stat1/2013", "user_id": 42}}, "video_topic", {**EVENT, "course_id": "Uni/Stat1/2013", "event_type": "VIDEO_WATCHED", "video_id": "i4x-Uni-Stat1-video-v1"}),
    ("paused", line("pause_video", {**CLIP, "currentTime": 28}, source="browser"), "video_topic", SEEN | {"event_type": "VIDEO_PAUSED", "position_seconds": 28}),
    ("jumped", line("seek_video", {**CLIP, "old_time": 28, "new_time": 5, "type": "onSlideSeek"}, source="browser"), "video_topic", SEEN | {"event_type": "VIDEO_SEEKED", "from_seconds": 28, "to_seconds": 5}),
    ("loaded", line("load_video", {"id": "v1", "code": "html5", "duration": 0}, source="browser"), "video_topic", {**EVENT, "video_id": VIDEO, "session_id": VISIT, "event_type": "VIDEO_LOADED"}),
    ("stopped", line("stop_video", {**CLIP, "currentTime": 180}, source="browser"), "video_topic", SEEN | {"event_type": "VIDEO_ENDED", "position_seconds": 180}),
    ("nearly all seen", line("edx.video.completed", CLIP, source="browser"), "video_topic", SEEN | {"event_type": "VIDEO_COMPLETED"}),
    ("the speed changed", line("speed_change_video", {**CLIP, "current_time": 3, "new_speed": "1.25"}, source="browser"), "video_topic", SEEN | {"event_type": "VIDEO_INTERACTED", "position_seconds": 3}),
    ("a problem marked", line("problem_check", {"problem_id": PROBLEM, "grade": 2, "max_grade": 3, "success": "incorrect", "attempts": 1}), "assessment_topic", EVENT | {"event_type": "QUIZ_COMPLETED", "quiz_id": PROBLEM, "correct_answers": 2, "score": 2, "max_score": 3}),
    ("a problem out of no points", line("problem_check", {"problem_id": PROBLEM, "grade": 0, "max_grade": 0}), "assessment_topic", EVENT | {"event_type": "QUIZ_COMPLETED", "quiz_id": PROBLEM, "correct_answers": 0, "score": 0}),
    ("an answer leaves the browser", line("problem_check", "input_0123456789abcdef0123456789abcdef_2_1=choice_0", source="browser"), "assessment_topic", EVENT | {"event_type": "QUIZ_ATTEMPTED", "quiz_id": PROBLEM}),
    ("the page after an answer", line("problem_graded", ["input_0123456789abcdef0123456789abcdef_2_1=choice_0", "<p>right</p>"], source="browser"), "assessment_topic", EVENT | {"event_type": "QUIZ_ATTEMPTED", "quiz_id": PROBLEM}),
    ("a weighted grade", line("edx.grades.problem.submitted", {"user_id": "42", "problem_id": PROBLEM, "weighted_earned": 1, "weighted_possible": 2}), "assessment_topic", EVENT | {"event_type": "QUIZ_ATTEMPTED", "quiz_id": PROBLEM, "score": 1, "max_score": 2}),
    ("a subsection's running grade", line("edx.grades.subsection.grade_calculated", {"user_id": "42", "block_id": UNIT, "weighted_total_earned": 3.0, "weighted_total_possible": 4.0}), "assessment_topic", EVENT | {"event_type": "GRADE_CALCULATED", "assignment_id": UNIT, "score": 3.0, "max_score": 4.0}),
    ("a problem set back", line("reset_problem", {"problem_id": PROBLEM}), "assessment_topic", EVENT | {"event_type": "QUIZ_RESET", "quiz_id": PROBLEM}),
    ("the answer shown", line("showanswer", {"problem_id": PROBLEM}), "assessment_topic", EVENT | {"event_type": "ANSWER_SHOWN", "quiz_id": PROBLEM}),
    ("a hint", line("edx.problem.hint.demandhint_displayed", {"hint_index": 0, "module_id": PROBLEM}), "assessment_topic", EVENT | {"event_type": "HINT_SHOWN", "quiz_id": PROBLEM}),
    ("an exam begun", line("edx.special_exam.practice.attempt.created", {"exam_content_id": UNIT, "attempt_user_id": 42}, event_type="edx.special_exam.timed.attempt.created"), "assessment_topic", EVENT | {"event_type": "VIEW_ASSIGNMENT_FIRST_TIME", "assignment_id": UNIT, "assignment_type": "practice-assessment"}),
    ("an exam handed in", line("edx.special_exam.timed.attempt.submitted", {"exam_content_id": UNIT, "attempt_user_id": 42}), "assessment_topic", EVENT | {"event_type": "SUBMIT_ASSIGNMENT", "assignment_id": UNIT, "assignment_type": "timed-assessment"}),
    ("an open response handed in", {**line("openassessmentblock.create_submission", {"attempt_number": 1}), "context": {"course_id": KEY, "user_id": 42, "module": {"usage_key": UNIT}}}, "assessment_topic", EVENT | {"event_type": "SUBMIT_ASSIGNMENT", "assignment_id": UNIT, "assignment_type": "open response"}),
    ("an open response looked at", {**line("openassessmentblock.get_submission_for_staff_grading", {"requesting_student_id": "s9"}), "context": {"course_id": KEY, "user_id": 42, "module": {"usage_key": UNIT}}}, "assessment_topic", EVENT | {"event_type": "VIEW_STUDENT_WORK", "role": "teacher", "assignment_id": UNIT, "student_id": "s9"}),
    ("the next unit", line("edx.ui.lms.sequence.next_selected", {"id": UNIT, "current_tab": 1}, source="browser"), "course_topic", EVENT | {"event_type": "ITEM_CLICK", "item_id": UNIT, "item_type": "resource"}),
    ("a link", line("edx.ui.lms.link_clicked", {"target_url": f"https://lms.test/courses/{KEY}/jump_to/{UNIT}"}, source="browser"), "course_topic", EVENT | {"event_type": "ITEM_CLICK", "item_id": UNIT, "item_type": "link"}),
    ("a book", line("book", {"chapter": "/static/stat.pdf", "type": "gotopage"}, source="browser"), "course_topic", EVENT | {"event_type": "ACCESS_COURSE_MATERIAL", "material_id": "/static/stat.pdf", "material_type": "gotopage"}),
    ("a page of a book", line("textbook.pdf.page.scrolled", {"chapter": "/static/stat.pdf"}, source="browser"), "course_topic", EVENT | {"event_type": "ACCESS_COURSE_MATERIAL", "material_id": "/static/stat.pdf", "material_type": "textbook"}),
    ("a block done", line("edx.completion.block_completion.changed", {"user_id": 42, "block_id": UNIT, "block_type": "html", "completion": 1.0}), "course_topic", EVENT | {"event_type": "MATERIAL_PROGRESSED", "material_id": UNIT, "material_type": "html", "progress": 100.0}),
    ("a setting changed", line("edx.user.settings.changed", {"user_id": 42, "setting": "language"}), "profile_topic", {"user_id": "42", "timestamp": EVENT["timestamp"], "event_type": "UPDATE_PROFILE", "field_name": "language"}),
    ("a page left", line("page_close", "{}", source="browser"), "", "of what the browser and the server tell beside, nothing has a topic"),
    ("nobody", line("play_video", CLIP, user="", username=""), "", "there is no user_id: nothing at context.user_id, event.user_id, data.user_id, context.username, username"),
]
# fmt: on

# --- Moodle's log ------------------------------------------------------------------------------------------------------


def logged(eventname: str, **columns: Any) -> Row:
    """A row of logstore_standard_log, as a CSV dump has it: all text."""
    row = {
        "id": "5001",
        "eventname": eventname,
        "component": eventname.split("\\")[1] if "\\" in eventname else "core",
        "contextlevel": "50",
        "contextinstanceid": "9",
        "userid": "21",
        "courseid": "9",
        "anonymous": "0",
        "other": "N;",
        "timecreated": "1772445600",
        "origin": "web",
    }
    return row | columns


def shown(event: str, description: str, **columns: Any) -> Row:
    """A row of the report's CSV."""
    row = {
        "Time": "2/03/26, 10:00",
        "User full name": "Ana",
        "Affected user": "-",
        "Event context": "Course: Statistics",
        "Component": "System",
        "Event name": event,
        "Description": description,
        "Origin": "web",
        "IP address": "10.0.0.1",
    }
    return row | columns


IN_MODULE = {"contextlevel": "70", "contextinstanceid": "31"}
MEVENT = {"event_id": "moodle-log:5001", "user_id": "21", "timestamp": "2026-03-02T10:00:00+00:00"}
MHERE = {**MEVENT, "course_id": "9"}
REPORTED = {"user_id": "21", "timestamp": "2026-03-02T10:00:00"}
NO_MORE = "of what Moodle's log tells beside, nothing has a topic"

# fmt: off
MOODLE: list[tuple[str, Row, str, Row | str]] = [
    ("login", logged("\\core\\event\\user_loggedin", courseid="0"), "auth_topic", MEVENT | {"event_type": "LOGIN"}),
    ("login, as numbers of JSON", {**logged("\\core\\event\\user_loggedin", courseid=0), "id": 5001, "userid": 21, "timecreated": 1772445600}, "auth_topic", MEVENT | {"event_type": "LOGIN"}),
    ("logout", logged("\\core\\event\\user_loggedout"), "auth_topic", MEVENT | {"event_type": "LOGOUT"}),
    ("an account made", logged("\\core\\event\\user_created", userid="0", relateduserid="21"), "auth_topic", MEVENT | {"event_type": "SIGNUP"}),
    ("a profile changed", logged("\\core\\event\\user_updated", userid="2", relateduserid="21"), "profile_topic", MEVENT | {"event_type": "UPDATE_PROFILE"}),
    ("a password changed", logged("\\core\\event\\user_password_updated", relateduserid="21"), "profile_topic", MEVENT | {"event_type": "PASSWORD_CHANGED"}),
    ("enrolled by a teacher", logged("\\core\\event\\user_enrolment_created", userid="3", relateduserid="21"), "course_topic", MHERE | {"event_type": "COURSE_ENROLLED"}),
    ("taken out", logged("\\core\\event\\user_enrolment_deleted", userid="3", relateduserid="21"), "course_topic", MHERE | {"event_type": "COURSE_DROPPED"}),
    ("a course looked at", logged("\\core\\event\\course_viewed"), "course_topic", MHERE | {"event_type": "COURSE_VIEW"}),
    ("the site's front page", logged("\\core\\event\\course_viewed", courseid="1"), "course_topic", MEVENT | {"event_type": "COURSE_VIEW"}),
    ("a course made", logged("\\core\\event\\course_created", other='{"fullname": "Statistics"}'), "course_topic", MHERE | {"event_type": "COURSE_CREATED", "course_name": "Statistics"}),
    ("a course deleted", logged("\\core\\event\\course_deleted", other='{"fullname": "Statistics"}'), "course_topic", MHERE | {"event_type": "COURSE_DELETED", "course_name": "Statistics"}),
    ("a course done", logged("\\core\\event\\course_completed", userid="0", relateduserid="21"), "course_topic", MHERE | {"event_type": "COURSE_COMPLETED"}),
    ("an assignment looked at", logged("\\mod_assign\\event\\course_module_viewed", **IN_MODULE), "assessment_topic", MHERE | {"event_type": "VIEW_ASSIGNMENT_FIRST_TIME", "assignment_id": "31"}),
    ("handed in", logged("\\mod_assign\\event\\assessable_submitted", **IN_MODULE), "assessment_topic", MHERE | {"event_type": "SUBMIT_ASSIGNMENT", "assignment_id": "31"}),
    ("a file uploaded", logged("\\assignsubmission_file\\event\\assessable_uploaded", **IN_MODULE), "assessment_topic", MHERE | {"event_type": "ASSIGNMENT_FILE_UPLOADED", "assignment_id": "31"}),
    ("work looked at", logged("\\mod_assign\\event\\submission_viewed", userid="3", relateduserid="21", **IN_MODULE), "assessment_topic", MHERE | {"event_type": "VIEW_STUDENT_WORK", "user_id": "3", "role": "teacher", "assignment_id": "31", "student_id": "21"}),
    ("graded", logged("\\core\\event\\user_graded", userid="3", relateduserid="21", other='{"itemid": "5", "overridden": false, "finalgrade": 14}'), "assessment_topic", MHERE | {"event_type": "GRADE_ASSIGNMENT", "user_id": "3", "assignment_id": "grade item 5", "student_id": "21", "score": 14}),
    ("graded, in PHP's words", logged("\\core\\event\\user_graded", userid="3", relateduserid="21", other='a:3:{s:6:"itemid";s:1:"5";s:10:"overridden";b:0;s:10:"finalgrade";d:14.5;}'), "assessment_topic", MHERE | {"event_type": "GRADE_ASSIGNMENT", "user_id": "3", "assignment_id": "grade item 5", "student_id": "21", "score": 14.5}),
    ("a grade taken away", logged("\\core\\event\\user_graded", userid="3", relateduserid="21", other='{"itemid": "5", "finalgrade": null}'), "assessment_topic", MHERE | {"event_type": "GRADE_ASSIGNMENT", "user_id": "3", "assignment_id": "grade item 5", "student_id": "21"}),
    ("a hand-in graded", logged("\\mod_assign\\event\\submission_graded", userid="3", relateduserid="21", **IN_MODULE), "assessment_topic", MHERE | {"event_type": "SUBMISSION_GRADED", "user_id": "3", "role": "teacher", "assignment_id": "31", "student_id": "21"}),
    ("feedback looked at", logged("\\mod_assign\\event\\feedback_viewed", **IN_MODULE), "assessment_topic", MHERE | {"event_type": "FEEDBACK_VIEWED", "assignment_id": "31"}),
    ("a quiz looked at", logged("\\mod_quiz\\event\\course_module_viewed", **IN_MODULE), "course_topic", MHERE | {"event_type": "ACCESS_COURSE_MATERIAL", "material_id": "31", "material_type": "quiz"}),
    ("a quiz begun", logged("\\mod_quiz\\event\\attempt_started", relateduserid="21", **IN_MODULE), "assessment_topic", MHERE | {"event_type": "QUIZ_STARTED", "quiz_id": "31"}),
    ("a quiz done", logged("\\mod_quiz\\event\\attempt_submitted", relateduserid="21", **IN_MODULE), "assessment_topic", MHERE | {"event_type": "QUIZ_COMPLETED", "quiz_id": "31"}),
    ("a page of a quiz", logged("\\mod_quiz\\event\\attempt_viewed", **IN_MODULE), "assessment_topic", MHERE | {"event_type": "QUIZ_VIEWED", "quiz_id": "31"}),
    ("a quiz past its time", logged("\\mod_quiz\\event\\attempt_becameoverdue", **IN_MODULE), "assessment_topic", MHERE | {"event_type": "QUIZ_OVERDUE", "quiz_id": "31"}),
    ("a page", logged("\\mod_page\\event\\course_module_viewed", **IN_MODULE), "course_topic", MHERE | {"event_type": "ACCESS_COURSE_MATERIAL", "material_id": "31", "material_type": "page"}),
    ("a chapter", logged("\\mod_book\\event\\chapter_viewed", **IN_MODULE), "course_topic", MHERE | {"event_type": "ACCESS_COURSE_MATERIAL", "material_id": "31", "material_type": "book"}),
    ("a folder downloaded", logged("\\mod_folder\\event\\all_files_downloaded", **IN_MODULE), "course_topic", MHERE | {"event_type": "DOWNLOAD_MATERIAL", "resource_id": "31", "material_type": "folder"}),
    ("a lesson begun", logged("\\mod_lesson\\event\\lesson_started", **IN_MODULE), "course_topic", MHERE | {"event_type": "MATERIAL_STARTED", "material_id": "31", "material_type": "lesson"}),
    ("a lesson done", logged("\\mod_lesson\\event\\lesson_ended", **IN_MODULE), "course_topic", MHERE | {"event_type": "MATERIAL_COMPLETED", "material_id": "31", "material_type": "lesson"}),
    ("an activity done", logged("\\core\\event\\course_module_completion_updated", userid="0", relateduserid="21", other='{"completionstate": 1}', **IN_MODULE), "course_topic", MHERE | {"event_type": "MATERIAL_COMPLETED", "material_id": "31"}),
    ("a notification sent", logged("\\core\\event\\notification_sent", userid="-10", relateduserid="21", objectid="88"), "notification_topic", MEVENT | {"event_type": "NOTIFICATION_SENT", "notification_id": "88"}),
    ("a notification opened", logged("\\core\\event\\notification_viewed", objectid="88"), "notification_topic", MEVENT | {"event_type": "NOTIFICATION_OPENED", "notification_id": "88"}),
    ("a choice", logged("\\mod_choice\\event\\course_module_viewed", **IN_MODULE), "", "messages, meetings, surveys, badges and remarks have no topic"),
    ("an anonymous survey", logged("\\mod_feedback\\event\\response_submitted", anonymous="1"), "", "the actor is anonymous"),
    ("a role", logged("\\core\\event\\role_assigned", relateduserid="21"), "", NO_MORE),
    ("the system itself", logged("\\core\\event\\course_viewed", userid="0"), "", "there is no user_id: nothing at userid, Description"),
    # the report
    ("report: login", shown("User has logged in", "The user with id '21' has logged in."), "auth_topic", REPORTED | {"event_type": "LOGIN"}),
    ("report: enrolled", shown("User enrolled in course", "The user with id '3' enrolled the user with id '21' using the enrolment method 'manual' in the course with id '9'."), "course_topic", REPORTED | {"event_type": "COURSE_ENROLLED", "course_id": "9"}),
    ("report: a course", shown("Course viewed", "The user with id '21' viewed the course with id '9'."), "course_topic", REPORTED | {"event_type": "COURSE_VIEW", "course_id": "9"}),
    ("report: handed in", shown("A submission has been submitted.", "The user with id '21' has submitted the submission with id '4' for the assignment with course module id '31'."), "assessment_topic", REPORTED | {"event_type": "SUBMIT_ASSIGNMENT", "assignment_id": "31"}),
    ("report: a quiz done", shown("Quiz attempt submitted", "The user with id '21' has submitted the attempt with id '77' for the quiz with course module id '32'."), "assessment_topic", REPORTED | {"event_type": "QUIZ_COMPLETED", "quiz_id": "32"}),
    ("report: a page", shown("Course module viewed", "The user with id '21' viewed the 'page' activity with course module id '35'.", Component="Page"), "course_topic", REPORTED | {"event_type": "ACCESS_COURSE_MATERIAL", "material_id": "35", "material_type": "Page"}),
    ("report: at no time", shown("User has logged in", "The user with id '21' has logged in.", Time="yesterday"), "", "Time can't be read as a day, month and year with a time"),
]
# fmt: on

# --- Canvas's live events in Canvas's own form -------------------------------------------------------------------------

SHARD = "2107000000000"


def canvas(event: str, *, by: str | None = f"{SHARD}0021", role: str | None = "StudentEnrollment", **body: Any) -> Row:
    """A live event in the course."""
    metadata = {
        "event_name": event,
        "event_time": "2026-03-02T10:00:00.000Z",
        "context_type": "Course",
        "context_id": f"{SHARD}0900",
        "user_id": by,
        "session_id": "ef68",
        "producer": "canvas",
    }
    return {"metadata": metadata | ({"context_role": role} if role else {}), "body": body}


def enrolment(kind: str, state: str, event: str = "enrollment_created") -> Row:
    """Someone's enrolment, by someone else."""
    who = {"user_id": f"{SHARD}0021", "course_id": f"{SHARD}0900"}
    return canvas(event, by=f"{SHARD}0001", role="TeacherEnrollment", type=kind, workflow_state=state, **who)


CEVENT = {"user_id": "21", "timestamp": "2026-03-02T10:00:00+00:00"}
CHERE = {**CEVENT, "role": "student", "course_id": "900"}
GRADE = {**CEVENT, "course_id": "900", "event_type": "GRADE_ASSIGNMENT", "student_id": "21", "assignment_id": "31"}
DONE = {"assignment_id": f"{SHARD}0031", "student_id": f"{SHARD}0021", "user_id": f"{SHARD}0021", "score": 14}

# fmt: off
CANVAS: list[tuple[str, Row, str, Row | str]] = [
    ("login", canvas("logged_in", role=None, redirect_url="https://canvas.test/"), "auth_topic", CEVENT | {"event_type": "LOGIN", "session_id": "ef68"}),
    ("logout", canvas("logged_out", role=None), "auth_topic", CEVENT | {"event_type": "LOGOUT", "session_id": "ef68"}),
    ("an account made", canvas("user_created", by=None, role=None, user_id=f"{SHARD}0021"), "auth_topic", CEVENT | {"event_type": "SIGNUP", "session_id": "ef68"}),
    ("a student enrolled", enrolment("StudentEnrollment", "active"), "course_topic", CHERE | {"event_type": "COURSE_ENROLLED"}),
    ("an assistant enrolled", enrolment("TaEnrollment", "active"), "course_topic", CHERE | {"event_type": "COURSE_ENROLLED", "role": "teacher"}),
    ("an observer enrolled", enrolment("ObserverEnrollment", "active"), "", "observers and test students take no part in a course"),
    ("invited", enrolment("StudentEnrollment", "invited"), "", "who is invited to a course isn't enrolled yet"),
    ("taken out", enrolment("StudentEnrollment", "deleted", "enrollment_updated"), "course_topic", CHERE | {"event_type": "COURSE_DROPPED"}),
    ("the course is over", enrolment("StudentEnrollment", "completed", "enrollment_updated"), "course_topic", CHERE | {"event_type": "COURSE_COMPLETED"}),
    ("a course made", canvas("course_created", role=None, course_id=f"{SHARD}0900", name="Statistics"), "course_topic", CEVENT | {"course_id": "900", "event_type": "COURSE_CREATED", "course_name": "Statistics"}),
    ("a course done by its rules", canvas("course_completed", role=None, course={"id": f"{SHARD}0900"}, user={"id": "21"}), "course_topic", CEVENT | {"course_id": "900", "event_type": "COURSE_COMPLETED"}),
    ("on in a course", canvas("course_progress", role=None, course={"id": f"{SHARD}0900"}, user={"id": "21"}), "course_topic", CEVENT | {"course_id": "900", "event_type": "COURSE_PROGRESSED"}),
    ("an assignment made", canvas("assignment_created", by=f"{SHARD}0001", role="TeacherEnrollment", assignment_id=f"{SHARD}0031", due_at="2026-03-09T22:59:59Z"), "assessment_topic", CHERE | {"user_id": "1", "role": "teacher", "event_type": "ASSIGNMENT_CREATED", "assignment_id": "31", "due_date": "2026-03-09T22:59:59+00:00"}),
    ("an assignment changed", canvas("assignment_updated", assignment_id="31", workflow_state="published"), "assessment_topic", CHERE | {"event_type": "EDIT_ASSIGNMENT", "assignment_id": "31"}),
    ("an assignment deleted", canvas("assignment_updated", assignment_id="31", workflow_state="deleted"), "assessment_topic", CHERE | {"event_type": "DELETE_ASSIGNMENT", "assignment_id": "31"}),
    ("handed in", canvas("submission_created", assignment_id=f"{SHARD}0031", user_id=f"{SHARD}0021", submission_type="online_upload"), "assessment_topic", CHERE | {"event_type": "SUBMIT_ASSIGNMENT", "assignment_id": "31", "assignment_type": "online_upload"}),
    ("a quiz handed in", canvas("quiz_submitted", quiz_id=f"{SHARD}0051", submission_id=f"{SHARD}0078"), "assessment_topic", CHERE | {"event_type": "QUIZ_COMPLETED", "quiz_id": "51"}),
    ("graded by a teacher", canvas("grade_change", by=f"{SHARD}0001", role="TeacherEnrollment", grader_id=f"{SHARD}0001", points_possible=20, **DONE), "assessment_topic", GRADE | {"user_id": "1", "role": "teacher", "score": 14, "max_score": 20}),
    ("a quiz that grades itself", canvas("grade_change", grader_id=None, points_possible=20, **DONE), "assessment_topic", GRADE | {"role": "student", "score": 14, "max_score": 20}),
    ("graded out of no points", canvas("grade_change", grader_id=f"{SHARD}0001", points_possible=0, **DONE), "assessment_topic", GRADE | {"user_id": "1", "role": "teacher", "score": 14}),
    ("a course's home", canvas("asset_accessed", asset_type="course", asset_id=f"{SHARD}0900", asset_subtype="home"), "course_topic", CHERE | {"event_type": "COURSE_VIEW"}),
    ("an assignment", canvas("asset_accessed", asset_type="assignment", asset_id=f"{SHARD}0031"), "assessment_topic", CHERE | {"event_type": "VIEW_ASSIGNMENT_FIRST_TIME", "assignment_id": "31"}),
    ("a page", canvas("asset_accessed", asset_type="wiki_page", asset_id=f"{SHARD}0041"), "course_topic", CHERE | {"event_type": "ITEM_CLICK", "item_id": "41", "item_type": "wiki_page"}),
    ("a file downloaded", {"metadata": canvas("asset_accessed")["metadata"] | {"url": "https://canvas.test/courses/900/files/42/download"}, "body": {"asset_type": "attachment", "asset_id": f"{SHARD}0042"}}, "course_topic", CHERE | {"event_type": "DOWNLOAD_MATERIAL", "resource_id": "42", "material_type": "attachment"}),
    ("a calendar's feed", canvas("asset_accessed", by=None, asset_type="user", asset_id=f"{SHARD}0021"), "", "the actor is a program, and no person"),
    ("people", canvas("asset_accessed", asset_type="enrollment", asset_id="5"), "", "people, groups and settings are no course material"),
    ("a message", canvas("conversation_created", conversation_id="2"), "", "messages, feedback, surveys, searches and annotations have no topic"),
    ("a page made", canvas("wiki_page_created", wiki_page_id="41"), "", "that material, people or groups are made, changed or removed has no topic"),
    ("another event", canvas("sis_batch"), "", "no rule for event sis_batch, asset none"),
]
# fmt: on
