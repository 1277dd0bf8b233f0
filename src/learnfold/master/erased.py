"""Which files of the master dataset an erasure has rewritten, so that nobody makes them again of what they came from.

``MASTER/_files/erased/<digest of a path>.json`` is written before the file at that path is rewritten, and stays.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from learnfold.master.file_names import FILES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from learnfold.storage import Storage

_FOLDER = f"{FILES}/erased"


def note_erased(master: Storage, path: str) -> None:
    """Notes that a person goes from the file at ``path``."""
    master.write(_place(path), b"{}")


def any_erased(master: Storage, paths: Iterable[str]) -> bool:
    """Whether a person was erased from one of the files."""
    noted = {entry.path for entry in master.list(_FOLDER)}
    return any(_place(path) in noted for path in paths)


def _place(path: str) -> str:
    return f"{_FOLDER}/{hashlib.sha256(path.encode()).hexdigest()[:32]}.json"
