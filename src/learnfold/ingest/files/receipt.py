"""What a file that was ingested gave: by it, the same file again changes nothing, and one that was cut short is taken up.

``MASTER/_files/<digest of the content>.json`` is written before the first file that it names, and again when all are there.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

from learnfold.errors import DataError
from learnfold.master.file_names import FILES
from learnfold.storage.stored_types import UNREADABLE, check

if TYPE_CHECKING:
    from pathlib import Path

    from learnfold.storage import Storage

_BLOCK_BYTES = 1 << 20


@dataclass
class FileReceipt:
    """One file's; ``how`` stands for all that decides what it gives beside its content."""

    digest: str
    name: str
    size: int
    how: str
    done: bool = False
    outputs: list[str] = field(default_factory=list)  # below MASTER; until it is done, those of the attempt before too
    events: dict[str, int] = field(default_factory=dict)  # valid ones by topic
    quarantined: dict[str, dict[str, int]] = field(default_factory=dict)  # by topic and reason
    at: str = ""
    end: int = (
        0  # bytes of its text that are certain, whatever comes behind them; 0: it isn't a text, or not all was read
    )
    rows: int = 0  # texts in these
    inside: int = 0  # arrays that are open behind them
    tail: list[str] = field(default_factory=list)  # what came of the text behind them, which may be cut
    retracted: dict[str, int] = field(default_factory=dict)  # by topic, how many statements take events of it back
    replaced_by: str = ""  # the digest of the file that it grew to, which has its outputs now

    def write(self, master: Storage) -> None:
        """Puts it in place."""
        master.write(_path(self.digest), json.dumps(asdict(self), ensure_ascii=False, indent=1).encode())


def read_receipt(master: Storage, digest: str) -> FileReceipt | None:
    """The receipt of a file with that digest; None where it was never ingested."""
    data = master.read(_path(digest))
    if data is None:
        return None
    try:
        receipt = FileReceipt(**json.loads(data))
        check(receipt)
    except UNREADABLE as error:
        raise DataError(
            f"{master.url}/{_path(digest)} can't be read ({error!r}); delete it and ingest the file again"
        ) from error
    return receipt


def delete_receipt(master: Storage, digest: str) -> None:
    """Forgets a file."""
    master.delete([_path(digest)])


def digest_of(path: Path) -> str:
    """A digest of a file's content, 64 hexadecimal digits."""
    state = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK_BYTES):
            state.update(block)
    return state.hexdigest()


def _path(digest: str) -> str:
    return f"{FILES}/{digest}.json"
