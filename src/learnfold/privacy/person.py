"""A person as events and files name them: by a whole id, never by a part of a longer one.

An event is a person's when a field that says whose event it is (``user_id``, ``student_id``) is their id. Elsewhere (in words, addresses,
unknown fields) an id is a mention, if it stands alone, see ``tokens``, in any spelling, see ``spelling``. A number, a single letter or a word
of learnfold's own means too many other things to be searched for like that: of such an id only the fields that identify a person
are compared with it, in texts too.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from learnfold.errors import UsageError
from learnfold.privacy.packed import packed_core, run_of, unpacked
from learnfold.privacy.spelling import BACKSLASH, PERCENT, spelled
from learnfold.privacy.tokens import after, alone, for_python

if TYPE_CHECKING:
    from collections.abc import Collection

    from learnfold.catalog import Catalog

MESSAGE_KEYS = ("key", "kafka_key")
"""The columns that hold a Kafka message's key."""

ERASED = "[erased]"
"""What stands where a mention was."""

SPECIAL_MARKS = ("\\", "%", "&")
"""With one of these each escape begins."""

_WORDS = frozenset(
    {"true", "false", "null", "student", "teacher", "learnfold", "python", "duckdb", "spark"}
    | {"run", "erase", "rollback", "whole", "slices", "batch", "engine", "versions", "settings"}
)


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
        named = frozenset((fields | texts) - telling)
        own = frozenset({*_WORDS, *fields, *columns, *names, *types, *words})
        return cls(user_id.strip(), tuple(owners), frozenset(searched), named, frozenset(fields - telling), own)

    @cached_property
    def distinctive(self) -> bool:
        """Whether the id means this person wherever it stands, so that texts are searched for it."""
        number = re.fullmatch(r"[\d.,:+\-eE]+", self.id)
        return len(self.id) > 1 and number is None and self.id not in self.words

    @cached_property
    def any_case(self) -> bool:
        """Whether the id is the same in capitals and small letters, as a mail address and a UUID are."""
        return (
            re.fullmatch(r"[^@\s]+@[^@\s]+|[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", self.id) is not None
        )

    @cached_property
    def spelled(self) -> str:
        """A regular expression for the id, however it is written."""
        return spelled(self.id, any_case=self.any_case)

    @cached_property
    def whole(self) -> str:
        """A regular expression (RE2) for all of a field's value that is the id."""
        return rf"\s*(?i:mailto:|acct:)?{self.spelled}\s*"

    @cached_property
    def patterns(self) -> tuple[str, ...]:
        """Regular expressions (RE2) for the id in a text, groups 1 and 2 what stands before and after it.

        A second one is for texts that aren't JSON, where there is a difference. Of an id that isn't distinctive: the id as the value of
        a field that identifies a person.
        """
        if not self.distinctive:
            between = rf"(?:[\s\"'\\:=]|{PERCENT}(?:20|22|3[aAdD])|{BACKSLASH}+u00(?:22|3[dD])){{1,12}}"
            return (rf"((?:{'|'.join(self.owners)}){between}){self.spelled}{after()}",)
        both = (alone(self.spelled, self.id[:2], loose=loose) for loose in (False, True))
        return tuple(dict.fromkeys(both))

    @cached_property
    def number(self) -> str | None:
        """A regular expression for an id of digits as the number that a field of JSON gives for a person; groups before and after."""
        if not self.id.isdecimal():
            return None
        return rf'("(?:{"|".join(self.owners)})\\*"\s*:\s*){self.id}(?:\.0+)?(\s*[,}}\]])'

    @cached_property
    def packed_core(self) -> str | None:
        """A regular expression for the letters that are certain of the id in base64; None of a short id."""
        return packed_core(self.id, any_case=self.any_case)

    @cached_property
    def packed(self) -> str | None:
        """A regular expression for a run of base64 that may hold the id."""
        return None if self.packed_core is None else run_of(self.packed_core)

    @cached_property
    def coincidence(self) -> str:
        """A regular expression for the id as the value of a field that names something else, in JSON; groups before, id and after."""
        return rf'("(?:{"|".join(sorted(map(re.escape, self.fields)))})"\s*:\s*")({self.spelled})(")'

    def may_name(self, text: str) -> bool:
        """A quick test that every text passes that can name the person; few others do."""
        plain = self.id.lower() in text.lower() if self.any_case else self.id in text
        special = any(mark in text for mark in SPECIAL_MARKS)
        return plain or special or not (self.id.isascii() or text.isascii()) or (" " in self.id and "+" in text)

    def named_in(self, text: str) -> bool:
        """Whether a text of any kind names the person."""
        if self._plainly_in(text):
            return True
        runs = re.findall(self.packed, text) if self.packed and re.search(self.packed_core or "", text) else []
        return any(self._plainly_in(found) for run in runs for found in unpacked(run))

    def _plainly_in(self, text: str) -> bool:
        if not self.may_name(text):
            return False
        coincidence, strict, *loose = self._python
        if self.number is not None and re.search(self.number, text):
            return True
        if not any(pattern.search(text) for pattern in (strict, *loose)):
            return False
        rest = coincidence.sub(r"\1\3", text)
        if strict.search(rest):
            return True
        found = [match for pattern in loose for match in pattern.finditer(rest)]
        return bool(found) and not _is_json(rest) and not all(_is_json(_line(rest, match)) for match in found)

    def blanked(self, text: str) -> str:
        """A text of any kind without the person."""
        for pattern in self._python[1:] * 2:  # twice, for two that share what stands between them
            text = pattern.sub(rf"\1{ERASED}\2", text)
        return text

    @cached_property
    def _python(self) -> list[re.Pattern[str]]:
        return [re.compile(for_python(pattern)) for pattern in (self.coincidence, *self.patterns)]


def _line(text: str, match: re.Match[str]) -> str:
    return text[text.rfind("\n", 0, match.end(1)) + 1 :].partition("\n")[0]


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True
