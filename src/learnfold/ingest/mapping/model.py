"""A mapping: which statement of a learning platform is which of learnfold's events, as plain data.

The rules are asked from top to bottom, and the first that fits a statement decides: it names the events, or says why
there is none. ``file`` reads mappings, ``translate`` follows them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, TypeAlias

from learnfold.ingest.mapping.lookup import FieldValue, UnreadableError, Value
from learnfold.ingest.mapping.paths import Place

if TYPE_CHECKING:
    import re
    from collections.abc import Callable, Iterable

    from learnfold.ingest.mapping.roster import Roster

    _Narrowed: TypeAlias = "tuple[Rule, list[Condition], list[Condition]]"  # a rule, and what of it is left to ask

_MOST_NARROWED = 2_000
"""Facets' texts for which a mapping remembers the rules that may fit: few are met again and again."""


@dataclass(frozen=True)
class Condition:
    """What a rule asks of a statement: one of ``values``, a match of ``pattern``, what ``same`` holds, or that anything (or nothing) is."""

    asked: str | Value  # a facet's name, or a place
    values: frozenset[str] | None = None
    pattern: re.Pattern[str] | None = None
    same: Value | None = None  # another place, which holds the same text
    present: bool = True

    @property
    def of_facets(self) -> bool:
        """Whether nothing but the facets tells if it holds."""
        return isinstance(self.asked, str) and self.same is None

    @cached_property
    def holds(self) -> Callable[[object, dict[str, tuple[str, ...]]], bool]:
        """Whether it is so in a document whose facets hold these texts."""
        wanted = self.values.__contains__ if self.values is not None else self.pattern.search if self.pattern else None
        plain = self.asked.plain if isinstance(self.asked, Value) else None
        if wanted is None or plain is None:
            return self._holds

        def holds(document: object, _: dict[str, tuple[str, ...]]) -> bool:
            found = plain(document)
            if len(found) == 1 and type(found[0]) is str and found[0].isascii():
                return bool(wanted(found[0]))
            return bool(found) and self._holds(document, _)

        return holds

    def _holds(self, document: object, facets: dict[str, tuple[str, ...]]) -> bool:
        found = facets[self.asked] if isinstance(self.asked, str) else self.asked.all_of(document)
        if self.values is not None:
            return not self.values.isdisjoint(found)
        if self.pattern is not None:
            return any(map(self.pattern.search, found))
        if self.same is not None:
            return not set(found).isdisjoint(self.same.all_of(document))
        return self.present == (bool(found) or self._anything(document))

    def _anything(self, document: object) -> bool:
        places = () if isinstance(self.asked, str) else self.asked.at
        return any(place.find(document) for place in places if isinstance(place, Place))


def _hold(
    conditions: Iterable[Condition], document: object, facets: dict[str, tuple[str, ...]], *, wanted: bool
) -> bool:
    """Whether all conditions hold (``wanted``), or none of them."""
    for one in conditions:  # noqa: SIM110 - every statement goes through it, and a generator takes twice as long
        if one.holds(document, facets) != wanted:
            return False
    return True


@dataclass(frozen=True)
class Outcome:
    """One of learnfold's events, and where its fields come from."""

    topic: str
    event_type: str
    fields: dict[str, Value]  # those of every event and of the topic's events too, in the order they are written

    @cached_property
    def category(self) -> str:
        """What its events say in ``event_category``."""
        return self.topic.removesuffix("_topic").upper()

    @cached_property
    def reads(self) -> list[tuple[str, Callable[[object], FieldValue | None]]]:
        """By field, what gives its value in a document."""
        return [(name, value.of) for name, value in self.fields.items()]


@dataclass(frozen=True)
class Rule:
    """One line of the mapping's table."""

    about: str
    when: tuple[Condition, ...]
    unless: tuple[Condition, ...]  # none of them may hold
    outcomes: tuple[Outcome, ...]
    unmapped: str | None  # why there is no event; None when there are outcomes
    retracts: Value | None  # the id of the statement that this one takes back, instead of an event
    asks: dict[str, object]  # ``when`` as the file writes it, for the documentation
    denies: dict[str, object]

    def fits(self, document: object, facets: dict[str, tuple[str, ...]]) -> bool:
        """Whether ``document``, whose ``facets`` hold these texts, is what the rule is about."""
        return _hold(self.when, document, facets, wanted=True) and _hold(self.unless, document, facets, wanted=False)

    def narrowed(self, facets: dict[str, tuple[str, ...]]) -> _Narrowed | None:
        """What is left to ask of a document with these facets; None where they alone tell that it doesn't fit."""
        when, unless = ([one for one in part if one.of_facets] for part in (self.when, self.unless))
        if not (_hold(when, None, facets, wanted=True) and _hold(unless, None, facets, wanted=False)):
            return None
        when, unless = ([one for one in part if not one.of_facets] for part in (self.when, self.unless))
        return self, when, unless


@dataclass(frozen=True)
class Mapping:
    """All of a mapping file, and of the mapping it extends."""

    name: str
    title: str
    reads: str  # the form of the documents, one of ``translate.FORMS``
    line: re.Pattern[str] | None  # of a text that isn't JSON, the group that may be
    unpack: tuple[str, ...]  # keys of a document whose text holds JSON, or that hold the document itself
    facets: dict[str, Value]  # what a rule may ask for by name, and where it lies
    finds: dict[str, Value]  # named places
    words: dict[str, dict[str, tuple[str, ...]]]  # by group and word, the values that mean it
    shared: dict[str, dict[str, Value]]  # the fields of all events (under "all") and of a topic's
    extra_fields: dict[str, str]  # fields that events.md doesn't know, and what they hold
    rules: tuple[Rule, ...]
    roster: Roster | None = field(default=None, repr=False)  # who teaches where, for events that don't say it

    _narrowed: dict[tuple[tuple[str, ...], ...], list[_Narrowed]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def deciding(self, document: object, facets: dict[str, tuple[str, ...]]) -> Rule | None:
        """The first rule that fits ``document``, whose ``facets`` hold these texts; None where none does."""
        key = tuple(facets.values())
        rules = self._narrowed.get(key)
        if rules is None:
            rules = [left for left in (rule.narrowed(facets) for rule in self.rules) if left]
            if len(self._narrowed) < _MOST_NARROWED:
                self._narrowed[key] = rules
        for rule, when, unless in rules:
            if _hold(when, document, facets, wanted=True) and _hold(unless, document, facets, wanted=False):
                return rule
        return None

    @property
    def topics(self) -> list[str]:
        """The topics that its events are of, in order."""
        return sorted({outcome.topic for rule in self.rules for outcome in rule.outcomes})


__all__ = ["Condition", "FieldValue", "Mapping", "Outcome", "Rule", "UnreadableError", "Value"]
