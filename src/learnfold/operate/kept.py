"""Compares what is kept beside the views with what it should be: states by their rows, hashes byte by byte."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from learnfold.catalog.hashes import BYTES
from learnfold.engines.duckdb.difference import compare
from learnfold.errors import LearnfoldError
from learnfold.storage.out_layout import holds_hashes

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from learnfold.batch.manifest import IdsFile, KeptRecord, TopicRecord
    from learnfold.engines.duckdb.session import DuckDBSession
    from learnfold.storage import Storage


@dataclass(frozen=True)
class KeptFiles:
    """What is kept of one job, and where."""

    out: Storage
    records: Mapping[str, KeptRecord]  # states and sets by name
    topics: Mapping[str, TopicRecord]


def differences(session: DuckDBSession, published: KeptFiles, right: KeptFiles) -> list[str]:
    """What is wrong with the states, sets and ids that are published; those that were never kept aren't missed."""
    wrong = []
    for name, record in published.records.items():
        if name in right.records and not _same(session, published.out, record, right.out, right.records[name]):
            what = "set" if holds_hashes(record.path) else "state"
            wrong.append(f"the {what} {name} isn't what its events give; 'learnfold run --full' makes it again")
    for name, topic in published.topics.items():
        days = _hashes(published.out, topic.ids)
        fresh = _hashes(right.out, right.topics[name].ids) if name in right.topics and days else {}
        wrong += [
            f"{name} {day}: the ids that are kept aren't those of its events; 'learnfold run --full' keeps them again"
            for day in sorted(days)
            if days[day] != fresh.get(day, b"")
        ]
    return wrong


def _same(session: DuckDBSession, out: Storage, record: KeptRecord, beside: Storage, right: KeptRecord) -> bool:
    try:
        with out.local([record.path]) as before, beside.local([right.path]) as after:
            if holds_hashes(record.path):
                return Path(before[0]).read_bytes() == Path(after[0]).read_bytes()
            return compare(session, (), before, after, 0).same
    except LearnfoldError:  # it is gone, or can't be read
        return False


def _hashes(out: Storage, files: list[IdsFile]) -> dict[date, bytes | None]:
    """By UTC day the hashes of its ids; None where their file is gone."""
    found: dict[date, bytes | None] = {}
    for file in files:
        data = out.read(file.path)
        for day, (first, count) in file.days.items():
            found[day] = None if data is None else data[first * BYTES : (first + count) * BYTES]
    return found
