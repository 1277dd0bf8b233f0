"""Places in a JSON document, as a mapping file writes them.

``actor.account.name`` is a key in a key in a key. A key with dots is quoted: ``result.extensions."https://…/time"``.
``*`` is any key. Square brackets keep what fits: ``parent[definition.type=course]`` the activities of that type,
``group[id~^urn:]`` those whose ``id`` matches a regular expression, ``group[!type]`` those without a ``type``.
Lists are looked through without being named, and an object in the place of a list is a list of one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

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

    def keeps(self, node: dict[str, object]) -> bool:
        """Whether ``node`` is one of those asked for."""
        found = [text for text in map(as_text, self.place.find(node)) if text is not None]
        if self.values is not None:
            return any(text in self.values for text in found)
        if self.pattern is not None:
            return any(self.pattern.search(text) for text in found)
        return not found


@dataclass(frozen=True)
class Place:
    """Where something lies in a document."""

    text: str
    steps: tuple[str | Filter, ...]

    def find(self, document: object) -> Iterator[object]:
        """What lies there, in the document's order; of a list, each element; null and blank text are nothing."""
        for found in _reach(document, self.steps):
            for value in found if isinstance(found, list) else (found,):
                if value is not None and not (isinstance(value, str) and not value.strip()):
                    yield value


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


def _reach(node: object, steps: tuple[str | Filter, ...]) -> Iterator[object]:
    if not steps:
        yield node
        return
    step, rest = steps[0], steps[1:]
    for holder in node if isinstance(node, list) else (node,):
        if not isinstance(holder, dict):
            continue
        if isinstance(step, Filter):
            if step.keeps(holder):
                yield from _reach(holder, rest)
        elif step == "*":
            for value in holder.values():
                yield from _reach(value, rest)
        elif step in holder:
            yield from _reach(holder[step], rest)
