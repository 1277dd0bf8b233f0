"""Records of learnfold's own below a master dataset that are no Parquet files and may name a person: an erasure writes these again."""

from __future__ import annotations

import json
import posixpath
from typing import TYPE_CHECKING

from learnfold.master.file_names import FILES

if TYPE_CHECKING:
    from learnfold.privacy.person import Person
    from learnfold.storage import Storage

MADE_UP = "_truth.json"
"""What ``learnfold generate`` records of its events: no longer true once some are erased, and so deleted."""


def is_record(path: str) -> bool:
    """Whether a file of a master dataset is one that an erasure may write again or delete."""
    return path == MADE_UP or (posixpath.dirname(path) == FILES and path.endswith(".json"))


def clean(master: Storage, path: str, person: Person) -> None:
    """Writes a record without the person, or deletes it: of an ingested file, its name may be after the person."""
    if path == MADE_UP:
        master.delete([path])
        return
    data = master.read(path)
    if data is not None:
        receipt = json.loads(data)
        receipt["name"] = person.blanked(receipt["name"])
        master.write(path, json.dumps(receipt, ensure_ascii=False, indent=1).encode())


def checksum_of(path: str) -> str:
    """Where Hadoop keeps the checksum of a file, which is wrong as soon as the file is another."""
    folder, name = posixpath.split(path)
    return posixpath.join(folder, f".{name}.crc")
