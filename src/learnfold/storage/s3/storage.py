"""A bucket as storage: every object appears whole; compare-and-set by conditional puts."""

from __future__ import annotations

import contextlib
import itertools
import shutil
import threading
from functools import cached_property
from typing import TYPE_CHECKING

import obstore
from obstore.exceptions import PreconditionError

from learnfold.errors import ConflictError, MissingDataError, StorageError, UsageError
from learnfold.storage import Entry
from learnfold.storage.s3.cached import ImmutableCache
from learnfold.storage.s3.client import connect, server_url
from learnfold.storage.s3.conditional import ConditionalPuts
from learnfold.storage.s3.errors import FOREIGN, Place, code_of
from learnfold.storage.s3.fetch import fetch, fetch_footers
from learnfold.storage.s3.listing import objects_below
from learnfold.storage.s3.uploads import Uploads
from learnfold.storage.scratch import Scratch

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from obstore import ObjectMeta
    from obstore.store import S3Store

    from learnfold.settings import Settings

    Fetching = Callable[[S3Store, Mapping[str, Path], int], None]

_UPLOAD_BYTES = 8 * 1024 * 1024
_UPLOAD_PARTS = 9000  # a server takes 10,000
_PARTS_TOGETHER = 4
_CACHE_BYTES = 1024**3


class S3Storage:
    """Objects below a prefix of a bucket.

    An object that ``delete_if`` deleted stays as an empty one: not every server checks conditions of a DELETE, every one that
    can be used here checks those of a PUT. So an empty object counts as none, unless it is named as a Parquet file.
    """

    def __init__(self, rest_of_url: str, settings: Settings) -> None:
        """``rest_of_url`` is ``bucket/prefix``; sends nothing yet."""
        bucket, *folders = [part for part in rest_of_url.split("/") if part] or [""]
        if not bucket:
            raise UsageError(f"s3://{rest_of_url} names no bucket; a place is called s3://bucket/path")
        self.url = "/".join(["s3:/", bucket, *folders])
        self.max_concurrency = settings.s3_requests
        self._prefix, self._settings = "/".join(folders), settings
        self._place = Place(self.url, bucket, server_url(settings), settings.s3_region, settings.s3_retries)
        self._reached = False
        self._mutex = threading.Lock()
        self._made: tuple[Scratch, ImmutableCache] | None = None
        self._numbers = itertools.count()
        self._uploads: Uploads | None = None
        self._emptied: dict[str, str] = {}  # by path, the ETags of objects that delete_if emptied

    @cached_property
    def _store(self) -> S3Store:
        return connect(self._place.bucket, self._prefix, self._settings)

    @cached_property
    def _conditional(self) -> ConditionalPuts:
        return ConditionalPuts(self._store, self._place)

    @property
    def _scratch(self) -> Scratch:
        return self._local_files[0]

    @property
    def _cache(self) -> ImmutableCache:
        return self._local_files[1]

    @property
    def _local_files(self) -> tuple[Scratch, ImmutableCache]:
        """Made when they are first needed, by whichever thread: a second one would take the first's files away."""
        with self._mutex:
            if self._made is None:
                folder = Scratch(self._settings.temporary_folder)
                self._made = folder, ImmutableCache(folder.path, _CACHE_BYTES)
            return self._made

    def exists(self) -> bool:
        """True; raises StorageError where there is no such bucket, or it can't be reached."""
        if not self._reached:
            try:
                obstore.get(self._store, ".learnfold")
            except FOREIGN as error:
                if code_of(error) not in {"NoSuchKey", "AccessDenied"}:
                    raise self._place.error(error) from error
            self._reached = True
        return True

    def read(self, path: str) -> bytes | None:
        """The object's bytes."""
        found = self.read_tagged(path)
        return found[0] if found else None

    def read_tagged(self, path: str) -> tuple[bytes, str] | None:
        """The object's bytes and its ETag."""
        found = self._conditional.get(path)
        if found and not found[0]:
            self._emptied[path] = found[1]
            return None
        return found

    def write(self, path: str, data: bytes) -> None:
        """Puts a small object."""
        self.exists()  # some servers make a bucket of any name that is written to
        self._place.tried(path, lambda: obstore.put(self._store, path, data, use_multipart=False))

    def swap(self, path: str, data: bytes, tag: str | None) -> str:
        """Compare-and-set by the object's ETag."""
        self.exists()
        new = self._conditional.put(path, data, tag or self._emptied.pop(path, None))
        if (
            new is None and tag is None and self.read_tagged(path) is None
        ):  # it was emptied meanwhile, or we had not seen it
            new = self._conditional.put(path, data, self._emptied.pop(path, None))
        if new is None:
            raise ConflictError(f"{self.url}/{path} was changed by another run; try again")
        return new

    def delete_if(self, path: str, tag: str) -> bool:
        """Empties the object if its ETag is still ``tag``."""
        self.exists()
        return self._conditional.put(path, b"", tag) is not None

    @contextlib.contextmanager
    def new(self, path: str) -> Iterator[Path]:
        """A local file, uploaded when the block ends well; a large one in parts, which appear as one."""
        self.exists()
        file = self._scratch.path / f"new-{next(self._numbers)}"
        try:
            yield file
        except BaseException:
            file.unlink(missing_ok=True)
            raise
        if not file.is_file():
            raise StorageError(f"{file}, to become {self.url}/{path}, was never written")
        if self._uploads:
            self._uploads.begin(file, path)
        else:
            self._upload(file, path)

    @contextlib.contextmanager
    def batched_writes(self) -> Iterator[None]:
        """Uploads run in the background, some side by side; leaving the block waits for all of them and raises the first failure."""
        self._uploads = uploads = Uploads(self._upload)
        try:
            yield
            uploads.wait()
        finally:
            uploads.close()
            self._uploads = None

    def _upload(self, file: Path, path: str) -> None:
        part = max(_UPLOAD_BYTES, -(-file.stat().st_size // _UPLOAD_PARTS))

        def put() -> None:
            obstore.put(self._store, path, file, chunk_size=part, max_concurrency=_PARTS_TOGETHER)

        def put_twice() -> None:
            try:
                put()
            except FileNotFoundError as error:
                if code_of(error) != "NoSuchUpload":
                    raise
                put()  # the answer that the upload was complete got lost; the client's second try found it gone

        try:
            self._place.tried(path, put_twice)
            self._cache.add(path, file)
        finally:
            file.unlink(missing_ok=True)

    def _settle(self, paths: Collection[str]) -> None:
        """Waits for uploads to these paths."""
        if self._uploads:
            self._uploads.wait(paths)

    @contextlib.contextmanager
    def local(self, paths: Sequence[str]) -> Iterator[list[str]]:
        """Copies in a folder that is removed with the block; of what never changes, those that are cached."""
        with self._fetched(paths, fetch) as names:
            yield names

    @contextlib.contextmanager
    def footers(self, paths: Sequence[str]) -> Iterator[list[str]]:
        """Files with holes: a few thousand bytes of each are fetched."""
        with self._fetched(paths, fetch_footers) as names:
            yield names

    @contextlib.contextmanager
    def _fetched(self, paths: Sequence[str], by: Fetching) -> Iterator[list[str]]:
        self._settle(paths)
        folder = self._scratch.path / f"local-{next(self._numbers)}"
        try:
            folder.mkdir()
            place = {path: folder / f"{number}.parquet" for number, path in enumerate(dict.fromkeys(paths))}
            wanted = {path: file for path, file in place.items() if not self._cache.give(path, file)}
            self._bring(wanted, by)
            if by is fetch:
                for path, file in wanted.items():
                    self._cache.add(path, file)
            yield [str(place[path]) for path in paths]
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _bring(self, wanted: Mapping[str, Path], by: Fetching) -> None:
        try:
            with self._place.translate_errors("", (FileNotFoundError, PreconditionError)):
                by(self._store, wanted, self.max_concurrency)
        except FileNotFoundError as error:
            if code_of(error) == "NoSuchBucket":
                raise self._place.error(error) from error
            gone = [path for path in wanted if f"{self._prefix}/{path} not found".lstrip("/") in str(error)]
            raise MissingDataError(f"{self.url}/{(gone or [str(error).splitlines()[0]])[0]} is gone") from error
        except PreconditionError as error:
            raise StorageError(f"an object below {self.url} was replaced while it was read; run again") from error
        except OSError as error:
            raise StorageError(
                f"{error.filename or self._scratch.name}: {error.strerror or error}; "
                "what is fetched needs room: name another folder by LEARNFOLD_TEMPORARY_FOLDER"
            ) from error

    def copy(self, source: str, target: str) -> None:
        """Copies within the server; of at most 5 GB on AWS."""
        self.exists()
        self._settle([source, target])
        self._place.tried(source, lambda: obstore.copy(self._store, source, target))

    def delete(self, paths: Iterable[str]) -> None:
        """Deletes objects, a thousand by each request."""
        gone = list(paths)
        if gone:
            self._settle(gone)
            self._cache.forget(set(gone))
            self._place.tried(gone[0], lambda: obstore.delete(self._store, gone))

    def list(self, prefix: str = "") -> list[Entry]:
        """Every object below ``prefix``; the folders of a very large one side by side."""
        found = self._place.tried(prefix, lambda: objects_below(self._store, prefix.strip("/"), self.max_concurrency))
        return sorted(filter(_counts, map(_entry, found)), key=lambda entry: entry.path)


def _entry(about: ObjectMeta) -> Entry:
    tag = (about["e_tag"] or about["last_modified"].isoformat()).strip('"')
    return Entry(about["path"], about["size"], tag, about["last_modified"])


def _counts(entry: Entry) -> bool:
    """Whether it counts as a file: not one that was deleted, nor what a console makes to show a folder."""
    return entry.size > 0 or entry.path.endswith((".parquet", ".parq"))
