"""Reads what a mapping file says of a value: where it lies, how it is converted, which words it is compared with.

Nothing here raises for a mistake in the file: each is noted by file and key, so that a user sees all of them at once.
"""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from learnfold.ingest.mapping.conversions import CONVERSIONS, FITTING, LIST, SINCE, USUAL
from learnfold.ingest.mapping.model import Condition, Value
from learnfold.ingest.mapping.paths import PlaceError, parse

if TYPE_CHECKING:
    from collections.abc import Iterable

    from learnfold.ingest.mapping.paths import Place

_KEYS = ("at", "as", "since", "take", "match", "text", "word_of", "else")
_WORD = re.compile(r"[a-z][a-z-]*")
_HOLE = re.compile(r"\{([^{}]+)\}")
_NAMES = (*CONVERSIONS, SINCE, LIST)


class ValueReader:
    """Reads values, and gathers the mistakes."""

    def __init__(self, label: str) -> None:
        self.label = label  # the file that is being read
        self.problems: list[str] = []
        self.words: dict[str, dict[str, tuple[str, ...]]] = {}
        self.finds: dict[str, Value] = {}
        self.facets: dict[str, Value] = {}

    def problem(self, key: str, text: str) -> None:
        """Notes what is wrong with ``key`` of the file that is being read; twice the same is said once."""
        line = f"{self.label}: {key}: {text}"
        if line not in self.problems:
            self.problems.append(line)

    def value(self, spec: object, key: str, kind: str | None = None) -> Value:
        """Where a value comes from; ``kind`` is the type of the field it is for, None where any text will do."""
        spec = {"at": spec} if isinstance(spec, str | list) else spec
        if not isinstance(spec, dict):
            self.problem(key, f"it must be a place, a list of places, or a table with {', '.join(_KEYS)} or is")
            return Value()
        if spec.keys() == {"is"}:
            self._fits(spec["is"], kind, f"{key}.is")
            return Value(otherwise=spec["is"], text=f"always {spec['is']}")
        self.known(spec, _KEYS, f"{key}.")
        if "else" in spec:
            self._fits(spec["else"], kind, f"{key}.else")
        if ("since" in spec) != (spec.get("as") == SINCE):
            self.problem(key, f"as = '{SINCE}' and since (a day, or the place of one) go together")
        if "take" in spec and "match" in spec:
            self.problem(key, "it has either take (what doesn't match is kept whole) or match (it is nothing)")
        texts = self.texts(spec.get("at", [] if "text" in spec else None), f"{key}.at")
        places = (self._place(text, f"{key}.at") for text in texts)
        takes = self.texts(spec.get("take", spec.get("match", [])), f"{key}.take")
        shown = (*texts, *(str(spec[name]) for name in ("text", "else") if name in spec))
        return Value(
            at=tuple(place for place in places if place is not None),
            conversion=self._conversion(spec, key, kind),
            takes=tuple(self.pattern(take, f"{key}.take", groups=1) for take in takes),
            must_match="match" in spec,
            since=self._since(spec["since"], f"{key}.since") if "since" in spec else None,
            template=self._template(spec["text"], f"{key}.text", kind) if "text" in spec else (),
            words=self._word_of(spec["word_of"], f"{key}.word_of") if "word_of" in spec else None,
            otherwise=spec.get("else"),
            text=", else ".join(shown),
        )

    def condition(self, name: str, spec: object, key: str) -> Condition:
        """What a rule asks of the facet or place ``name``."""
        asked = name if name in self.facets else self.value(name, key)
        if not isinstance(spec, dict):
            meanings = [self._meaning(word, key) for word in self.texts(spec, key)]
            return Condition(asked, values=frozenset[str]().union(*meanings))
        if spec.keys() == {"like"} and isinstance(spec["like"], str):
            return Condition(asked, pattern=self.pattern(spec["like"], key))
        if spec.keys() == {"present"} and isinstance(spec["present"], bool):
            return Condition(asked, present=spec["present"])
        if spec.keys() == {"same"}:
            return Condition(asked, same=self.value(spec["same"], f"{key}.same"))
        wanted = "a word, a list of words, { like = 'a pattern' }, { same = 'a place' } or { present = true }"
        self.problem(key, f"it must be {wanted}")
        return Condition(asked)

    def texts(self, spec: object, key: str) -> tuple[str, ...]:
        """A text, or a list of them, as a tuple."""
        listed = spec if isinstance(spec, list) else [spec]
        if not all(isinstance(text, str) and text for text in listed):
            self.problem(key, "it must be a text, or a list of texts")
            return ()
        return tuple(listed)

    def table(self, data: dict[str, Any], name: str, key: str = "") -> dict[str, Any]:
        """The table called ``name``, empty when there is none."""
        found = data.get(name, {})
        if not isinstance(found, dict):
            self.problem(f"{key}{name}", "it must be a table")
            return {}
        return found

    def known(self, data: dict[str, Any], keys: Iterable[str], key: str = "") -> None:
        """Notes the keys of ``data`` that mean nothing."""
        for name in sorted(data.keys() - set(keys)):
            self.problem(f"{key}{name}", f"there is no such key; {likely(name, keys)}")

    def _conversion(self, spec: dict[str, Any], key: str, kind: str | None) -> str:
        named = all(text.startswith("$") for text in self.texts(spec.get("at", []), f"{key}.at"))
        usual = USUAL[kind] if kind else "as_found" if named and "at" in spec else "text"
        conversion = spec.get("as", usual)
        if conversion not in _NAMES:
            self.problem(f"{key}.as", f"there is no conversion {conversion!r}; {likely(str(conversion), _NAMES)}")
            return usual
        if kind and conversion not in FITTING[kind]:
            fitting = ", ".join(name for name in _NAMES if name in FITTING[kind])
            self.problem(f"{key}.as", f"{conversion} doesn't give what the field holds ({kind}); these do: {fitting}")
        return str(conversion)

    def _since(self, spec: object, key: str) -> Value:
        """A day, written as one, or where it lies."""
        is_day = isinstance(spec, str) and re.match(r"\d{4}-", spec)
        return self.value({"is": spec} if is_day else spec, key)

    def _template(self, text: object, key: str, kind: str | None) -> tuple[str | Place | Value, ...]:
        """The texts and places of ``block-v1:{run}+{id}``: every second part is a place."""
        if not isinstance(text, str) or not _HOLE.search(text):
            self.problem(key, "it must be a text with places in braces, such as {course}")
            return ()
        if kind not in {None, "VARCHAR"}:
            self.problem(key, f"it gives a text, which the field doesn't hold ({kind})")
        parts = [self._place(part, key) if number % 2 else part for number, part in enumerate(_HOLE.split(text))]
        return tuple(part for part in parts if part)

    def _word_of(self, group: object, key: str) -> dict[str, frozenset[str]]:
        words = self.words.get(str(group), {})
        if not words:
            self.problem(key, f"there are no words.{group}; {likely(str(group), self.words)}")
        return {word: frozenset((word, *values)) for word, values in words.items()}

    def _place(self, text: str, key: str) -> Place | Value | None:
        if text.startswith("$"):
            if text[1:] not in self.finds:
                self.problem(key, f"there is no find.{text[1:]}; {likely(text[1:], self.finds)}")
            return self.finds.get(text[1:])
        try:
            return parse(text, lambda word: self._meaning(word, key))
        except PlaceError as error:
            self.problem(key, f"{text!r} is no place: {error}")
            return None

    def _meaning(self, word: str, key: str) -> frozenset[str]:
        """The values that ``word`` stands for; what isn't small letters alone (a term, an IRI, a name with dots) stands for itself."""
        for words in self.words.values():
            if word in words:
                return frozenset(words[word])
        if _WORD.fullmatch(word):
            known = [known for words in self.words.values() for known in words]
            self.problem(key, f"there is no word {word!r} under words; {likely(word, known)}")
        return frozenset({word})

    def pattern(self, text: str, key: str, groups: int = 0) -> re.Pattern[str]:
        """A regular expression with so many groups at least."""
        try:
            pattern = re.compile(text)
        except re.error as error:
            self.problem(key, f"{text!r} is not a regular expression: {error}")
            return re.compile("")
        if pattern.groups < groups:
            self.problem(key, f"{text!r} has no (group) that says what to keep")
        return pattern

    def _fits(self, constant: object, kind: str | None, key: str) -> None:
        usual = USUAL[kind] if kind else "text"
        if usual == LIST:
            self.problem(key, "a list comes from a place only")
            return
        try:
            CONVERSIONS[usual](constant)
        except ValueError as error:
            self.problem(key, f"{constant!r} is not {error}")


def likely(name: str, names: Iterable[str]) -> str:
    """A hint at what was meant: the names that ``name`` resembles, else all of them."""
    listed = sorted(names)
    near = get_close_matches(name, listed, n=2)
    return f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(listed) or 'none'}"
