"""Builds a mapping of what its files hold, checked against the catalog's topics and their fields."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from learnfold import catalog
from learnfold.ingest.mapping.model import Mapping, Outcome, Rule, Value
from learnfold.ingest.mapping.translate import FORMS, REQUIRED
from learnfold.ingest.mapping.values import ValueReader, likely

if TYPE_CHECKING:
    from collections.abc import Sequence

    from learnfold.ingest.mapping.model import Condition

ALL = "all"
"""The fields of every event stand under ``fields.all``, beside those of a topic's under ``fields.<topic>``."""

_HEADS = ("name", "title", "reads")
_KEYS = (*_HEADS, "extends", "line", "unpack", "facets", "words", "find", "fields", "extra_fields", "rule")
_EVENT_KEYS = ("topic", "event_type", "fields")
_RULE_KEYS = ("about", "when", "unless", *_EVENT_KEYS, "also", "unmapped", "retracts")
_EVENT_TYPE = re.compile(r"[A-Z][A-Z0-9_]*")
_GIVEN = {"event_category", "event_type"}  # fields that the topic and the rule say, and no place


def build(chain: Sequence[tuple[str, dict[str, Any]]]) -> tuple[Mapping, list[str]]:
    """The mapping, and all that is wrong with it by file and key; only a mapping with nothing wrong is to be used.

    ``chain`` holds the files by their labels: the one asked for, and behind each the one that it extends.
    """
    reader = _Reader(chain[0][0])
    for label, data in reversed(chain):
        reader.vocabulary(label, data)
    for label, data in reversed(chain):
        reader.called(label, data)
    reader.found()
    for label, data in reversed(chain):
        reader.places(label, data)
    rules = tuple(rule for label, data in chain for rule in reader.rules(label, data))
    reader.label = chain[0][0]
    heads = reader.heads({key: value for _, data in reversed(chain) for key, value in data.items() if key in _HEADS})
    line = next((reader.pattern(data["line"], "line", groups=1) for _, data in chain if "line" in data), None)
    unpack = tuple(key for _, data in reversed(chain) for key in reader.texts(data.get("unpack", []), "unpack"))
    if not rules:
        reader.problem("rule", "there are none")
    mapping = Mapping(
        *heads, line, unpack, reader.facets, reader.finds, reader.words, reader.shared, reader.extra, rules
    )
    return mapping, reader.problems


class _Reader(ValueReader):
    def __init__(self, label: str) -> None:
        super().__init__(label)
        self.topics = {topic.name: {f.name: f.type for f in topic.sent} for topic in catalog.load().topics.values()}
        self.shared: dict[str, dict[str, Value]] = {}
        self.extra: dict[str, str] = {}
        self.named: dict[str, tuple[str, object]] = {}

    def heads(self, data: dict[str, Any]) -> tuple[str, str, str]:
        for key in _HEADS:
            if not isinstance(data.get(key), str):
                self.problem(key, "it is needed, and a text")
        reads = str(data.get("reads"))
        if reads not in FORMS:
            self.problem("reads", f"there is no form {reads!r}; {likely(reads, FORMS)}")
        return str(data.get("name")), str(data.get("title")), reads

    def vocabulary(self, label: str, data: dict[str, Any]) -> None:
        self.label = label
        self.known(data, _KEYS)
        self.extra |= {name: str(text) for name, text in self.table(data, "extra_fields").items()}
        groups = self.table(data, "words")
        for group in groups:
            words = self.words.setdefault(group, {})
            for word, values in self.table(groups, group, "words.").items():
                if any(word in others for other, others in self.words.items() if other != group):
                    self.problem(f"words.{group}.{word}", "another group of words has it already")
                words[word] = (*words.get(word, ()), *self.texts(values, f"words.{group}.{word}"))

    def called(self, label: str, data: dict[str, Any]) -> None:
        """Takes note of the named places, for all files use the last to be told of a name."""
        self.label = label
        self.named |= {name: (label, spec) for name, spec in self.table(data, "find").items()}

    def found(self) -> None:
        for name, (label, spec) in self.named.items():
            self.label = label
            self.finds[name] = self.value(spec, f"find.{name}")

    def places(self, label: str, data: dict[str, Any]) -> None:
        self.label = label
        for name, spec in self.table(data, "facets").items():
            self.facets[name] = self.value(spec, f"facets.{name}")
        for group, specs in self.table(data, "fields").items():
            fields = self.topics.get(group, {})
            if group == ALL:
                first, *others = self.topics.values()
                fields = {name: kind for name, kind in first.items() if all(name in other for other in others)}
            if fields:
                self.shared[group] = self.shared.get(group, {}) | self.fields(specs, fields, f"fields.{group}")
            else:
                self.problem(f"fields.{group}", f"there is no topic {group!r}; {likely(group, [ALL, *self.topics])}")

    def rules(self, label: str, data: dict[str, Any]) -> list[Rule]:
        self.label = label
        return [self.rule(raw, f"rule {number}") for number, raw in enumerate(self.tables(data, "rule", "rule"), 1)]

    def rule(self, raw: dict[str, Any], key: str) -> Rule:
        about = raw.get("about")
        if isinstance(about, str) and about.strip():
            key = f"{key} ({about})"
        else:
            self.problem(f"{key}, about", "it is needed: a sentence that says what the rule is for")
        self.known(raw, _RULE_KEYS, f"{key}, ")
        if not raw.get("when"):
            self.problem(f"{key}, when", "it is needed: what a statement must be for the rule to fit")
        unmapped = raw.get("unmapped")
        if unmapped is not None and (not isinstance(unmapped, str) or not unmapped.strip()):
            self.problem(f"{key}, unmapped", "it must be a text that says why there is no event")
        if unmapped is not None and raw.keys() & {*_EVENT_KEYS, "also"}:
            self.problem(f"{key}, unmapped", "a rule says either this, or a topic and an event_type")
        if "retracts" in raw and raw.keys() & {*_EVENT_KEYS, "also", "unmapped"}:
            self.problem(f"{key}, retracts", "a rule says either this, or an event, or why there is none")
        no_event = unmapped is not None or "retracts" in raw
        return Rule(
            about=str(about),
            when=self.conditions(raw, "when", key),
            unless=self.conditions(raw, "unless", key),
            outcomes=() if no_event else self.outcomes(raw, key),
            unmapped=str(unmapped) if unmapped is not None else None,
            retracts=self.value(raw["retracts"], f"{key}, retracts") if "retracts" in raw else None,
            asks=self.table(raw, "when", f"{key}, "),
            denies=self.table(raw, "unless", f"{key}, "),
        )

    def conditions(self, raw: dict[str, Any], part: str, key: str) -> tuple[Condition, ...]:
        specs = self.table(raw, part, f"{key}, ")
        return tuple(self.condition(name, spec, f"{key}, {part}.{name}") for name, spec in specs.items())

    def outcomes(self, raw: dict[str, Any], key: str) -> tuple[Outcome, ...]:
        further = self.tables(raw, "also", f"{key}, also")
        for one in further:
            self.known(one, _EVENT_KEYS, f"{key}, also, ")
        outcomes = (self.outcome(raw, key), *(self.outcome(one, f"{key}, also") for one in further))
        if len({outcome.event_type for outcome in outcomes}) < len(outcomes):
            self.problem(f"{key}, also", "the events of a rule differ in their event_type, which tells their ids apart")
        return outcomes

    def outcome(self, raw: dict[str, Any], key: str) -> Outcome:
        topic, event_type = str(raw.get("topic")), str(raw.get("event_type"))
        if topic not in self.topics:
            self.problem(f"{key}, topic", f"there is no topic {topic!r}; {likely(topic, self.topics)}")
        if not _EVENT_TYPE.fullmatch(event_type):
            self.problem(f"{key}, event_type", f"{event_type!r} must be in capitals, such as COURSE_VIEW")
        own = self.table(raw, "fields", f"{key}, ")
        left_out = {name for name, spec in own.items() if spec is False}
        fields = {**self.shared.get(ALL, {}), **self.shared.get(topic, {})}
        fields |= self.fields(own, self.topics.get(topic, {}), f"{key}, fields")
        for name in REQUIRED:
            if name not in fields or name in left_out:
                self.problem(f"{key}, fields.{name}", "no event is without it: say where it lies, or in fields.all")
        return Outcome(topic, event_type, {name: value for name, value in fields.items() if name not in left_out})

    def fields(self, specs: object, kinds: dict[str, str], key: str) -> dict[str, Value]:
        if not isinstance(specs, dict):
            self.problem(key, "it must be a table: a field, and where its value lies")
            return {}
        for name in specs:
            if kinds and (name in _GIVEN or (name not in kinds and name not in self.extra)):
                hint = likely(name, [*(kinds.keys() - _GIVEN), *self.extra])
                self.problem(f"{key}.{name}", f"there is no such field; {hint}; your own are named in extra_fields")
        given = {name: spec for name, spec in specs.items() if spec is not False}
        return {name: self.value(spec, f"{key}.{name}", kinds.get(name)) for name, spec in given.items()}

    def tables(self, data: dict[str, Any], name: str, key: str) -> list[dict[str, Any]]:
        listed = data.get(name, [])
        if isinstance(listed, list) and all(isinstance(one, dict) for one in listed):
            return listed
        self.problem(key, f"it is written [[{'rule.also' if name == 'also' else name}]], once for each")
        return []
