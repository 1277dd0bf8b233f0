"""A first mapping for a platform of one's own, made of samples: where what lies, as far as names and values tell, and a rule to fill in for each event."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from learnfold.errors import DataError
from learnfold.ingest.mapping.model import Mapping
from learnfold.ingest.samples.check import look_at

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from learnfold.catalog import Catalog
    from learnfold.settings import Settings

_MOST_VALUES = 40
"""Distinct values up to which a key may say what happened."""

_DEEPEST = 4
_SECONDS, _MILLISECONDS = range(10**9, 10**10), range(10**12, 10**13)

_EVENT = ("event_type", "eventname", "event_name", "event", "action", "verb", "activity", "name", "type", "source")
_GUESSES = {
    "event_id": r"(?:^|\.)(?:event|log|row)?_?(?:id|uuid)$",
    "user_id": r"(?:^|\.)(?:id_)?(?:user|student|person|learner|actor|member)(?:_?(?:id|name))?$",
    "timestamp": r"(?:^|[._])(?:time|timestamp|date|datetime|when|at|created|timecreated|start_time)(?:_at)?$",
}
_COURSE = r"(?:^|\.)(?:course|class|code_module)(?:_?id)?$"


@dataclass
class _Key:
    """What lies at one key."""

    count: int = 0
    values: set[str] = field(default_factory=set)  # a few of them
    numbers: bool = True


def draft(files: Sequence[str], name: str, catalog: Catalog, settings: Settings) -> str:
    """The text of a mapping file that can be loaded at once and makes no event yet; raises DataError for samples without any record."""
    found = Sampled()
    plain = Mapping("draft", "", "records", None, (), {}, {}, {}, {}, {}, ())
    look_at(files, plain, catalog, settings, lambda _place, document: found.add(document))
    return found.mapping(name)


class Sampled:
    """What lies at the keys of some records."""

    def __init__(self) -> None:
        self._keys: dict[str, _Key] = {}

    def add(self, document: object) -> None:
        """Takes note of a record, or of an array of them."""
        for record in document if isinstance(document, list) else [document]:
            for key, value in _leaves(record):
                found = self._keys.setdefault(key, _Key())
                found.count += 1
                found.numbers = found.numbers and re.fullmatch(r"\d+(?:\.0)?", value) is not None
                if len(found.values) <= _MOST_VALUES:
                    found.values.add(value)

    def mapping(self, name: str) -> str:
        """The text of the file; raises DataError where there was no record."""
        if not self._keys:
            raise DataError("no record is in the samples; a record is a JSON object, or a row of a CSV or Parquet file")
        return "\n".join(_lines(name, self._keys)) + "\n"


def _lines(name: str, keys: dict[str, _Key]) -> Iterator[str]:
    event = _event(keys)
    yield "# A first mapping, made of samples. Give each rule a topic, an event_type and fields, or the reason why it is no event;"
    yield f"# then: learnfold mapping check {name}.toml SAMPLE…"
    yield "#"
    yield "# What the samples hold:"
    for key, found in keys.items():
        few = len(found.values) <= _MOST_VALUES and len(found.values) * 2 < found.count
        shown = ", ".join(sorted(found.values)[:5]) if few else "varies"
        yield f"#   {_place(key)}: in {found.count:,}; {' '.join(shown.split())[:100]}"
    yield ""
    yield f"name = {_text(name)}"
    yield f"title = {_text(f'What {name} logs')}"
    yield 'reads = "records"'
    yield ""
    yield "[facets]"
    yield f"event = {_text(_place(event))}"
    yield ""
    values = sorted(keys[event].values)[:_MOST_VALUES] if len(keys[event].values) <= _MOST_VALUES else []
    yield "[words.events]"
    yield from (f"{_text(value)} = [{_text(value)}]" for value in values)
    yield ""
    yield "[fields.all]"
    for field_name, pattern in _GUESSES.items():
        guess = next((key for key in keys if key != event and re.search(pattern, key, re.IGNORECASE)), None)
        if guess is None:
            yield f"# {field_name} = where it lies"
        else:
            yield f"{field_name} = {_value(guess, keys[guess], field_name)}"
    course = next((key for key in keys if re.search(_COURSE, key, re.IGNORECASE)), None)
    for value in values or [""]:
        yield ""
        yield "[[rule]]"
        yield f"about = {_text((value or 'Something') + ' happened.')}"
        yield f"when = {{ event = {_text(value) if value else '{ present = true }'} }}"
        yield 'unmapped = "not looked at yet"'
        yield '# topic = "course_topic"'
        yield '# event_type = "ACCESS_COURSE_MATERIAL"'
        if course is not None:
            yield f"# fields.course_id = {_text(_place(course))}"


def _event(keys: dict[str, _Key]) -> str:
    """The key that says what happened: by its name, of those with few values; else the one that has the fewest, but more than one."""
    few = [key for key, found in keys.items() if len(found.values) <= _MOST_VALUES]
    for wanted in _EVENT:
        for key in few or keys:
            if key.rpartition(".")[2].lower() == wanted:
                return key
    several = [key for key in few if len(keys[key].values) > 1]
    return min(several or keys, key=lambda key: (len(keys[key].values), key))


def _value(key: str, found: _Key, name: str) -> str:
    """A field's value as the file writes it."""
    place = _text(_place(key))
    if name != "timestamp" or not found.numbers:
        return place
    numbers = [int(float(value)) for value in found.values]
    conversions = {"unix_seconds": _SECONDS, "unix_milliseconds": _MILLISECONDS}
    fitting = next((one for one, range_ in conversions.items() if all(number in range_ for number in numbers)), None)
    return f'{{ at = {place}, as = "{fitting}" }}' if fitting else place


def _place(key: str) -> str:
    """A key in a key as a mapping's place; a part with other letters is quoted."""
    parts = key.split("\0")
    return ".".join(part if re.fullmatch(r"\w+", part) else f'"{part}"' for part in parts)


def _text(text: str) -> str:
    """A text as TOML writes it."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _leaves(value: Any, above: str = "", depth: int = 0) -> Iterator[tuple[str, str]]:
    """Each value by its keys; those that a mapping's places can't name, and texts of signs that can't be shown, are passed over."""
    if isinstance(value, dict) and depth < _DEEPEST:
        for key, inner in value.items():
            if key.strip() and key.isprintable() and not set(key) & set('"\\'):
                yield from _leaves(inner, f"{above}\0{key}" if above else key, depth + 1)
    elif isinstance(value, (str, int, float)) and above:
        text = str(value)
        if text and text.isprintable():
            yield above, text
