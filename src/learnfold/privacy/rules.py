"""SQL over the columns of one kind of Parquet file: whose a row is, which columns name a person, and what they are without."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from learnfold.engines.duckdb.sql import quoted_name
from learnfold.privacy.person import MESSAGE_KEYS
from learnfold.privacy.person_sql import SPACE, as_any_text, as_text, holds_words, names_person, without_person

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from duckdb.sqltypes import DuckDBPyType

    from learnfold.privacy.person import Person

QUARANTINE_COLUMNS, EVENT_COLUMNS = {"reason", "file", "event"}, {"event", "bytes"}
"""By which a quarantine file is known, and its columns that hold the event: the others say where it came from, and make it nobody's."""


@dataclass
class Rules:
    """SQL over single rows; nothing in it is ever NULL but blanked values."""

    theirs: str = "false"  # whether a row is the person's
    mentions: dict[str, str] = field(default_factory=dict)  # by column, whether it names the person
    blanked: dict[str, str] = field(default_factory=dict)  # by column, its value without the person


def quick_tests(person: Person, kinds: Mapping[str, DuckDBPyType]) -> tuple[str, dict[str, str]]:
    """Whether a row gives the very id for a person, and by column that is searched whether it may name them in another way."""
    equal, tests = ["false"], {}
    for name, kind in kinds.items():
        column, lowered = quoted_name(name), name.lower()
        if lowered in {*MESSAGE_KEYS, *person.owners}:
            same = f"erase_equal({as_text(column, kind)})"
            equal.append(same)
            tests[name] = f"(erase_maybe({as_any_text(column, kind)}) AND NOT {same})"
        elif lowered not in person.named and holds_words(kind):
            tests[name] = f"erase_maybe({as_any_text(column, kind)})"
    return " OR ".join(equal), tests


def rules_of(person: Person, kinds: Mapping[str, DuckDBPyType], maybe: Collection[str]) -> Rules:
    """The rules for rows of which only columns of ``maybe`` can name the person, beside being the very id."""
    names = {name.lower() for name in kinds}
    events = _event_columns(kinds) if names.isdisjoint(person.owners) else set()
    theirs, rules = [], Rules()
    for name, kind in kinds.items():
        column, lowered, text = quoted_name(name), name.lower(), as_text(quoted_name(name), kind)
        close = name in maybe
        named = f"coalesce({names_person(column, kind)}, false)" if close and holds_words(kind) else "false"
        if lowered in MESSAGE_KEYS:
            same = f"coalesce(erase_is({text}), false)" if close else f"erase_equal({text})"
            rules.mentions[name] = f"({same} OR {named})"
            rules.blanked[name] = f"CASE WHEN {rules.mentions[name]} THEN NULL ELSE {column} END"
        elif lowered in person.owners:
            theirs.append(f"erase_is({text})" if close else f"erase_equal({text})")
        elif close and lowered not in person.searched and kind.id in {"varchar", "blob"}:
            unowned = f" OR erase_is_unowned({as_any_text(column, kind)})" if name in events else ""
            theirs.append(f"erase_is_event({text}){unowned}")
        if named != "false" and name not in rules.mentions:
            rules.mentions[name] = named
            rules.blanked[name] = f"CASE WHEN {named} THEN {without_person(column, kind)} ELSE {column} END"
    keys = [rules.mentions[name] for name in rules.mentions if name.lower() in MESSAGE_KEYS]
    if keys:
        theirs.append(f"(({' OR '.join(keys)}) AND NOT {_has_owner(person, kinds)})")
    rules.theirs = " OR ".join(f"coalesce({test}, false)" for test in theirs)
    rules.theirs = f"({rules.theirs})" if theirs else "false"
    return rules


def _event_columns(kinds: Mapping[str, DuckDBPyType]) -> set[str]:
    """The columns that hold whole events, in files without a column that says whose an event is."""
    by_name = {name.lower(): name for name in kinds}
    if by_name.keys() >= QUARANTINE_COLUMNS:
        return {by_name[name] for name in EVENT_COLUMNS if name in by_name}
    return {by_name["value"]} if "value" in by_name else set(kinds)


def _has_owner(person: Person, kinds: Mapping[str, DuckDBPyType]) -> str:
    """Whether a row says of itself whose it is."""
    tests = [
        f"trim({as_text(quoted_name(name), kind)}, {SPACE}) <> ''"
        for name, kind in kinds.items()
        if name.lower() in person.owners
    ]
    value = next((name for name in kinds if name.lower() == "value"), None)
    if value is not None and not tests:
        tests.append(f"erase_has_owner({as_text(quoted_name(value), kinds[value])})")
    return f"coalesce({' OR '.join(tests) or 'false'}, false)"
