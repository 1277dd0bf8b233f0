"""Events in the shapes of the Caliper specification's fixtures, and as Open edX, Canvas and Blackboard document theirs, and what they become."""

from __future__ import annotations

from typing import Any

Event = dict[str, Any]

V1P2 = "http://purl.imsglobal.org/ctx/caliper/v1p2"
EDU = "https://example.edu"
SECTION = f"{EDU}/terms/202501/courses/7/sections/1"
STUDENT = f"{EDU}/users/554433"
TEACHER = f"{EDU}/users/112233"
SESSION = f"{EDU}/sessions/1f6442"
QUIZ = f"{SECTION}/assess/1"
ESSAY = f"{SECTION}/assign/2"
VIDEO = f"{EDU}/UQVK-dsU7-Y"
CANVAS = "com.instructure.canvas"


def thing(identity: str, kind: str, **more: Any) -> Event:
    """An entity."""
    return {"id": identity, "type": kind, **more}


def caliper(event: str, action: str, about: Any, *, by: str = STUDENT, role: str = "Learner", **more: Any) -> Event:
    """As the specification's fixtures have it: a person in a section of a course, in a session."""
    return {
        "@context": V1P2,
        "id": "urn:uuid:cccc0000-0000-4000-8000-000000000004",
        "type": event,
        "actor": thing(by, "Person"),
        "action": action,
        "object": about,
        "eventTime": "2025-11-15T10:15:00.000Z",
        "edApp": EDU,
        "group": thing(SECTION, "CourseSection", courseNumber="CPS 435-01"),
        "membership": thing(
            f"{SECTION}/rosters/1", "Membership", member=by, organization=SECTION, roles=[role], status="Active"
        ),
        "session": thing(SESSION, "Session", startedAtTime="2025-11-15T10:00:00.000Z"),
    } | more


def edx(event: str, action: str, about: Event, **more: Any) -> Event:
    """As event-routing-backends sends it: no group, no session, the course key in the object's extensions."""
    return {
        "@context": V1P2,
        "id": "urn:uuid:dddd0000-0000-4000-8000-000000000005",
        "type": event,
        "actor": thing("32e08e30-uuid", "Person"),
        "action": action,
        "object": about | {"extensions": {"course_id": "course-v1:Uni+Bio101+2025", **about.get("extensions", {})}},
        "eventTime": "2025-07-15T06:56:09.649Z",
    } | more


def canvas(event: str, action: str, about: Event, **more: Any) -> Event:
    """As Canvas's live events send it in Caliper's form."""
    return {
        "id": "urn:uuid:eeee0000-0000-4000-8000-000000000006",
        "type": event,
        "actor": thing("urn:instructure:canvas:user:1", "Person", extensions={CANVAS: {"user_login": "ann"}}),
        "action": action,
        "object": about,
        "eventTime": "2025-11-01T19:11:21.419Z",
        "group": thing("urn:instructure:canvas:course:565", "CourseOffering"),
        "membership": thing("urn:instructure:canvas:course:565:user:1", "Membership", roles=["Instructor"]),
    } | more


def extended(identity: str, kind: str, **extensions: Any) -> Event:
    """An entity with Canvas's extensions."""
    return thing(identity, kind, extensions={CANVAS: extensions})


EVENT = {
    "event_id": "urn:uuid:cccc0000-0000-4000-8000-000000000004",
    "user_id": STUDENT,
    "role": "student",
    "timestamp": "2025-11-15T10:15:00+00:00",
}
IN_SECTION = EVENT | {"course_id": SECTION}
WATCHED = IN_SECTION | {"video_id": VIDEO, "session_id": SESSION, "video_length_seconds": 1220}
EDX_EVENT = {
    "event_id": "urn:uuid:dddd0000-0000-4000-8000-000000000005",
    "user_id": "32e08e30-uuid",
    "timestamp": "2025-07-15T06:56:09.649000+00:00",
    "course_id": "course-v1:Uni+Bio101+2025",
}
CANVAS_EVENT = {
    "event_id": "urn:uuid:eeee0000-0000-4000-8000-000000000006",
    "user_id": "1",
    "role": "teacher",
    "timestamp": "2025-11-01T19:11:21.419000+00:00",
    "course_id": "565",
}
MOVIE = thing(VIDEO, "VideoObject", duration="PT20M20S")
EDX_MOVIE = thing("block-v1:video", "VideoObject", duration="PT3M15S")
PAGE = thing(f"{SECTION}/pages/2", "WebPage", name="Learning")
FILE = thing(f"{SECTION}/resources/syllabus.pdf", "DigitalResource", mediaType="application/pdf")
ATTEMPT = thing(
    f"{QUIZ}/users/554433/attempts/1",
    "Attempt",
    assignee=thing(STUDENT, "Person"),
    assignable=thing(QUIZ, "Assessment"),
)
ESSAY_ATTEMPT = thing(
    f"{ESSAY}/attempts/1", "Attempt", assignee=STUDENT, assignable=thing(ESSAY, "AssignableDigitalResource")
)
ITEM = thing(f"{QUIZ}/items/3", "AssessmentItem", isPartOf=thing(QUIZ, "Assessment"))
SCORE = thing(f"{QUIZ}/scores/1", "Score", maxScore=15.0, scoreGiven=10.5, comment="auto-graded exam")


def without_role(event: Event) -> Event:
    """What becomes of an event whose membership is missing, or is another's."""
    return {name: value for name, value in event.items() if name != "role"}


# fmt: off
CASES: list[tuple[str, Event, str, Event | str]] = [
    # title, event, topic ("" for none), learnfold's event without its category, or the reason
    ("an anonymous person", caliper("ToolUseEvent", "Used", thing(EDU, "SoftwareApplication"), by="http://purl.imsglobal.org/caliper/Person"), "", "the actor is anonymous"),
    ("a forum", caliper("ForumEvent", "Subscribed", thing(f"{SECTION}/forums/1", "Forum")), "forum_topic", IN_SECTION | {"event_type": "THREAD_FOLLOWED", "forum_id": f"{SECTION}/forums/1"}),
    ("a login", caliper("SessionEvent", "LoggedIn", thing(EDU, "SoftwareApplication"), group=None, membership=None), "auth_topic", without_role(EVENT) | {"event_type": "LOGIN", "session_id": SESSION}),
    ("a logout", caliper("SessionEvent", "LoggedOut", thing(EDU, "SoftwareApplication"), group=None, membership=None), "auth_topic", without_role(EVENT) | {"event_type": "LOGOUT", "session_id": SESSION}),
    ("a session that ran out", caliper("SessionEvent", "TimedOut", thing(f"{EDU}/sessions/7d6b", "Session", user=thing(STUDENT, "Person")), by=EDU, group=None, membership=None, session=None), "auth_topic", without_role(EVENT) | {"event_type": "LOGOUT", "session_id": f"{EDU}/sessions/7d6b"}),
    # videos
    ("a video begun", caliper("MediaEvent", "Started", MOVIE, target=thing(f"{VIDEO}?t=0", "MediaLocation", currentTime="PT0S")), "video_topic", WATCHED | {"event_type": "VIDEO_WATCHED", "position_seconds": 0.0}),
    ("a video gone on with", caliper("MediaEvent", "Resumed", MOVIE), "video_topic", WATCHED | {"event_type": "VIDEO_WATCHED"}),
    ("a video paused", caliper("MediaEvent", "Paused", MOVIE, target=thing(f"{VIDEO}?t=321", "MediaLocation", currentTime="PT05M21S")), "video_topic", WATCHED | {"event_type": "VIDEO_PAUSED", "position_seconds": 321.0}),
    ("a video ended", caliper("MediaEvent", "Ended", MOVIE), "video_topic", WATCHED | {"event_type": "VIDEO_ENDED"}),
    ("a jump in a video", caliper("MediaEvent", "ForwardedTo", MOVIE, target={"type": "MediaLocation", "currentTime": "PT1M"}), "video_topic", WATCHED | {"event_type": "VIDEO_SEEKED", "position_seconds": 60.0, "to_seconds": 60.0}),
    ("a jump in a video of Open edX", edx("MediaEvent", "JumpedTo", EDX_MOVIE | {"extensions": {"old_time": "PT3M14.381S", "new_time": "PT10S"}}), "video_topic", EDX_EVENT | {"event_type": "VIDEO_SEEKED", "video_id": "block-v1:video", "video_length_seconds": 195, "from_seconds": 194.381, "to_seconds": 10.0}),
    ("a video of Open edX loaded", edx("Event", "Retrieved", EDX_MOVIE), "video_topic", EDX_EVENT | {"event_type": "VIDEO_LOADED", "video_id": "block-v1:video", "video_length_seconds": 195}),
    ("a video's volume", caliper("MediaEvent", "ChangedVolume", MOVIE), "video_topic", WATCHED | {"event_type": "VIDEO_INTERACTED"}),
    ("sound begun", caliper("MediaEvent", "Started", thing(f"{EDU}/a.mp3", "AudioObject")), "course_topic", IN_SECTION | {"event_type": "ACCESS_COURSE_MATERIAL", "material_id": f"{EDU}/a.mp3", "material_type": "AudioObject"}),
    ("sound paused", caliper("MediaEvent", "Paused", thing(f"{EDU}/a.mp3", "AudioObject")), "", "of a sound recording, only its start has a topic"),
    # courses
    ("enrolled (Open edX)", edx("Event", "Activated", thing("https://lms/courses/x/", "Membership", extensions={"mode": "audit"})), "course_topic", EDX_EVENT | {"event_type": "COURSE_ENROLLED"}),
    ("left (Open edX)", edx("Event", "Deactivated", thing("https://lms/courses/x/", "Membership")), "course_topic", EDX_EVENT | {"event_type": "COURSE_DROPPED"}),
    ("completed (Open edX)", edx("Event", "Completed", thing("https://lms/courses/x/", "Membership")), "course_topic", EDX_EVENT | {"event_type": "COURSE_COMPLETED"}),
    ("enrolled (Canvas)", canvas("Event", "Created", extended("urn:instructure:canvas:enrollment:4", "Entity", course_id="urn:instructure:canvas:course:565", type="StudentEnrollment", user_id="urn:instructure:canvas:user:20064"), group=thing("urn:instructure:canvas:course:565:section:4811", "CourseSection")), "course_topic", CANVAS_EVENT | {"event_type": "COURSE_ENROLLED", "user_id": "20064", "role": "student"}),
    ("made a member", caliper("Event", "Created", thing(f"{SECTION}/rosters/9", "Membership", member=STUDENT, organization=thing(SECTION, "CourseSection"), roles=["Learner"]), by=TEACHER, role="Instructor"), "course_topic", IN_SECTION | {"event_type": "COURSE_ENROLLED"}),
    ("no longer a member", caliper("Event", "Deleted", thing(f"{SECTION}/rosters/9", "Membership", member=STUDENT, organization=thing(SECTION, "CourseSection"), roles=["Learner"]), by=TEACHER, role="Instructor"), "course_topic", IN_SECTION | {"event_type": "COURSE_DROPPED"}),
    ("a course created", caliper("Event", "Created", thing(SECTION, "CourseSection", name="CPS"), by=TEACHER, role="Instructor"), "course_topic", IN_SECTION | {"event_type": "COURSE_CREATED", "user_id": TEACHER, "role": "teacher", "course_name": "CPS"}),
    ("a course deleted", caliper("Event", "Deleted", thing(SECTION, "CourseSection", name="CPS"), by=TEACHER, role="Instructor"), "course_topic", IN_SECTION | {"event_type": "COURSE_DELETED", "user_id": TEACHER, "role": "teacher", "course_name": "CPS"}),
    ("a course viewed", caliper("NavigationEvent", "NavigatedTo", thing(SECTION, "CourseSection", name="CPS")), "course_topic", IN_SECTION | {"event_type": "COURSE_VIEW", "course_name": "CPS"}),
    ("a course viewed (Canvas)", canvas("NavigationEvent", "NavigatedTo", extended("urn:instructure:canvas:course:565", "Entity", asset_type="course", asset_subtype="quizzes")), "course_topic", CANVAS_EVENT | {"event_type": "COURSE_VIEW"}),
    # assignments
    ("an assignment viewed", caliper("ViewEvent", "Viewed", thing(ESSAY, "AssignableDigitalResource")), "assessment_topic", IN_SECTION | {"event_type": "VIEW_ASSIGNMENT_FIRST_TIME", "assignment_id": ESSAY}),
    ("an assignment viewed (Canvas)", canvas("NavigationEvent", "NavigatedTo", extended("urn:instructure:canvas:assignment:3", "Entity", asset_type="assignment")), "assessment_topic", CANVAS_EVENT | {"event_type": "VIEW_ASSIGNMENT_FIRST_TIME", "assignment_id": "3"}),
    ("an attempt begun", caliper("AssignableEvent", "Started", ESSAY_ATTEMPT), "assessment_topic", IN_SECTION | {"event_type": "VIEW_ASSIGNMENT_FIRST_TIME", "assignment_id": ESSAY}),
    ("submitted", caliper("AssignableEvent", "Submitted", thing(ESSAY, "AssignableDigitalResource"), generated=ESSAY_ATTEMPT), "assessment_topic", IN_SECTION | {"event_type": "SUBMIT_ASSIGNMENT", "assignment_id": ESSAY}),
    ("submitted (Canvas)", canvas("AssignableEvent", "Submitted", ESSAY_ATTEMPT | {"extensions": {CANVAS: {"submission_type": "online_url", "url": "https://test.example"}}}), "assessment_topic", CANVAS_EVENT | {"event_type": "SUBMIT_ASSIGNMENT", "assignment_id": ESSAY, "assignment_type": "online_url", "file_url": "https://test.example"}),
    ("completed", caliper("AssignableEvent", "Completed", thing(ESSAY, "AssignableDigitalResource")), "assessment_topic", IN_SECTION | {"event_type": "ASSIGNMENT_COMPLETED", "assignment_id": ESSAY}),
    ("opened to students", caliper("AssignableEvent", "Activated", thing(QUIZ, "Assessment"), by=TEACHER, role="Instructor"), "assessment_topic", IN_SECTION | {"event_type": "EDIT_ASSIGNMENT", "user_id": TEACHER, "role": "teacher", "assignment_id": QUIZ}),
    ("an assignment deleted", caliper("AssignableEvent", "Deleted", thing(ESSAY, "AssignableDigitalResource"), by=TEACHER, role="Instructor"), "assessment_topic", IN_SECTION | {"event_type": "DELETE_ASSIGNMENT", "user_id": TEACHER, "role": "teacher", "assignment_id": ESSAY}),
    ("graded by a teacher", caliper("GradeEvent", "Graded", ESSAY_ATTEMPT, by=TEACHER, role="Instructor", generated=SCORE), "assessment_topic", IN_SECTION | {"event_type": "GRADE_ASSIGNMENT", "user_id": TEACHER, "role": "teacher", "student_id": STUDENT, "assignment_id": ESSAY, "score": 10.5, "max_score": 15.0, "feedback": "auto-graded exam"}),
    ("graded by the platform (Blackboard)", caliper("GradeEvent", "Graded", ATTEMPT, actor=thing(f"{EDU}/autograder", "SoftwareApplication"), generated=SCORE), "assessment_topic", without_role(IN_SECTION) | {"event_type": "GRADE_ASSIGNMENT", "role": "student", "student_id": STUDENT, "assignment_id": QUIZ, "score": 10.5, "max_score": 15.0, "feedback": "auto-graded exam"}),
    ("a question graded", caliper("GradeEvent", "Graded", thing(f"{QUIZ}/items/3/attempts/1", "Attempt", assignee=thing(STUDENT, "Person"), assignable=ITEM), actor=thing(f"{EDU}/autograder", "SoftwareApplication"), generated=SCORE), "assessment_topic", without_role(IN_SECTION) | {"event_type": "QUESTION_GRADED", "user_id": f"{EDU}/autograder", "student_id": STUDENT, "quiz_id": QUIZ, "question_id": f"{QUIZ}/items/3", "score": 10.5, "max_score": 15.0}),
    # quizzes
    ("a problem marked (Open edX)", edx("AssessmentEvent", "Submitted", thing("block-v1:problem", "Assessment", extensions={"attempts": 10, "grade": 2.5, "max_grade": 3})), "assessment_topic", EDX_EVENT | {"event_type": "QUIZ_COMPLETED", "quiz_id": "block-v1:problem", "correct_answers": 2, "score": 2.5}),
    ("a problem's weighted grade (Open edX)", edx("AssessmentEvent", "Submitted", thing("block-v1:problem", "Assessment", extensions={"weighted_earned": 0, "weighted_possible": 1})), "assessment_topic", EDX_EVENT | {"event_type": "QUIZ_ATTEMPTED", "quiz_id": "block-v1:problem", "score": 0}),
    ("a quiz handed in", caliper("AssessmentEvent", "Submitted", thing(QUIZ, "Assessment"), generated=ATTEMPT), "assessment_topic", IN_SECTION | {"event_type": "QUIZ_COMPLETED", "quiz_id": QUIZ}),
    ("a quiz handed in, told of the attempt", caliper("AssignableEvent", "Submitted", ATTEMPT), "assessment_topic", IN_SECTION | {"event_type": "QUIZ_COMPLETED", "quiz_id": QUIZ}),
    ("a quiz begun", caliper("AssessmentEvent", "Started", thing(QUIZ, "Assessment"), generated=ATTEMPT), "assessment_topic", IN_SECTION | {"event_type": "QUIZ_STARTED", "quiz_id": QUIZ}),
    ("a quiz paused", caliper("AssessmentEvent", "Paused", thing(QUIZ, "Assessment")), "assessment_topic", IN_SECTION | {"event_type": "QUIZ_VIEWED", "quiz_id": QUIZ}),
    ("a question answered", caliper("AssessmentItemEvent", "Completed", ITEM), "assessment_topic", IN_SECTION | {"event_type": "QUESTION_ANSWERED", "quiz_id": QUIZ, "question_id": f"{QUIZ}/items/3"}),
    ("a question skipped", caliper("AssessmentItemEvent", "Skipped", ITEM), "assessment_topic", IN_SECTION | {"event_type": "QUESTION_VIEWED", "quiz_id": QUIZ, "question_id": f"{QUIZ}/items/3"}),
    ("a quiz looked at", caliper("NavigationEvent", "NavigatedTo", thing(QUIZ, "Assessment")), "course_topic", IN_SECTION | {"event_type": "ACCESS_COURSE_MATERIAL", "material_id": QUIZ, "material_type": "quiz"}),
    # material
    ("a thread looked at", caliper("ViewEvent", "Viewed", thing(f"{SECTION}/forums/1/topics/1", "Thread")), "forum_topic", IN_SECTION | {"event_type": "POST_VIEWED", "thread_id": f"{SECTION}/forums/1/topics/1", "post_id": f"{SECTION}/forums/1/topics/1"}),
    ("people looked at (Canvas)", canvas("NavigationEvent", "NavigatedTo", extended("urn:instructure:canvas:enrollment:144", "Entity", asset_type="enrollment")), "", "people, groups and settings are no course material"),
    ("a page", caliper("NavigationEvent", "NavigatedTo", PAGE), "course_topic", IN_SECTION | {"event_type": "ITEM_CLICK", "item_id": PAGE["id"], "item_type": "WebPage"}),
    ("a page (Canvas)", canvas("NavigationEvent", "NavigatedTo", extended("urn:instructure:canvas:wikiPage:9", "Entity", asset_type="wiki_page")), "course_topic", CANVAS_EVENT | {"event_type": "ITEM_CLICK", "item_id": "9", "item_type": "wiki_page"}),
    ("a hint (Open edX)", edx("ViewEvent", "Viewed", thing("block-v1:problem", "Frame", extensions={"hint_index": 1})), "assessment_topic", EDX_EVENT | {"event_type": "HINT_SHOWN", "quiz_id": "block-v1:problem"}),
    ("a file viewed", caliper("ViewEvent", "Viewed", FILE), "course_topic", IN_SECTION | {"event_type": "ACCESS_COURSE_MATERIAL", "material_id": FILE["id"], "material_type": "application/pdf"}),
    ("a file downloaded", caliper("ResourceManagementEvent", "Downloaded", FILE), "course_topic", IN_SECTION | {"event_type": "DOWNLOAD_MATERIAL", "resource_id": FILE["id"], "material_type": "application/pdf"}),
    ("a file printed", caliper("ResourceManagementEvent", "Printed", FILE, role="Instructor"), "course_topic", IN_SECTION | {"event_type": "ACCESS_COURSE_MATERIAL", "role": "teacher", "material_id": FILE["id"], "material_type": "application/pdf"}),
    ("a file copied", caliper("ResourceManagementEvent", "Copied", FILE), "", "of files, only what is opened and downloaded has a topic"),
    ("a tool used", caliper("ToolUseEvent", "Used", thing(f"{EDU}/tool", "SoftwareApplication")), "course_topic", IN_SECTION | {"event_type": "ITEM_CLICK", "item_id": f"{EDU}/tool", "item_type": "tool"}),
    ("a tool left", caliper("ToolLaunchEvent", "Returned", thing(f"{EDU}/tool", "SoftwareApplication")), "", "that a tool was left has no topic"),
]
# fmt: on
