"""A person as events and files name them: by a whole id, never by a part of a longer one.

An event is a person's when a field that says whose event it is (``user_id``, ``student_id``) is their id. Elsewhere (in words, addresses, unknown fields) an id is a
mention, if it stands as a token of its own: ``U1`` is one in ``"see U1."`` and in ``/files/U1/a.pdf``, not in ``U10``, ``U1-a`` or
``U1@x.org``. A number, a single letter or a word of learnfold's own means too many other things to be searched for like that.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from learnfold.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Collection

    from learnfold.catalog import Catalog

MESSAGE_KEYS = ("key", "kafka_key")
"""The columns that hold a Kafka message's key."""

ERASED = "[erased]"
"""What stands where a mention was."""

_COLUMNS = ("topic", "reason", "file", "row", "kafka_partition", "kafka_offset", "partition", "offset", "_day")
_WORDS = frozenset(
    {"true", "false", "null", "student", "teacher", "learnfold", "python", "duckdb", "spark"}
    | {"run", "erase", "rollback", "whole", "slices", "batch", "engine", "versions", "settings"}
)
_WORD, _JOIN = r"\p{L}\p{M}\p{N}_", r".@\-"


@dataclass(frozen=True)
class Person:
    """Whom to find."""

    id: str
    owners: tuple[str, ...]  # the fields whose value makes an event a person's
    searched: frozenset[
        str
    ]  # the other fields that may name a person: all whose line in a subject doesn't say otherwise
    named: frozenset[str]  # the columns that name other things, so that a person's id there is a coincidence
    fields: frozenset[str]  # of them, those that an event's JSON may have
    words: frozenset[str]  # that files of learnfold hold anyway

    @classmethod
    def of(cls, user_id: str, catalog: Catalog, words: Collection[str] = ()) -> Person:
        """The person called ``user_id``, where ``words`` are names of places and machines; raises UsageError for a blank id."""
        if not user_id.strip():
            raise UsageError("the user id is blank; name the person to erase")
        of_events = [field for topic in catalog.topics.values() for field in topic.fields]
        made = [column for rollup in catalog.rollups.values() for column in rollup.columns]
        made += [column for view in catalog.views.values() for column in view.columns]
        fields, columns = {field.name for field in of_events}, {column.name for column in made}
        owners = dict.fromkeys(field.name for field in of_events if field.names == "owner")
        searched = {field.name for field in of_events if field.names == "anyone"}
        searched |= {column.name for column in made if column.names == "anyone"}
        searched -= owners.keys()
        names = {*catalog.jobs, *catalog.topics, *catalog.rollups, *catalog.views}
        types = {word for rollup in catalog.rollups.values() for word in re.findall(r"'(\w+)'", rollup.query)}
        telling = owners.keys() | searched
        texts = {column.name for column in made if column.type == "VARCHAR"}
        named = frozenset((fields | texts | set(_COLUMNS)) - telling)
        own = frozenset({*_WORDS, *fields, *columns, *names, *types, *words})
        return cls(user_id.strip(), tuple(owners), frozenset(searched), named, frozenset(fields - telling), own)

    @cached_property
    def distinctive(self) -> bool:
        """Whether the id means this person wherever it stands, so that texts are searched for it."""
        number = re.fullmatch(r"[\d.,:+\-eE]+", self.id)
        return len(self.id) > 1 and number is None and self.id not in self.words

    @cached_property
    def pattern(self) -> str:
        """A regular expression (RE2) for the id in a text, groups 1 and 2 what stands before and after it.

        Of an id that isn't distinctive: the id as the value of a field that identifies a person.
        """
        after = rf"($|[^{_WORD}{_JOIN}]|[{_JOIN}]+(?:$|[^{_WORD}{_JOIN}]))"
        if not self.distinctive:
            return rf"((?:{'|'.join(self.owners)})[\s\"'\\:=]{{1,8}}){self._spelled}{after}"
        escapes = r"\\[nrtbf]|\\u00[0-2][0-9a-fA-F]"  # of JSON: a letter that is none
        return rf"(^|[^{_WORD}{_JOIN}]|(?:^|[^{_WORD}{_JOIN}])[{_JOIN}]+|{escapes}){self._spelled}{after}"

    @cached_property
    def coincidence(self) -> str:
        """A regular expression for the id as the value of a field that names something else, in JSON; groups before and after."""
        return rf'("(?:{"|".join(sorted(map(re.escape, self.fields)))})"\s*:\s*"){self._spelled}(")'

    @cached_property
    def in_json(self) -> str:
        """The id as it stands between the quotes of a JSON string."""
        return json.dumps(self.id, ensure_ascii=False)[1:-1]

    def named_in(self, text: str) -> bool:
        """Whether a text of any kind names the person."""
        return self._python[1].search(self._python[0].sub(r"\1\2", text)) is not None

    @cached_property
    def _python(self) -> tuple[re.Pattern[str], re.Pattern[str]]:
        word = self.pattern.replace(r"\p{L}\p{M}\p{N}_", r"\w\u0300-\u036f")
        return re.compile(self.coincidence), re.compile(word)

    @cached_property
    def _spelled(self) -> str:
        """The id, each character as itself or as JSON may escape it."""
        return "".join(map(_character, self.id))


def _character(character: str) -> str:
    units = character.encode("utf-16-be")
    codes = "".join(rf"\\u(?i:{units[at : at + 2].hex()})" for at in range(0, len(units), 2))
    quoted = rf"|\\{re.escape(character)}" if character in '"\\/' else ""
    return f"(?:{re.escape(character)}{quoted}|{codes})"
