"""The topics of a semester, as the catalogue has them: their tables, and plain events and values where no script makes better ones.

``sql/<topic without _topic>.sql`` makes a topic's events. A topic without a script gets some from people's sessions, of the types that
its rollups ask for; a field that its topic's script doesn't name gets plain values. So a new field or subject is made up at once.
"""

from __future__ import annotations

import re
from importlib import resources
from typing import TYPE_CHECKING

from learnfold import catalog
from learnfold.generate.calibrate import MIX

if TYPE_CHECKING:
    from learnfold.catalog import Field, Topic

_ALTERED = {
    "auth_topic": "session_id",
    "assessment_topic": "course_id",
    "course_topic": "course_id",
    "profile_topic": "new_value",
    "notification_topic": "notification_type",
}
_SPARSE = {
    "auth_topic": "registration_source",
    "assessment_topic": "score",
    "video_topic": "course_id",
    "course_topic": "material_id",
    "profile_topic": "updated_fields",
    "notification_topic": "related_object_id",
}
_GIVEN = {"event_id", "event_category", "event_type", "user_id", "role", "timestamp"}
"""Fields that every topic's events have from the start."""

_PLAIN = {
    "VARCHAR": ["'{name}-' || (1 + below(h, '{name}', 20))"],
    "INTEGER": ["1 + below(h, '{name}', 100)", "below(h, '{name}', 2)"],
    "DOUBLE": ["round(100 * chance(h, '{name}'), 1)", "round(chance(h, '{name}'), 3)"],
    "TIMESTAMP": ["make_timestamp(us + seconds_us(86400 * below(h, '{name}', 14)))"],
    "VARCHAR[]": ["['{name}-' || (1 + below(h, '{name}', 20))]"],
}
"""By type, values to try: the first that the field's CHECK lets pass is taken."""

_SESSIONS_WITH = 0.3
"""Of people's sessions the share with an event of a topic that has no script."""


def topic_names() -> tuple[str, ...]:
    """The topics, those with the most events first."""
    return tuple(sorted(catalog.load().topics, key=lambda name: -MIX.get(stem(name), 0)))


def stem(topic: str) -> str:
    """A topic's name without ``_topic``, as its script is called."""
    return topic.removesuffix("_topic")


def tables() -> str:
    """SQL for an empty table a topic.

    h is the event's own 64 bits, us its time in microseconds since 1970 UTC, planted whether its numbers are in the planted truth.
    The other columns are the events' fields.
    """
    return "".join(
        f"CREATE OR REPLACE TABLE {topic.name} (h UBIGINT, us BIGINT, planted BOOLEAN DEFAULT false, {_columns(topic)});\n"
        for topic in catalog.load().topics.values()
    )


def events(topic: str) -> list[str]:
    """The statements that make the topic's events of the days being made, in order."""
    script = _script(topic)
    made = [script or _plain_events(topic)]
    names = [f for f in catalog.load().topic(topic).sent if f.name not in _GIVEN and not _named(f.name, script)]
    if names:
        made.append(f"UPDATE {topic} SET {', '.join(f'{field.name} = {_plain(field)}' for field in names)}")
    return made


def altered(topic: str) -> str:
    """SQL for what a copy that says something else says: more than the event, so that the event is kept."""
    if topic == "video_topic":
        return "watch_duration_seconds = watch_duration_seconds + 7"
    own = [
        field.name for field in catalog.load().topic(topic).sent if field.type == "VARCHAR" and field.name not in _GIVEN
    ]
    name = _ALTERED.get(topic) or next(iter(own), "event_category")
    return f"{name} = {name} || '~'"


def sparse(topic: str) -> str:
    """A column that some events leave out."""
    own = [field.name for field in catalog.load().topic(topic).sent if field.name not in _GIVEN]
    return _SPARSE.get(topic) or next(iter(own), "role")


def _columns(topic: Topic) -> str:
    default = {"event_category": f" DEFAULT '{stem(topic.name).upper()}'"}
    sent = [field for field in topic.sent if field.name not in {"event_id", "timestamp"}]
    return ", ".join(f"{field.name} {field.type}{default.get(field.name, '')}" for field in sent)


def _script(topic: str) -> str:
    file = resources.files("learnfold.generate") / "sql" / f"{stem(topic)}.sql"
    return file.read_text("utf-8") if file.is_file() else ""


def _named(field: str, script: str) -> bool:
    return re.search(rf"\b{field}\b", script) is not None


def _plain_events(topic: str) -> str:
    rollups = [rollup for rollup in catalog.load().rollups.values() if rollup.topic.name == topic]
    types = sorted({word for rollup in rollups for word in re.findall(r"'([A-Z][A-Z0-9_]*)'", rollup.query)})
    listed = ", ".join(f"'{word}'" for word in types or [stem(topic).upper()])
    return (
        f"INSERT INTO {topic} BY NAME SELECT draw(h, '{topic}') AS h, us, pick(h, '{topic} type', [{listed}]) AS event_type, "
        f"user_id, role FROM (SELECT *, started_us + seconds_us(60 * chance(h, '{topic} time')) AS us FROM sessions) AS made "
        f"WHERE due(us) AND chance(h, '{topic}') < {_SESSIONS_WITH}"
    )


def _plain(field: Field) -> str:
    """SQL for a value of the field; one in ten is NULL where it may be."""
    if field.name == "course_id":
        values = ["pick(h, 'course_id', (SELECT list(course_id ORDER BY course_number) FROM courses))"]
    else:
        values = [value.format(name=field.name) for value in _PLAIN[field.type]]
    if field.check:
        name = re.compile(rf"\b{field.name}\b")
        passing = [f"WHEN {name.sub(f'({value})', field.check)} THEN {value}" for value in values]
        value = f"CASE {' '.join(passing)} END"
    else:
        value = values[0]
    return value if field.required else f"CASE WHEN chance(h, 'no {field.name}') >= 0.1 THEN {value} END"
