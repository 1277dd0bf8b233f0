"""Whether files are what was written, by the digests that were taken then."""

from __future__ import annotations

import hashlib
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from learnfold.errors import DamagedError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from learnfold.storage import Storage

DIFFERENT = "its bytes aren't those that were written"
"""What is said of a file whose digest is another."""


_ADVICE = "Remove them, and 'learnfold run' makes them again from the events"


def sha256_of(file: str | Path) -> str:
    """The SHA-256 of a local file's bytes, in hexadecimal digits."""
    with Path(file).open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


class IntactFiles:
    """Local copies of files of one storage, each of them checked when it is first read. Several threads may use it."""

    def __init__(self, storage: Storage) -> None:
        self.storage = storage
        self._known: set[str] = set()
        self._mutex = Lock()

    def made(self, path: str) -> None:
        """The file was just written by this process, so that there is nothing to check."""
        with self._mutex:
            self._known.add(path)

    @contextmanager
    def local(self, digests: Mapping[str, str]) -> Iterator[list[str]]:
        """Names of local files with the content of the paths, in their order, until the block ends.

        ``digests`` has the SHA-256 of each; an empty one isn't checked. Raises MissingDataError if a file is gone, DamagedError,
        naming all that are, if some aren't what was written.
        """
        with self.storage.local(list(digests)) as files:
            self._check(digests, dict(zip(digests, files, strict=True)))
            yield files

    def _check(self, digests: Mapping[str, str], files: Mapping[str, str]) -> None:
        with self._mutex:
            todo = [path for path, digest in digests.items() if digest and path not in self._known]
        wrong = {path: DIFFERENT for path in todo if sha256_of(files[path]) != digests[path]}
        if wrong:
            raise damaged(self.storage.url, wrong)
        with self._mutex:
            self._known.update(todo)


def damaged(url: str, wrong: Mapping[str, str], advice: str = _ADVICE) -> DamagedError:
    """The error that says what is wrong with which files below ``url``, and what to do."""
    listed = "\n".join(f"  {url}/{path}: {why}" for path, why in wrong.items())
    return DamagedError(f"files that learnfold wrote are damaged:\n{listed}\n{advice}", wrong)
