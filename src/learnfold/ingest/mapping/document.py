"""Writes the tables of docs/mappings.md and docs/platforms/ from the mappings themselves, so that no page says what isn't so.

``python -m learnfold.ingest.mapping.document docs/mappings.md docs/platforms/*.md`` renews them in place.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from learnfold import catalog
from learnfold.errors import UsageError
from learnfold.ingest.mapping.conversions import CONVERSIONS, LIST, SINCE, days_since
from learnfold.ingest.mapping.file import load, shipped
from learnfold.ingest.mapping.rules import ALL

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from learnfold.ingest.mapping.model import Mapping, Outcome, Rule, Value

_PART = re.compile(r"(<!-- begin (?P<name>[a-z -]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def renewed(page: str) -> str:
    """``page`` with each part between ``<!-- begin … -->`` and ``<!-- end -->`` written anew; raises UsageError."""
    parts = _parts()
    unknown = parts_of(page) - parts.keys()
    if unknown:
        raise UsageError(
            f"these generated parts are unknown: {', '.join(sorted(unknown))}; there are {', '.join(parts)}"
        )
    return _PART.sub(lambda match: f"{match[1]}\n{parts[match['name']]()}\n\n{match[3]}", page)


def parts_of(page: str) -> set[str]:
    """The names of the generated parts of a page."""
    return {match["name"] for match in _PART.finditer(page)}


def _parts() -> dict[str, Callable[[], str]]:
    parts: dict[str, Callable[[], str]] = {"conversions": _conversions}
    for name in shipped():
        mapping = load(name)
        parts[f"{name} rules"] = lambda mapping=mapping: _rules(mapping)  # type: ignore[misc]
        parts[f"{name} fields"] = lambda mapping=mapping: _shared(mapping)  # type: ignore[misc]
        parts[f"{name} places"] = lambda mapping=mapping: _places(mapping)  # type: ignore[misc]
        parts[f"{name} words"] = lambda mapping=mapping: _words(mapping)  # type: ignore[misc]
    return parts


def _conversions() -> str:
    named = [*CONVERSIONS.items(), (SINCE, days_since)]
    rows = [(f"`{name}`", (convert.__doc__ or "").replace("``", "`")) for name, convert in named]
    return _table(("`as`", "gives"), [*rows, (f"`{LIST}`", "All values of the place, as a list of texts.")])


def _rules(mapping: Mapping) -> str:
    rows = [(rule.about, _asked(rule), _becomes(mapping, rule)) for rule in mapping.rules]
    return _table(("what is told", "the rule asks for", "becomes"), rows)


def _asked(rule: Rule) -> str:
    asks = [f"{_facet(name)} {_wanted(spec)}" for name, spec in rule.asks.items()]
    denies = [f"not {_facet(name)} {_wanted(spec)}" for name, spec in rule.denies.items()]
    return "; ".join(asks + denies)


def _facet(name: str) -> str:
    return f"`{name}`" if "." in name else name


def _wanted(spec: object) -> str:
    if isinstance(spec, dict):
        if "like" in spec:
            return f"like `{spec['like']}`"
        if "same" in spec:
            places = spec["same"] if isinstance(spec["same"], list) else [spec["same"]]
            return "the same as " + " or ".join(f"`{place}`" for place in places)
        return "is there" if spec["present"] else "is not there"
    listed = spec if isinstance(spec, list) else [spec]
    return " or ".join(f"`{word}`" for word in listed)


def _becomes(mapping: Mapping, rule: Rule) -> str:
    if rule.retracts is not None:
        return f"no event: the events of the statement at {rule.retracts.spelled()} are taken back"
    if rule.unmapped is not None:
        return f"no event: {rule.unmapped}"
    return "<br>and ".join(_event(mapping, outcome) for outcome in rule.outcomes)


def _event(mapping: Mapping, outcome: Outcome) -> str:
    shared = mapping.shared.get(ALL, {}) | mapping.shared.get(outcome.topic, {})
    own = {name: value for name, value in outcome.fields.items() if shared.get(name) is not value}
    left_out = [f"no {name}" for name in shared if name not in outcome.fields]
    mark = "" if _asked_for(outcome) else " †"
    event = f"`{outcome.topic}` `{outcome.event_type}`{mark}"
    return "<br>".join([event, *(f"{name}: {_source(value)}" for name, value in own.items()), *left_out])


def _source(value: Value) -> str:
    if not (value.at or value.template):
        return value.text
    text = ", else ".join(f"`{part}`" for part in value.text.split(", else "))
    usual = {"text", "as_found", "number", "whole", "time"}
    return text if value.conversion in usual else f"{text} as {value.conversion}"


def _asked_for(outcome: Outcome) -> bool:
    """Whether any rollup or view asks for events of that type by its name."""
    queries = [
        query
        for view in catalog.load().views.values()
        if outcome.topic in {topic.name for topic in view.topics}
        for query in (view.query, *(rollup.query for rollup in view.all_rollups))
    ]
    return any(f"'{outcome.event_type}'" in query for query in queries)


def _shared(mapping: Mapping) -> str:
    rows = [
        ("every topic" if topic == ALL else f"`{topic}`", f"`{name}`", _source(value))
        for topic, fields in mapping.shared.items()
        for name, value in fields.items()
    ]
    extra = [("", f"`{name}`", text) for name, text in mapping.extra_fields.items()]
    return _table(("events of", "field", "lies at"), rows) + "\n\n" + _table(("", "field of its own", "holds"), extra)


def _places(mapping: Mapping) -> str:
    rows = [
        (f"`${name}`", "<br>".join(f"`{part}`" for part in value.text.split(", else ")), _kept(value))
        for name, value in mapping.finds.items()
    ]
    return _table(("place", "the first that holds something", "of which is kept"), rows)


def _kept(value: Value) -> str:
    if value.words is not None:
        return "the word it means"
    if value.takes:
        patterns = " or ".join(f"`{take.pattern}`" for take in value.takes)
        return f"what is in the (group) of {patterns}, else {'nothing' if value.must_match else 'all'}"
    return "all" if value.conversion in {"text", "as_found"} else value.conversion


def _words(mapping: Mapping) -> str:
    rows = [
        (f"`{word}`", "<br>".join(f"`{value}`" for value in values))
        for words in mapping.words.values()
        for word, values in words.items()
    ]
    return _table(("word", "stands for"), rows)


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *(tuple(cell.replace("|", "\\|") for cell in row) for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


if __name__ == "__main__":
    for argument in sys.argv[1:]:
        file = Path(argument)
        file.write_text(renewed(file.read_text("utf-8")), "utf-8")
