"""What can be reached: each thing tried as a run or the ingestion does it, and nothing left behind."""

from __future__ import annotations

import contextlib
import secrets
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from learnfold.addresses import without_secrets
from learnfold.batch.manifest import read_current
from learnfold.errors import ConflictError, LearnfoldError, StorageError
from learnfold.master.layout import open_master
from learnfold.storage import open_storage

if TYPE_CHECKING:
    from collections.abc import Callable

    from learnfold.catalog import Catalog
    from learnfold.settings import Settings
    from learnfold.storage import Storage

_ANSWER_SECONDS = 10.0
_CLOCKS_SECONDS = 60.0
"""Clocks further apart than this are reported: what is old, and whose lease is over, is read from them."""


@dataclass(frozen=True)
class Check:
    """One thing that was tried: at which place, whether it succeeded, and what was found."""

    what: str
    where: str
    ok: bool
    detail: str
    seconds: float


def check_input(url: str, catalog: Catalog, settings: Settings) -> list[Check]:
    """Whether the master dataset can be listed, and what is there."""

    def list_events() -> str:
        listing = open_master(url, settings).listing(list(catalog.topics), list(catalog.topics))
        files = [entry for topic in listing.files.values() for entry in topic.values()]
        return f"{len(files):,} files of events, {sum(entry.size for entry in files):,} bytes"

    return [_tried("list events", url, list_events)]


def check_output(url: str, settings: Settings) -> list[Check]:
    """Whether views can be written and published there; ends at the first thing that can't be done."""
    checks: list[Check] = []
    try:
        out = open_storage(url, settings)
    except LearnfoldError as error:
        return [Check("open", without_secrets(url), ok=False, detail=str(error), seconds=0.0)]
    folder = f"_doctor/{secrets.token_hex(8)}"
    for what, act in (
        ("list", lambda: _listed(out)),
        ("write, read, copy", lambda: _written(_nearest(out, settings), f"{folder}/plain")),
        ("publish: conditional writes", lambda: _swapped(_nearest(out, settings), f"{folder}/swapped")),
    ):
        checks.append(_tried(what, out.url, act))
        if not checks[-1].ok:
            break
    return checks


def check_kafka(catalog: Catalog, settings: Settings) -> list[Check]:
    """Whether the brokers answer, and which of the topics are there."""
    from learnfold.kafka import clients

    def ask() -> str:
        with clients.translate_errors(settings):
            found = clients.admin(settings).list_topics(timeout=_ANSWER_SECONDS)
        there = [f"{name} ({len(found.topics[name].partitions)})" for name in catalog.topics if name in found.topics]
        return f"{len(found.brokers)} broker(s); topics (partitions): {', '.join(there) or 'none of ours yet'}"

    return [_tried("ask the brokers", settings.kafka_servers, ask)]


def _tried(what: str, where: str, act: Callable[[], str]) -> Check:
    began = time.perf_counter()
    try:
        detail, ok = act(), True
    except LearnfoldError as error:
        detail, ok = str(error), False
    return Check(what, without_secrets(where), ok, detail, round(time.perf_counter() - began, 3))


def _listed(out: Storage) -> str:
    if not out.exists():
        return "nothing is there yet; the first run makes it"
    current, _ = read_current(out)
    return f"batch {current.batch} is published" if current else "no batch is published yet"


def _nearest(out: Storage, settings: Settings) -> Storage:
    """The place itself, or the nearest folder above it that is there, so that no folder has to be made."""
    while not out.exists():
        out = open_storage(str(Path(out.url).parent), settings)
    return out


def _written(out: Storage, path: str) -> str:
    data = secrets.token_bytes(1000)
    try:
        out.write(path, data)
        with out.new(f"{path} in parts") as file:
            file.write_bytes(data)
        out.copy(f"{path} in parts", f"{path} copied")
        if not out.read(path) == out.read(f"{path} in parts") == out.read(f"{path} copied") == data:
            raise StorageError(f"{out.url}/{path} isn't what was written there")
        written_at = min(entry.modified_at for entry in out.list(path.rsplit("/", 1)[0]))
    finally:
        _remove(out, path)
    apart = abs((written_at - datetime.now(UTC)).total_seconds())
    if apart > _CLOCKS_SECONDS:
        raise StorageError(f"its clock and this machine's are {apart:,.0f} s apart; set them")
    return "what was written is read"


def _swapped(out: Storage, path: str) -> str:
    try:
        first = out.swap(path, secrets.token_bytes(16), None)
        second = out.swap(path, secrets.token_bytes(16), first)
        for stale in (None, first):
            with contextlib.suppress(ConflictError):
                out.swap(path, secrets.token_bytes(16), stale)
                raise StorageError(f"{out.url} lets a writer replace what another wrote: two runs could mix there")
        if not out.delete_if(path, second):
            raise StorageError(f"{out.url}/{path} was changed by someone else")
    finally:
        _remove(out, path)
    return "the first of two writers wins"


def _remove(out: Storage, path: str) -> None:
    with contextlib.suppress(LearnfoldError):
        out.delete([path, *(entry.path for entry in out.list(path.rsplit("/", 1)[0]))])
