"""Where a field's value comes from, by places in a document, and how it is read there.

What a mapping file says of a value is made ready once: ``of`` is a function of the document, without what its case doesn't need.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING, TypeAlias

from learnfold.ingest.mapping.conversions import CONVERSIONS, LIST, SINCE, days_since
from learnfold.ingest.mapping.paths import Place, as_text, texts_of

if TYPE_CHECKING:
    import re
    from collections.abc import Callable, Sequence

    _Find: TypeAlias = Callable[[object], Sequence[object]]
    _Read: TypeAlias = Callable[[Sequence[object], object], "FieldValue | None"]

_TEXTS = frozenset({"text", "term", "identity", "mailbox", "yes_or_no"})

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

    @cached_property
    def of(self) -> Callable[[object], FieldValue | None]:
        """The value in a document, None when there is none; raises UnreadableError."""
        reads, otherwise, template = self._reads, self.otherwise, self.template
        if len(reads) == 1 and not template:
            (place,), ((find_one, read_one),) = self.at, reads
            if isinstance(place, Value) and otherwise is None and self._as_is and place.gives_text:
                return place.of

            def of_one(document: object) -> FieldValue | None:
                found = find_one(document)
                value = read_one(found, document) if found else None
                return otherwise if value is None else value

            return of_one

        def of(document: object) -> FieldValue | None:
            for find, read in reads:
                found = find(document)
                if found:
                    value = read(found, document)
                    if value is not None:
                        return value
            filled = self._filled(document) if template else None
            return otherwise if filled is None else filled

        return of

    @property
    def _as_is(self) -> bool:
        """Whether a text is taken as it lies there."""
        return self.conversion == "text" and not (self.takes or self.must_match or self.words)

    @property
    def gives_text(self) -> bool:
        """Whether what it gives is a text that any event may hold."""
        return self.conversion in _TEXTS and not self.template and isinstance(self.otherwise, str | None)

    @cached_property
    def plain(self) -> Callable[[object], Sequence[object]] | None:
        """What finds its texts where they are compared as they lie at one place."""
        return _find(self.at[0]) if self._as_is and len(self.at) == 1 else None

    def all_of(self, document: object) -> Sequence[str]:
        """Every text that lies at its places, converted, for a rule to compare; what can't be read is passed over."""
        texts = []
        for find, read in self._reads:
            for found in find(document):
                try:
                    text = as_text(read((found,), document))
                except UnreadableError:
                    continue
                if text is not None:
                    texts.append(text)
        return texts

    def spelled(self) -> str:
        """Its places in words, those of named places too."""
        places = (*self.at, *(part for part in self.template if not isinstance(part, str)))
        return ", ".join(place.text if isinstance(place, Place) else place.spelled() for place in places)

    @cached_property
    def _reads(self) -> list[tuple[_Find, _Read]]:
        """By place: what finds what lies there, and what reads it, which is something."""
        return [(_find(place), self._read(place.text)) for place in self.at]

    def _read(self, place: str) -> _Read:
        if self.words is not None:
            return lambda found, _: self._word(found)
        if self.conversion == SINCE:
            return partial(self._days, place)
        if self.conversion == LIST:
            return lambda found, _: [_converted(CONVERSIONS["text"], one, place) for one in found]  # type: ignore[misc]
        if self._as_is:
            return _text_read(place)
        if self.takes or self.must_match:
            return self._taking(place)
        convert = CONVERSIONS[self.conversion]
        return lambda found, _: _converted(convert, found[0], place)

    def _taking(self, place: str) -> _Read:
        """What reads a text and keeps a part of it."""
        convert, takes, must_match = CONVERSIONS[self.conversion], self.takes, self.must_match

        def read(found: Sequence[object], _: object) -> FieldValue | None:
            if must_match and as_text(found[0]) is None:
                return None
            value = _converted(convert, found[0], place)
            if not isinstance(value, str):
                return value
            for pattern in takes:
                match = pattern.search(value)
                if match and match[1]:
                    return match[1]
            return None if must_match else value

        return read

    def _days(self, place: str, found: Sequence[object], document: object) -> str:
        try:
            return days_since(found[0], self.since.of(document) if self.since else None)
        except ValueError as error:
            raise UnreadableError(place, str(error)) from None

    def _word(self, found: Sequence[object]) -> str | None:
        texts = set(texts_of(found))
        if self.conversion == "term":
            texts |= {str(CONVERSIONS["term"](text)) for text in texts}
        return next((word for word, values in (self.words or {}).items() if texts & values), None)

    def _filled(self, document: object) -> str | None:
        """The template with its holes filled; None where one of them stays empty."""
        parts = []
        for part in self.template:
            found = part if isinstance(part, str) else next(map(as_text, _find(part)(document)), None)
            if found is None:
                return None
            parts.append(found)
        return "".join(parts)


def _find(place: Place | Value) -> _Find:
    """What finds what lies at a place, or what a named one gives."""
    if isinstance(place, Place):
        return place.find
    of = place.of

    def find(document: object) -> Sequence[object]:
        value = of(document)
        return () if value is None else (value,)

    return find


def _text_read(place: str) -> _Read:
    """What reads a text: nearly every one is as it shall be."""
    convert = CONVERSIONS["text"]

    def read(found: Sequence[object], _: object) -> FieldValue | None:
        value = found[0]
        return value if type(value) is str and value.isascii() else _converted(convert, value, place)

    return read


def _converted(convert: Callable[[object], FieldValue | None], found: object, place: str) -> FieldValue | None:
    try:
        return convert(found)
    except ValueError as error:
        raise UnreadableError(place, str(error)) from None
