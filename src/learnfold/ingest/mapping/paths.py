"""Places in a JSON document, as a mapping file writes them.

``actor.account.name`` is a key in a key in a key. A key with dots is quoted: ``result.extensions."https://…/time"``.
``*`` is any key. Square brackets keep what fits: ``parent[definition.type=course]`` the activities of that type,
``group[id~^urn:]`` those whose ``id`` matches a regular expression, ``group[!type]`` those without a ``type``.
Lists are looked through without being named, and an object in the place of a list is a list of one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import takewhile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_STEP = re.compile(r'"(?P<quoted>[^"]+)"|(?P<key>[^."\[\]]+)|\[(?P<filter>[^\]]+)\]')
_FILTER = re.compile(r"(?P<place>[^=~]+)(?P<sign>[=~])(?P<wanted>.+)", re.DOTALL)


_LONGEST = 10**18  # a greater number is no identifier


class PlaceError(ValueError):
    """A place that isn't written as one."""


@dataclass(frozen=True)
class Filter:
    """Keeps an object by what it holds at ``place``: one of ``values``, a match of ``pattern``, else nothing."""

    place: Place
    values: frozenset[str] | None = None
    pattern: re.Pattern[str] | None = None

    @cached_property
    def keeps(self) -> Callable[[dict[str, object]], bool]:
        """Whether an object is one of those asked for."""
        find, values, pattern = self.place.find, self.values, self.pattern
        if values is not None:
            return lambda node: not values.isdisjoint(texts_of(find(node)))
        if pattern is not None:
            return lambda node: any(map(pattern.search, texts_of(find(node))))
        return lambda node: not texts_of(find(node))


@dataclass(frozen=True)
class Place:
    """Where something lies in a document."""

    text: str
    steps: tuple[str | Filter, ...]

    @cached_property
    def find(self) -> Callable[[object], Sequence[object]]:
        """What lies there in a document, in its order; of a list, each element; null and blank text are nothing."""
        steps = self.steps
        keys = tuple(takewhile(lambda step: isinstance(step, str) and step != "*", steps))
        rest = steps[len(keys) :]
        if not rest:
            return _found_by_keys(keys)
        reach = (
            _kept(rest[0], rest[1])
            if len(rest) == _KEPT and isinstance(rest[0], Filter)
            else partial(_reached, steps=rest)
        )

        def find(document: object) -> Sequence[object]:
            node = document
            for key in keys:
                if type(node) is not dict:
                    return _present(_reached(document, steps))
                node = node.get(key)
                if node is None:
                    return ()
            return _present(found) if (found := reach(node)) else ()

        return find


def parse(text: str, words: Callable[[str], frozenset[str]]) -> Place:
    """The place that ``text`` writes; ``words`` gives the values a word after ``=`` stands for. Raises PlaceError."""
    steps: list[str | Filter] = []
    at = 0
    while at < len(text):
        if steps and text[at] == ".":
            at += 1
        elif steps and text[at] != "[":
            raise PlaceError(f"a dot is missing before {text[at:]!r}")
        match = _STEP.match(text, at)
        if match is None:
            raise PlaceError(f"a key was expected at {text[at:]!r}" if text[at:] else "it ends in a dot")
        steps.append(_filter(match["filter"], words) if match["filter"] else match["quoted"] or match["key"].strip())
        at = match.end()
    if not steps or isinstance(steps[0], Filter):
        raise PlaceError("it must begin with a key")
    if text.endswith("."):
        raise PlaceError("it ends in a dot")
    return Place(text, tuple(steps))


def as_text(value: object) -> str | None:
    """A text or number as text, to be compared; None for anything else."""
    if isinstance(value, str):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < _LONGEST:
        return repr(value)
    return None


def texts_of(found: Sequence[object]) -> Sequence[str]:
    """What of it is a text, or a number as text."""
    if len(found) == 1 and type(found[0]) is str:
        return found  # type: ignore[return-value]
    return [text for text in map(as_text, found) if text is not None]


def _filter(text: str, words: Callable[[str], frozenset[str]]) -> Filter:
    if text.startswith("!"):
        return Filter(parse(text[1:], words))
    match = _FILTER.fullmatch(text)
    if match is None:
        raise PlaceError(f"[{text}] is not [place=word], [place~pattern] or [!place]")
    place = parse(match["place"], words)
    if match["sign"] == "=":
        return Filter(place, values=words(match["wanted"]))
    try:
        return Filter(place, pattern=re.compile(match["wanted"]))
    except re.error as error:
        raise PlaceError(f"{match['wanted']!r} is not a regular expression: {error}") from None


def _found_by_keys(keys: tuple[str | Filter, ...]) -> Callable[[object], Sequence[object]]:
    """What finds what lies at a key in a key: mostly one of them isn't there, or there is a text."""

    def find(document: object) -> Sequence[object]:
        node = document
        for key in keys:
            if type(node) is not dict:
                return _present(_reached(document, keys))
            node = node.get(key)
            if node is None:
                return ()
        if type(node) is str:
            return (node,) if node.strip() else ()
        return _present([node]) if isinstance(node, str | list) else (node,)

    return find


_KEPT = 2


def _kept(only: Filter, key: str | Filter) -> Callable[[object], list[object]]:
    """What reaches a key of those objects that a filter keeps."""
    keeps = only.keeps

    def reach(node: object) -> list[object]:
        holders = node if isinstance(node, list) else (node,)
        return [one[key] for one in holders if isinstance(one, dict) and key in one and keeps(one)]

    return reach if isinstance(key, str) and key != "*" else partial(_reached, steps=(only, key))


def _reached(node: object, steps: tuple[str | Filter, ...]) -> list[object]:
    """What lies behind the steps, in the document's order."""
    nodes = [node]
    for step in steps:
        holders = [
            one for each in nodes for one in (each if isinstance(each, list) else (each,)) if isinstance(one, dict)
        ]
        if isinstance(step, Filter):
            nodes = [holder for holder in holders if step.keeps(holder)]
        elif step == "*":
            nodes = [value for holder in holders for value in holder.values()]
        else:
            nodes = [holder[step] for holder in holders if step in holder]
    return nodes


def _present(found: list[object]) -> list[object]:
    """Each of it, of a list each element, but for null and blank text."""
    each = [value for one in found for value in (one if isinstance(one, list) else (one,))]
    return [value for value in each if value is not None and not (isinstance(value, str) and not value.strip())]
