"""What platforms tell of discussions, and what becomes of it; learnt where the other modules say, every statement here is made up."""

from __future__ import annotations

from typing import Any

import platform_canvas
import platform_moodle
import platform_openedx
import platform_records
from platform_moodle import EDLM, SITE, thing
from platform_openedx import LMS, activity

Document = dict[str, Any]

# --- xAPI: Moodle and Open edX -------------------------------------------------------------------------------------------

FORUM = thing("/mod/forum/view.php?id=41", f"{EDLM}/activity-types/forum")
THREAD = thing("/mod/forum/discuss.php?d=6", f"{platform_moodle.TIN}/activitytype/discussion")
REPLY = thing("/mod/forum/discuss.php?d=6#p8", f"{platform_moodle.TIN}/activitytype/forum-reply")
IN_FORUM = (FORUM, *platform_moodle.IN_COURSE)
IN_THREAD = (THREAD, *IN_FORUM)
M = {**platform_moodle.HERE, "forum_id": FORUM["id"], "thread_id": THREAD["id"]}
AS = platform_moodle.AS

DISCUSSED = f"{LMS}/api/discussion/v1"
TALK = f"{platform_openedx.TIN}/activitytype/discussion"
ACROSS = platform_openedx.ACROSS
E = platform_openedx.HERE


def edx(verb: str, path: str, thread: str | None = None) -> Document:
    """A statement of Open edX about a thread or a comment; of a new comment, its thread is told."""
    said = platform_openedx.said(verb, activity(f"{DISCUSSED}/{path}", TALK))
    if thread:
        said["context"]["contextActivities"]["grouping"] = [activity(f"{DISCUSSED}/threads/{thread}", TALK)]
    return said


# fmt: off
XAPI: list[tuple[str, Document, str, Document | str]] = [
    ("Moodle: a forum opened", platform_moodle.said(f"{platform_moodle.TIN}/verb/viewed", FORUM, *platform_moodle.IN_COURSE), "course_topic", platform_moodle.MATERIAL | {"event_type": "ACCESS_COURSE_MATERIAL", "material_id": FORUM["id"], "material_type": "forum"}),
    ("Moodle: a discussion begun", platform_moodle.said(f"{AS}/create", THREAD, *IN_FORUM), "forum_topic", M | {"event_type": "POST_CREATED", "post_id": THREAD["id"]}),
    ("Moodle: a reply", platform_moodle.said(f"{platform_moodle.TIN}/verb/replied", REPLY, *IN_THREAD), "forum_topic", M | {"event_type": "REPLY_CREATED", "post_id": REPLY["id"]}),
    ("Moodle: a discussion read", platform_moodle.said(f"{platform_moodle.TIN}/verb/viewed", THREAD, *IN_FORUM), "forum_topic", M | {"event_type": "POST_VIEWED", "post_id": THREAD["id"]}),
    ("Moodle: a discussion followed", platform_moodle.said(f"{EDLM}/verbs/subscribed", THREAD, *IN_FORUM), "forum_topic", M | {"event_type": "THREAD_FOLLOWED"}),
    ("Moodle: a forum followed", platform_moodle.said(f"{EDLM}/verbs/subscribed", FORUM, *platform_moodle.IN_COURSE), "forum_topic", {**platform_moodle.HERE, "forum_id": FORUM["id"], "event_type": "THREAD_FOLLOWED"}),
    ("Moodle: a forum left", platform_moodle.said(f"{EDLM}/verbs/unsubscribed", FORUM, *platform_moodle.IN_COURSE), "forum_topic", {**platform_moodle.HERE, "forum_id": FORUM["id"], "event_type": "THREAD_UNFOLLOWED"}),
    ("Moodle: a reply changed", platform_moodle.said("https://w3id.org/xapi/acrossx/verbs/edited", REPLY, *IN_THREAD), "forum_topic", M | {"event_type": "POST_EDITED", "post_id": REPLY["id"]}),
    ("Moodle: a reply removed", platform_moodle.said(f"{AS}/delete", REPLY, *IN_THREAD), "forum_topic", M | {"event_type": "POST_DELETED", "post_id": REPLY["id"]}),
    ("Moodle: a remark on a wiki", platform_moodle.said(f"{platform_moodle.ADL}/verbs/commented", thing("/mod/wiki/comments.php?pageid=1", TALK), *platform_moodle.IN_COURSE), "", platform_moodle.NO_TALK),
    ("Open edX: a discussion begun", edx(f"{ACROSS}/verbs/posted", "threads/aa01"), "forum_topic", E | {"event_type": "POST_CREATED", "thread_id": "aa01", "post_id": "aa01"}),
    ("Open edX: a response", edx(f"{ACROSS}/verbs/posted", "comments/bb02", "aa01"), "forum_topic", E | {"event_type": "REPLY_CREATED", "thread_id": "aa01", "post_id": "bb02"}),
    ("Open edX: a discussion read", edx("http://id.tincanapi.com/verb/viewed", "comments/aa01"), "forum_topic", E | {"event_type": "POST_VIEWED", "thread_id": "aa01", "post_id": "aa01"}),
    ("Open edX: a vote", edx("https://w3id.org/xapi/openedx/verb/voted", "threads/aa01"), "forum_topic", E | {"event_type": "POST_LIKED", "thread_id": "aa01", "post_id": "aa01"}),
    ("Open edX: reported", edx(f"{ACROSS}/verbs/reported", "comments/bb02"), "forum_topic", E | {"event_type": "POST_REPORTED", "thread_id": "bb02", "post_id": "bb02"}),
]
# fmt: on

# --- Caliper: the specification's and Canvas's ---------------------------------------------------------------------------

AREA = {"id": f"{SITE}/forums/1", "type": "Forum"}
TOPIC = {"id": f"{SITE}/forums/1/topics/2", "type": "Thread", "isPartOf": AREA}
C = {**platform_canvas.HERE, "forum_id": AREA["id"], "thread_id": TOPIC["id"]}


def message(number: int, **more: Any) -> Document:
    """A message in the thread."""
    return {"id": f"{TOPIC['id']}/messages/{number}", "type": "Message", "isPartOf": TOPIC, **more}


POST = message(3)
sent, canvas_thing = platform_canvas.sent, platform_canvas.thing
WITHIN = {"isPartOf": {"id": platform_canvas.urn("discussion", 61), "type": "Thread"}}
CH = platform_canvas.HERE

# fmt: off
CALIPER: list[tuple[str, Document, str, Document | str]] = [
    ("a message", sent("MessageEvent", "Posted", POST), "forum_topic", C | {"event_type": "POST_CREATED", "post_id": POST["id"]}),
    ("an answer", sent("MessageEvent", "Posted", message(4, replyTo=POST)), "forum_topic", C | {"event_type": "REPLY_CREATED", "post_id": f"{TOPIC['id']}/messages/4", "parent_id": POST["id"]}),
    ("read", sent("MessageEvent", "MarkedAsRead", POST), "forum_topic", C | {"event_type": "POST_VIEWED", "post_id": POST["id"]}),
    ("a thread looked at", sent("ViewEvent", "Viewed", TOPIC), "forum_topic", C | {"event_type": "POST_VIEWED", "post_id": TOPIC["id"]}),
    ("a thread made", sent("ThreadEvent", "Created", TOPIC), "forum_topic", C | {"event_type": "THREAD_CHANGED"}),
    ("a forum followed", sent("ForumEvent", "Subscribed", AREA), "forum_topic", {**CH, "forum_id": AREA["id"], "event_type": "THREAD_FOLLOWED"}),
    ("a forum left", sent("ForumEvent", "Unsubscribed", AREA), "forum_topic", {**CH, "forum_id": AREA["id"], "event_type": "THREAD_UNFOLLOWED"}),
    ("a survey", sent("FeedbackEvent", "Ranked", AREA), "", "messages, feedback, surveys, searches and annotations have no topic"),
    ("Canvas: a discussion begun", sent("ThreadEvent", "Created", canvas_thing("discussion", 61, "Thread")), "forum_topic", CH | {"event_type": "POST_CREATED", "thread_id": "61", "post_id": "61"}),
    ("Canvas: a reply", sent("MessageEvent", "Posted", canvas_thing("discussionEntry", 62, "Message", more=WITHIN)), "forum_topic", CH | {"event_type": "REPLY_CREATED", "thread_id": "61", "post_id": "62"}),
    ("Canvas: a discussion looked at", sent("NavigationEvent", "NavigatedTo", canvas_thing("discussion", 61, asset_type="discussion_topic")), "forum_topic", CH | {"event_type": "POST_VIEWED", "thread_id": "61", "post_id": "61"}),
]
# fmt: on

# --- logs --------------------------------------------------------------------------------------------------------------

line, logged, shown, canvas = (
    platform_records.line,
    platform_records.logged,
    platform_records.shown,
    platform_records.canvas,
)
WHO = {"commentable_id": "course", "user_forums_roles": ["Student"], "user_course_roles": []}
T = {**platform_records.EVENT, "role": "student", "forum_id": "course", "thread_id": "aa01"}
STAFF = {**WHO, "user_course_roles": ["Instructor"]}
MH = {**platform_records.MHERE, "forum_id": "41", "thread_id": "6"}
AT = {"contextlevel": "70", "contextinstanceid": "41"}
CC = platform_records.CHERE

# fmt: off
TRACKING: list[tuple[str, Document, str, Document | str]] = [
    ("a discussion begun", line("edx.forum.thread.created", {**WHO, "id": "aa01"}), "forum_topic", T | {"event_type": "POST_CREATED", "post_id": "aa01"}),
    ("a discussion begun by a teacher", line("edx.forum.thread.created", {**STAFF, "id": "aa01"}), "forum_topic", T | {"role": "teacher", "event_type": "POST_CREATED", "post_id": "aa01"}),
    ("a response", line("edx.forum.response.created", {**WHO, "id": "bb02", "discussion": {"id": "aa01"}}), "forum_topic", T | {"event_type": "REPLY_CREATED", "post_id": "bb02"}),
    ("a comment", line("edx.forum.comment.created", {**WHO, "id": "cc03", "discussion": {"id": "aa01"}, "response": {"id": "bb02"}}), "forum_topic", T | {"event_type": "REPLY_CREATED", "post_id": "cc03", "parent_id": "bb02"}),
    ("a discussion read", line("edx.forum.thread.viewed", {**WHO, "id": "aa01"}), "forum_topic", T | {"event_type": "POST_VIEWED", "post_id": "aa01"}),
    ("a vote", line("edx.forum.thread.voted", {**WHO, "id": "aa01", "vote_value": "up"}), "forum_topic", T | {"event_type": "POST_LIKED", "post_id": "aa01"}),
    ("followed", line("edx.forum.thread.followed", {**WHO, "id": "aa01"}), "forum_topic", T | {"event_type": "THREAD_FOLLOWED", "post_id": "aa01"}),
    ("changed", line("edx.forum.thread.edited", {**WHO, "id": "aa01"}), "forum_topic", T | {"event_type": "POST_EDITED", "post_id": "aa01"}),
    ("removed", line("edx.forum.thread.deleted", {**WHO, "id": "aa01"}), "forum_topic", T | {"event_type": "POST_DELETED", "post_id": "aa01"}),
    ("reported", line("edx.forum.thread.unreported", {**WHO, "id": "aa01"}), "forum_topic", T | {"event_type": "POST_REPORTED", "post_id": "aa01"}),
    ("a search", line("edx.forum.searched", {"query": "exam"}), "", "searches in discussions have no topic"),
]
MOODLE: list[tuple[str, Document, str, Document | str]] = [
    ("a forum opened", logged("\\mod_forum\\event\\course_module_viewed", **AT), "course_topic", {**platform_records.MHERE, "event_type": "ACCESS_COURSE_MATERIAL", "material_id": "41", "material_type": "forum"}),
    ("a discussion begun", logged("\\mod_forum\\event\\discussion_created", objectid="6", **AT), "forum_topic", MH | {"event_type": "POST_CREATED", "post_id": "6"}),
    ("a reply", logged("\\mod_forum\\event\\post_created", objectid="8", other='{"discussionid": "6", "forumid": "2"}', **AT), "forum_topic", MH | {"event_type": "REPLY_CREATED", "post_id": "8"}),
    ("a discussion read", logged("\\mod_forum\\event\\discussion_viewed", objectid="6", **AT), "forum_topic", MH | {"event_type": "POST_VIEWED", "post_id": "6"}),
    ("a discussion followed", logged("\\mod_forum\\event\\discussion_subscription_created", objectid="1", other='a:2:{s:12:"discussionid";s:1:"6";}', **AT), "forum_topic", MH | {"event_type": "THREAD_FOLLOWED"}),
    ("report: a discussion read", shown("Discussion viewed", "The user with id '21' has viewed the discussion with id '6' in the forum with course module id '41'."), "forum_topic", {**platform_records.REPORTED, "forum_id": "41", "thread_id": "6", "event_type": "POST_VIEWED", "post_id": "6"}),
]
CANVAS: list[tuple[str, Document, str, Document | str]] = [
    ("a discussion begun", canvas("discussion_topic_created", discussion_topic_id="61", is_announcement=False), "forum_topic", CC | {"event_type": "POST_CREATED", "thread_id": "61", "post_id": "61"}),
    ("an announcement", canvas("discussion_topic_created", discussion_topic_id="61", is_announcement=True), "", "announcements have no topic"),
    ("a reply", canvas("discussion_entry_created", discussion_topic_id="61", discussion_entry_id="62", parent_discussion_entry_id="60", user_id="21"), "forum_topic", CC | {"event_type": "REPLY_CREATED", "thread_id": "61", "post_id": "62", "parent_id": "60"}),
    ("a discussion looked at", canvas("asset_accessed", asset_type="discussion_topic", asset_id=f"{platform_records.SHARD}0061"), "forum_topic", CC | {"event_type": "POST_VIEWED", "thread_id": "61", "post_id": "61"}),
]
# fmt: on
