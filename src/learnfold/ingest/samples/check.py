"""Which rule of a mapping each statement of some samples fits, and what no rule fits or what an event of it can't be."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from learnfold.ingest.files.backfill import Backfill
from learnfold.ingest.files.located import located
from learnfold.ingest.files.parts import FileDecoder
from learnfold.ingest.mapping.translate import FORMS, Unmapped, deciding, parsed, translate
from learnfold.master.file_names import UNMAPPED
from learnfold.storage.folder import FolderStorage
from learnfold.storage.scratch import scratch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from learnfold.catalog import Catalog
    from learnfold.ingest.mapping.model import Mapping
    from learnfold.ingest.statements import Parts
    from learnfold.settings import Settings

    Look = Callable[[int, object], None]

_SHOWN = 160  # characters of an example


@dataclass
class Checked:
    """What samples are by a mapping."""

    mapping: Mapping
    statements: int = 0
    fitting: Counter[int] = field(default_factory=Counter)  # how many statements each rule decides, by its place
    refused: dict[str, list[Any]] = field(default_factory=dict)  # why no rule fits: how many, and the first of them
    broken: dict[str, list[Any]] = field(default_factory=dict)  # the same of statements that can't be read
    invalid: dict[tuple[str, str], int] = field(default_factory=dict)  # events that a topic refuses, by it and why

    @property
    def well(self) -> bool:
        """Whether a rule fits every statement, and all that comes of them is valid."""
        return not (self.refused or self.broken or self.invalid)

    def look(self, place: int, document: object) -> None:
        """Counts the statements of a document, found at that place."""
        mapping = self.mapping
        for item in FORMS[mapping.reads](document, mapping.unpack):
            self.statements += 1
            rule = None if item.problem else deciding(item, mapping)
            if rule is not None:
                self.fitting[mapping.rules.index(rule)] += 1
            problem = next((one.reason for one in translate(item.original, mapping) if isinstance(one, Unmapped)), None)
            if problem is not None and (rule is None or rule.unmapped is None):
                self._note(self.broken if rule or item.problem else self.refused, problem, place, item.original)

    def unreadable(self, place: int, text: bytes | None) -> None:
        """Counts a text that is no JSON."""
        self.statements += 1
        self._note(self.broken, "not JSON", place, (text or b"").decode("utf-8", "replace"))

    def _note(self, found: dict[str, list[Any]], reason: str, place: int, original: object) -> None:
        shown = original if isinstance(original, str) else json.dumps(original, ensure_ascii=False)
        found.setdefault(reason, [0, place, shown[:_SHOWN]])[0] += 1


def checked(files: Sequence[str], mapping: Mapping, catalog: Catalog, settings: Settings) -> Checked:
    """What the samples are by the mapping; nothing is kept. Raises UsageError and DataError for files that can't be read."""
    report = Checked(mapping)
    for one in _taken(files, mapping, catalog, settings, (report.look, report.unreadable)):
        for topic, reasons in one.items():
            for reason, count in reasons.items():
                if topic != UNMAPPED:
                    report.invalid[topic, reason] = report.invalid.get((topic, reason), 0) + count
    return report


def _taken(
    files: Sequence[str],
    mapping: Mapping,
    catalog: Catalog,
    settings: Settings,
    looks: tuple[Look, Callable[[int, bytes | None], None]],
) -> list[dict[str, dict[str, int]]]:
    place = scratch(settings.temporary_folder)
    backfill = _Looking(FolderStorage(f"{place.path}/master"), catalog, settings, mapping, looks)
    try:
        return [backfill.take(source).quarantined for source in located(files, settings)]
    finally:
        backfill.close()
        place.cleanup()


def look_at(files: Sequence[str], mapping: Mapping, catalog: Catalog, settings: Settings, look: Look) -> None:
    """Hands each document of the files, and its place, to ``look``; what is no JSON is passed over."""
    _taken(files, mapping, catalog, settings, (look, lambda _place, _text: None))


class _Looking(Backfill):
    """Takes samples in as an ingestion does, and shows each document."""

    def __init__(
        self, master: FolderStorage, catalog: Catalog, settings: Settings, mapping: Mapping, looks: tuple[Any, Any]
    ) -> None:
        super().__init__(master, catalog, settings, mapping=mapping)
        self._files = _Shown(self._decoder, catalog, mapping, looks)


class _Shown(FileDecoder):
    def __init__(self, decoder: Any, catalog: Catalog, mapping: Mapping, looks: tuple[Any, Any]) -> None:
        super().__init__(decoder, catalog, None, mapping)
        self._look, self._unreadable = looks

    def translated(self, rows: Iterable[tuple[int, bytes]], mapping: Mapping) -> Parts:
        """Shows the documents, and goes on."""
        some = list(rows)
        for place, text in some:
            try:
                document = parsed(text, mapping)
            except (ValueError, RecursionError):
                self._unreadable(place, text)
            else:
                self._look(place, document)
        yield from super().translated(some, mapping)
