"""A catalogue that counts, of the same topics: of each type of event how many there are, and how many hold each field."""

from __future__ import annotations

from typing import TYPE_CHECKING

from learnfold.catalog.jobs import COMMON

if TYPE_CHECKING:
    from collections.abc import Iterable

    from learnfold.catalog.model import Catalog, Field, Topic

EVENTS = "events"
"""The view's column that counts all events; the others are called after the field, behind ``has_``."""


def counting(catalog: Catalog) -> Catalog:
    """A job and a view for each topic of ``catalog``, both called after it: a row a type of event, with the columns of ``counted``."""
    from learnfold.catalog import read

    topics = catalog.topics.values()
    shared = [one for one in next(iter(topics)).fields if all(one in topic.fields for topic in topics)]
    scripts = {COMMON: f"CREATE TABLE {COMMON} (\n{_columns(shared)}\n);\n"}
    return read(scripts | {topic.name: _script(topic, shared) for topic in topics})


def view_of(topic: Topic) -> str:
    """The name of the view that counts a topic's events."""
    return f"told_of_{topic.name}"


def counted(topic: Topic) -> list[str]:
    """The fields that are counted: those that an event may be without."""
    return [one.name for one in topic.fields if not one.required and not one.derived]


def _script(topic: Topic, shared: list[Field]) -> str:
    own = [one for one in topic.fields if one not in shared]
    names = counted(topic)
    rollup, view = f"events_of_{topic.name}", view_of(topic)
    each = "".join(f"  count({name}) AS has_{name},  -- events that hold it\n" for name in names)
    sums = "".join(f"  sum(has_{name}) AS has_{name},  -- events that hold it\n" for name in names)
    return (
        f"-- What {topic.name} holds.\n\n"
        f"-- Its events.\nCREATE TABLE {topic.name} (\n{_columns(own)}\n);\n\n"
        f"-- By day.\nCREATE TABLE {rollup} AS\nSELECT\n  date,\n  event_type,\n{each}  count(*) AS {EVENTS}  -- events\n"
        f"FROM {topic.name}\nGROUP BY ALL;\n\n"
        f"-- Together.\nCREATE VIEW {view} AS\nSELECT\n  event_type,\n{sums}  sum({EVENTS}) AS {EVENTS}  -- events\n"
        f"FROM {rollup}\nGROUP BY ALL;\n"
    )


def _columns(fields: Iterable[Field]) -> str:
    marks = {"nobody": " (names no person)", "owner": " (whose event it is)", "anyone": ""}
    lines = []
    for one in fields:
        rest = " NOT NULL" if one.required else f" GENERATED ALWAYS AS ({one.derived})" if one.derived else ""
        check = f" CHECK ({one.check})" if one.check else ""
        lines.append(f"  {one.name} {one.type}{rest}{check},  -- {one.comment}{marks[one.names]}")
    return "\n".join(lines)
