"""A mapping: which statement of a learning platform is which of learnfold's events, as plain data.

The rules are asked from top to bottom, and the first that fits a statement decides: it names the events, or says why
there is none. ``file`` reads mappings, ``translate`` follows them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from learnfold.ingest.mapping.conversions import CONVERSIONS, LIST, SINCE, days_since
from learnfold.ingest.mapping.paths import Place, as_text

if TYPE_CHECKING:
    import re
    from collections.abc import Iterator

    from learnfold.ingest.mapping.roster import Roster

FieldValue = str | int | float | list[str]
"""What a field of an event may hold; a field with nothing in it is left out."""


class UnreadableError(ValueError):
    """Something is there that can't be read as what the field holds."""

    def __init__(self, place: str, wanted: str) -> None:
        super().__init__(f"{place} can't be read as {wanted}")


@dataclass(frozen=True)
class Value:
    """Where a field's value comes from: the first of its places that holds something, converted; else ``otherwise``."""

    at: tuple[Place | Value, ...] = ()  # a Value is one of the mapping's named places
    conversion: str = "text"
    takes: tuple[re.Pattern[str], ...] = ()  # of a text, the first group of the first that matches is kept
    must_match: bool = False  # a text that none of ``takes`` matches is nothing; else it is kept whole
    since: Value | None = None  # the day from which ``days_since`` counts
    template: tuple[str | Place | Value, ...] = ()  # in place of ``at``: texts, and what is put between them
    words: dict[str, frozenset[str]] | None = None  # the word that any of the values means; others are nothing
    otherwise: FieldValue | None = None
    text: str = ""  # as the mapping file writes it, for messages and documentation

    def of(self, document: object) -> FieldValue | None:
        """The value in ``document``, None when there is none; raises UnreadableError."""
        for place in self.at:
            found = list(self._found(place, document))
            if not found:
                continue
            value = self._read(place, found, document)
            if value is not None:
                return value
        filled = self._filled(document) if self.template else None
        return self.otherwise if filled is None else filled

    def _read(self, place: Place | Value, found: list[object], document: object) -> FieldValue | None:
        if self.words is not None:
            return self._word(found)
        if self.conversion == SINCE:
            try:
                return days_since(found[0], self.since.of(document) if self.since else None)
            except ValueError as error:
                raise UnreadableError(place.text, str(error)) from None
        return self._converted(place, found)

    def all_of(self, document: object) -> Iterator[str]:
        """Every text that lies at its places, converted, for a rule to compare; what can't be read is passed over."""
        for place in self.at:
            for found in self._found(place, document):
                try:
                    value = self._read(place, [found], document)
                except UnreadableError:
                    continue
                text = as_text(value)
                if text is not None:
                    yield text

    def spelled(self) -> str:
        """Its places in words, those of named places too."""
        places = (*self.at, *(part for part in self.template if not isinstance(part, str)))
        return ", ".join(place.text if isinstance(place, Place) else place.spelled() for place in places)

    @staticmethod
    def _found(place: Place | Value, document: object) -> Iterator[object]:
        if isinstance(place, Place):
            yield from place.find(document)
        else:
            value = place.of(document)
            if value is not None:
                yield value

    def _word(self, found: list[object]) -> str | None:
        texts = {text for text in map(as_text, found) if text is not None}
        if self.conversion == "term":
            texts |= {str(CONVERSIONS["term"](text)) for text in texts}
        return next((word for word, values in (self.words or {}).items() if texts & values), None)

    def _filled(self, document: object) -> str | None:
        """The template with its holes filled; None where one of them stays empty."""
        parts = []
        for part in self.template:
            found = part if isinstance(part, str) else next((as_text(one) for one in self._found(part, document)), None)
            if found is None:
                return None
            parts.append(found)
        return "".join(parts)

    def _converted(self, place: Place | Value, found: list[object]) -> FieldValue | None:
        if self.must_match and as_text(found[0]) is None:
            return None
        try:
            if self.conversion == LIST:
                return [CONVERSIONS["text"](value) for value in found]  # type: ignore[misc]
            value = CONVERSIONS[self.conversion](found[0])
        except ValueError as error:
            raise UnreadableError(place.text, str(error)) from None
        if isinstance(value, str) and self.takes:
            matches = (pattern.search(value) for pattern in self.takes)
            value = next((match[1] for match in matches if match and match[1]), None if self.must_match else value)
        return value


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

    def holds(self, document: object, facets: dict[str, tuple[str, ...]]) -> bool:
        """Whether it is so in ``document``, whose ``facets`` hold these texts."""
        found = facets[self.asked] if isinstance(self.asked, str) else tuple(self.asked.all_of(document))
        if self.values is not None:
            return any(text in self.values for text in found)
        if self.pattern is not None:
            return any(self.pattern.search(text) for text in found)
        if self.same is not None:
            return not set(found).isdisjoint(self.same.all_of(document))
        return self.present == (bool(found) or self._anything(document))

    def _anything(self, document: object) -> bool:
        places = () if isinstance(self.asked, str) else self.asked.at
        return any(True for place in places if isinstance(place, Place) for _ in place.find(document))


@dataclass(frozen=True)
class Outcome:
    """One of learnfold's events, and where its fields come from."""

    topic: str
    event_type: str
    fields: dict[str, Value]  # those of every event and of the topic's events too, in the order they are written


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
        return all(condition.holds(document, facets) for condition in self.when) and not any(
            condition.holds(document, facets) for condition in self.unless
        )

    def may_fit(self, facets: dict[str, tuple[str, ...]]) -> bool:
        """Whether ``fits`` may be true of a document with these facets, as far as they alone tell."""
        return all(one.holds(None, facets) for one in self.when if one.of_facets) and not any(
            one.holds(None, facets) for one in self.unless if one.of_facets
        )


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

    _narrowed: dict[tuple[tuple[str, ...], ...], tuple[Rule, ...]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def deciding(self, document: object, facets: dict[str, tuple[str, ...]]) -> Rule | None:
        """The first rule that fits ``document``, whose ``facets`` hold these texts; None where none does."""
        key = tuple(facets.values())
        rules = self._narrowed.get(key)
        if rules is None:
            rules = tuple(rule for rule in self.rules if rule.may_fit(facets))
            if len(self._narrowed) < _MOST_NARROWED:
                self._narrowed[key] = rules
        return next((rule for rule in rules if rule.fits(document, facets)), None)

    @property
    def topics(self) -> list[str]:
        """The topics that its events are of, in order."""
        return sorted({outcome.topic for rule in self.rules for outcome in rule.outcomes})
