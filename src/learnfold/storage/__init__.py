"""Where files are: a folder, or a bucket on any S3. ``s3://`` and ``s3a://`` are the same place.

Every path is relative to the storage's root, with ``/`` between its parts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from contextlib import AbstractContextManager
    from datetime import datetime
    from pathlib import Path

    from learnfold.settings import Settings


@dataclass(frozen=True, slots=True)
class Entry:
    """One file: its path, its size in bytes, a tag that changes whenever its content does, and when it was written (UTC)."""

    path: str
    size: int
    tag: str
    modified_at: datetime


class Storage(Protocol):
    """Files below one root. What fails raises StorageError; a missing file is None or MissingDataError, as each method states."""

    url: str
    """The root as engines and messages name it: an absolute folder, or ``s3://bucket/prefix``."""

    max_concurrency: int
    """How many requests are best under way together (see ``map_concurrently``); 1 where nothing is gained."""

    def exists(self) -> bool:
        """Whether the root is there; raises StorageError where it can't be made by writing to it, as a missing bucket."""
        ...

    def read(self, path: str) -> bytes | None:
        """The file's bytes; None where there is no such file."""
        ...

    def read_tagged(self, path: str) -> tuple[bytes, str] | None:
        """The file's bytes and the tag to ``swap`` them by; None where there is no such file."""
        ...

    def write(self, path: str, data: bytes) -> None:
        """Writes a small file; it appears whole, in place of any old one. An empty one may count as none."""
        ...

    def swap(self, path: str, data: bytes, tag: str | None) -> str:
        """Replaces the file if its tag is still ``tag`` (None: if there is none yet), atomically among all writers.

        ``data`` must be such as was never there before: by it a writer whose answer got lost knows its own.
        Returns the new tag; raises ConflictError where someone else was first.
        """
        ...

    def delete_if(self, path: str, tag: str) -> bool:
        """Deletes the file if its tag is still ``tag``; whether it did."""
        ...

    def new(self, path: str) -> AbstractContextManager[Path]:
        """A local file to fill; when the block ends well, its content appears whole at ``path``, else nothing does."""
        ...

    def batched_writes(self) -> AbstractContextManager[None]:
        """Uploads of files made by ``new`` run in the background; leaving the block waits for all of them and raises the first failure.

        Within it ``local``, ``copy`` and ``delete`` wait for the files that they name.
        """
        ...

    def local(self, paths: Sequence[str]) -> AbstractContextManager[list[str]]:
        """Names of local files with the content of ``paths``, in their order, until the block ends; MissingDataError if one is gone."""
        ...

    def footers(self, paths: Sequence[str]) -> AbstractContextManager[list[str]]:
        """The same for readers of Parquet footers alone: files of the right size, whose bytes before the footer may be missing."""
        ...

    def copy(self, source: str, target: str) -> None:
        """Copies ``source`` to ``target``, which appears whole, in place of any old one; without downloading it where that is possible."""
        ...

    def delete(self, paths: Iterable[str]) -> None:
        """Deletes files; those that are gone already are fine."""
        ...

    def list(self, prefix: str = "") -> list[Entry]:
        """Every file below ``prefix`` (a folder; empty: the root), by path; empty where there is no such folder."""
        ...


def open_storage(url: str, settings: Settings) -> Storage:
    """The storage at ``url``: a folder's path, ``file://…``, ``s3://bucket/prefix`` or ``s3a://bucket/prefix``."""
    if not url.strip():
        from learnfold.errors import UsageError

        raise UsageError("a place is given as an empty text; give a folder, or s3://bucket/path")
    scheme, colon, rest = url.partition("://")
    if colon and scheme in {"s3", "s3a", "s3n"}:
        if "@" in rest.partition("/")[0]:
            from learnfold.errors import UsageError

            raise UsageError(
                f"{url} holds keys; leave them out, and set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY "
                "(or MINIO_ACCESS_KEY and MINIO_SECRET_KEY)"
            )
        try:
            from learnfold.storage.s3 import S3Storage
        except ModuleNotFoundError as error:
            if settings.engine == "duckdb" or (error.name or "").partition(".")[0] != "obstore":
                raise
            from learnfold.storage.hadoop import HadoopStorage  # a machine that has only Spark

            return HadoopStorage(rest, settings)
        return S3Storage(rest, settings)
    if colon and scheme != "file":
        from learnfold.errors import UsageError

        raise UsageError(f"{url} can't be opened: a place is a folder, s3://bucket/path or s3a://bucket/path")
    from learnfold.storage.folder import FolderStorage

    return FolderStorage(rest if colon else url)


def passed_over(storage: Storage) -> list[str]:
    """What the lists so far left out, for people: links that lead to a folder that they lie in."""
    loops = sorted(getattr(storage, "loops", ()))
    return [f"{storage.url}/{path} links to a folder that it lies in; it was passed over" for path in loops]


def same_place(one: str, other: str) -> bool:
    """Whether two URLs name one place, whatever their spelling."""
    return _canonical(one) == _canonical(other)


def _canonical(url: str) -> str:
    import os

    scheme, colon, rest = url.partition("://")
    if colon and scheme in {"s3", "s3a", "s3n"}:
        return "s3://" + "/".join(part for part in rest.split("/") if part)
    return os.path.realpath(rest if colon else url)
