"""Every path below OUT, by name; nothing else spells one.

``<view>/part-00000.parquet`` is what everyone reads; all else begins with ``_``. A lease has the same path below MASTER as
below OUT.
"""

from __future__ import annotations

import re
import secrets

from learnfold.storage.folder import TORN

BATCHES = "_batches"
ROLLUPS = "_rollups"
QUARANTINE = "_quarantine"
STAGING = "_staging"
VERIFICATIONS = "_verify"
LEASES = "_locks"
RECEIPTS = "_erasures"

POINTER = f"{BATCHES}/current.json"
"""Names the published batch; swapped by compare-and-set."""

SCHEDULE_JOURNAL = "_schedule/journal.json"

RUN_FOLDERS = (BATCHES, ROLLUPS, QUARANTINE, STAGING, VERIFICATIONS)
"""What runs write below OUT, beside the plain paths, the leases and the receipts of erasures."""

BATCH_FOLDERS = (BATCHES, ROLLUPS, QUARANTINE)
"""Of these, the ones with files that a batch needs."""

_HASHES = ".u64"
_IMMUTABLE = re.compile(rf"({ROLLUPS}|{BATCHES}/[^/]+)/.+\.(parquet|u64)")
_MANIFEST = "manifest.json"
_FIRST_FILE = "part-00000.parquet"


def folder_of(path: str) -> str:
    """The folder right below OUT that ``path`` is in: a view's, or one that begins with ``_``."""
    return path.split("/", 1)[0]


def batch_folder(batch: str) -> str:
    """The folder of one batch's manifest and views."""
    return f"{BATCHES}/{batch}"


def manifest_path(batch: str) -> str:
    """A batch's manifest."""
    return f"{BATCHES}/{batch}/{_MANIFEST}"


def batch_of_manifest(path: str) -> str | None:
    """The batch whose manifest ``path`` is; None for any other file."""
    folder, *below = path.split("/")
    return below[0] if folder == BATCHES and below[1:] == [_MANIFEST] else None


def view_path(batch: str, view: str) -> str:
    """A view's first file as of a batch."""
    return f"{BATCHES}/{batch}/{view}/{_FIRST_FILE}"


def state_path(batch: str, state: str) -> str:
    """A state that was made in a batch: its rows, sorted by their key."""
    return f"{BATCHES}/{batch}/_states/{state}.parquet"


def set_path(batch: str, name: str) -> str:
    """A set of tuples that was made in a batch: their hashes, sorted."""
    return f"{BATCHES}/{batch}/_sets/{name}{_HASHES}"


def ids_path(batch: str, topic: str, name: str) -> str:
    """The ids of a topic's events that were folded in a batch: their hashes, sorted within each UTC day."""
    return f"{BATCHES}/{batch}/_ids/{topic}/{name}{_HASHES}"


def holds_hashes(path: str) -> bool:
    """Whether a run's file holds hashes alone, so that nothing in it can be read."""
    return folder_of(path) == BATCHES and path.endswith(_HASHES)


def copied_view_path(batch: str, view: str, path: str) -> str:
    """Where a view's file at ``path``, of an older batch, lies in the batch that has it again."""
    return f"{BATCHES}/{batch}/{view}/{path.rsplit('/', 1)[-1]}"


def plain_paths(view: str, paths: list[str]) -> list[str]:
    """Where readers that know nothing of batches find the view whose files are ``paths``."""
    return [f"{view}/{path.rsplit('/', 1)[-1]}" for path in paths]


def is_hidden(path: str) -> bool:
    """Whether readers of a folder of Parquet files pass over the file: its name begins with ``.`` or ``_``."""
    return path.rsplit("/", 1)[-1].startswith((".", "_"))


def plain_note_path(job: str) -> str:
    """The note of what was put at the plain paths of a job's views."""
    return f"{BATCHES}/plain-{job}.json"


def rollup_path(rollup: str, name: str) -> str:
    """A rollup's file; ``name`` is unique, since no such file is ever overwritten."""
    return f"{ROLLUPS}/{rollup}/{name}.parquet"


def quarantine_folder(topic: str) -> str:
    """The folder of a topic's invalid events."""
    return f"{QUARANTINE}/topic={topic}"


def quarantine_path(topic: str, name: str) -> str:
    """A file of a topic's invalid events."""
    return f"{quarantine_folder(topic)}/{name}.parquet"


def topic_of_quarantine(path: str) -> str:
    """The topic whose invalid events a file below the quarantine holds."""
    return path.split("/")[1].removeprefix("topic=")


def lease_path(name: str) -> str:
    """The lease of that name."""
    return f"{LEASES}/{name}.json"


def receipt_path(started_at: str, digest: str) -> str:
    """The receipt of the erasure that began then, of the person whose id has that digest."""
    time = started_at.replace("-", "").replace(":", "").partition(".")[0]
    return f"{RECEIPTS}/{time}-{digest[:16]}.json"


def new_verification_folder() -> str:
    """A folder that no other verification has."""
    return f"{VERIFICATIONS}/{secrets.token_hex(4)}"


def is_immutable(path: str) -> bool:
    """Whether a file's name is given once, so that its content never changes: a rollup's, or a batch's view, state or hashes."""
    return _IMMUTABLE.fullmatch(path) is not None


def is_run_file(path: str) -> bool:
    """Whether ``path`` is a file that runs make and that a batch may need: no pointer, no note, no lock, nothing half written."""
    if folder_of(path) not in RUN_FOLDERS or path.endswith(".lock") or TORN.search(path):
        return False
    return folder_of(path) != BATCHES or path.count("/") > 1
