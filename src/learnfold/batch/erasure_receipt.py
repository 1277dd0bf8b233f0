"""What an erasure leaves as proof: what was done and found, and nothing of the person but a digest that an id can be compared with.

A receipt is written before anything is changed, so that an erasure that was killed is known and can be continued.
"""

from __future__ import annotations

import getpass
import hashlib
import json
import secrets
import socket
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from learnfold.errors import DataError
from learnfold.storage.out_layout import RECEIPTS, receipt_path
from learnfold.storage.stored_types import check
from learnfold.utc import now

if TYPE_CHECKING:
    from learnfold.storage import Storage

_COST = {"n": 2**14, "r": 8, "p": 1, "maxmem": 64 * 1024**2}
"""Of scrypt: a guess of an id takes some hundredths of a second."""


@dataclass
class ErasureReceipt:
    """One erasure."""

    salt: str
    digest: str  # scrypt of the id with the salt, hexadecimal
    started_at: str
    by: str  # the user of the system and the machine
    master: str
    output: str
    finished_at: str | None = None  # None: not finished; the same command continues it
    rows_by_topic: dict[str, int] = field(default_factory=dict)  # events that went
    quarantine_rows: int = 0
    mentions: int = 0  # events of others in which the name went
    files: dict[str, dict[str, int]] = field(
        default_factory=dict
    )  # of the master dataset: rows that went, and mentions
    batch: str | None = None  # that was published without the person; None where nothing was published
    batches_removed: list[str] = field(default_factory=list)
    files_removed: int = 0  # below OUT
    files_searched: int = 0  # afterwards, in both places
    rows_searched: int = 0
    found: int = 0  # files that held the person then
    not_searched: dict[str, str] = field(default_factory=dict)  # files that can't be read, and why
    searched_in_texts: bool = (
        True  # False: the id is a number or a common word, so only fields that identify a person were compared
    )
    format: int = 1

    @property
    def path(self) -> str:
        """Its path below OUT."""
        return receipt_path(self.started_at, self.digest)

    def write(self, out: Storage) -> None:
        """Writes it; it appears whole."""
        out.write(self.path, json.dumps(asdict(self), indent=1, ensure_ascii=False).encode())

    def is_of(self, user_id: str) -> bool:
        """Whether it is of that person."""
        return secrets.compare_digest(_digest(user_id, self.salt), self.digest)


def new_receipt(user_id: str, master: str, output: str) -> ErasureReceipt:
    """A receipt of what is about to be done."""
    salt = secrets.token_hex(16)
    return ErasureReceipt(salt, _digest(user_id, salt), now(), operator(), master, output)


def operator() -> str:
    """Who is at work: the user of the system, and the machine."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = "unknown"
    return f"{user} on {socket.gethostname()}"


def receipts_of(out: Storage, user_id: str) -> list[ErasureReceipt]:
    """The receipts of that person, oldest first."""
    return [receipt for receipt in _all(out) if receipt.is_of(user_id)]


def unfinished(out: Storage) -> list[ErasureReceipt]:
    """The receipts of erasures that are under way or were stopped before their end, oldest first."""
    return [receipt for receipt in _all(out) if receipt.finished_at is None]


def _all(out: Storage) -> list[ErasureReceipt]:
    files = [entry.path for entry in out.list(RECEIPTS) if entry.path.endswith(".json")]
    found = [_read(data, f"{out.url}/{path}") for path in files if (data := out.read(path)) is not None]
    return sorted(found, key=lambda receipt: receipt.started_at)


def _read(data: bytes, where: str) -> ErasureReceipt:
    try:
        value: dict[str, Any] = json.loads(data)
        receipt = ErasureReceipt(**value)
        check(receipt)
        bytes.fromhex(receipt.salt)
    except (ValueError, TypeError, RecursionError) as error:
        raise DataError(
            f"{where} is no receipt of an erasure ({error!r}); move it away, and give the erasure's command again in case it wasn't finished"
        ) from error
    return receipt


def _digest(user_id: str, salt: str) -> str:
    return hashlib.scrypt(user_id.encode(), salt=bytes.fromhex(salt), dklen=32, **_COST).hex()
