"""S3 through Spark: for machines that have nothing but Spark, whose Hadoop then speaks to S3 for us, with its own configuration.

It keeps to what ``S3Storage`` does, so that both can be used on one place: tags are ETags, and an empty object counts as none.
"""

from __future__ import annotations

import contextlib
import itertools
import re
import secrets
import threading
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from py4j.protocol import Py4JJavaError

from learnfold.engines.spark.errors import translate_errors, translated
from learnfold.engines.spark.session import open_session
from learnfold.errors import ConflictError, MissingDataError, StorageError, UsageError
from learnfold.storage import Entry
from learnfold.storage.concurrency import map_concurrently
from learnfold.storage.scratch import Scratch

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from learnfold.engines.spark.session import Session
    from learnfold.settings import Settings

_ABSENT = {"java.io.FileNotFoundException"}
_REFUSED = {
    "org.apache.hadoop.fs.s3a.RemoteFileChangedException",
    "org.apache.hadoop.fs.FileAlreadyExistsException",
    "org.apache.hadoop.fs.PathIOException",
}
_IF_NONE = "fs.option.create.conditional.overwrite"
_IF_MATCH = "fs.option.create.conditional.overwrite.etag"
_TRIES = 20

_STATUS = re.compile(
    r"FileStatus\{path=(.*?); isDirectory=false; length=(\d+); [^{}]*?modification_time=(\d+); [^{}]*?\}"
    r"[^{}]*?e[tT]ag='?\"?([^\"',]*)"
)


class HadoopStorage:
    """Objects below a prefix of a bucket, through Hadoop's s3a."""

    def __init__(self, rest_of_url: str, settings: Settings) -> None:
        """``rest_of_url`` is ``bucket/prefix``; starts nothing yet."""
        bucket, *folders = [part for part in rest_of_url.split("/") if part] or [""]
        if not bucket:
            raise UsageError(f"s3://{rest_of_url} names no bucket; a place is called s3://bucket/path")
        self.url = "/".join(["s3:/", bucket, *folders])
        self.max_concurrency = settings.s3_requests
        self._bucket, self._prefix, self._settings = bucket, "".join(f"{folder}/" for folder in folders), settings
        self._mutex = threading.Lock()
        self._numbers = itertools.count()
        self._reached = self._honoured = False

    @cached_property
    def _session(self) -> Session:
        return open_session(self._settings, [self.url])

    @cached_property
    def _files(self) -> Any:
        with translate_errors():
            return self._at("").getFileSystem(self._session.hadoop_conf())

    @cached_property
    def _client(self) -> Any:
        return self._files.getS3AInternals().getAmazonS3Client("learnfold copies within the server")

    @cached_property
    def _scratch(self) -> Scratch:
        return Scratch(self._settings.temporary_folder)

    def _at(self, path: str) -> Any:
        return self._session.jvm.org.apache.hadoop.fs.Path(
            f"s3a://{self._bucket}/{self._prefix}{path}".rstrip("/") or "/"
        )

    def exists(self) -> bool:
        """True; raises StorageError where there is no such bucket, or it can't be reached."""
        with self._mutex:
            if not self._reached:
                self._status(".learnfold")
                self._reached = True
        return True

    def read(self, path: str) -> bytes | None:
        """The object's bytes."""
        found = self.read_tagged(path)
        return found[0] if found else None

    def read_tagged(self, path: str) -> tuple[bytes, str] | None:
        """The object's bytes and its ETag."""
        found = self._get(path)
        return found if found and found[0] else None

    def _status(self, path: str) -> Any | None:
        with translate_errors():
            try:
                return self._files.getFileStatus(self._at(path))
            except Py4JJavaError as error:
                if _kind(error) in _ABSENT:
                    return None
                raise

    def _get(self, path: str) -> tuple[bytes, str] | None:
        """The object's bytes and ETag, also of an empty one; what changes while it is read is read again."""
        for _ in range(_TRIES):
            status = self._status(path)
            if status is None or status.isDirectory():
                return None
            try:
                stream = self._files.openFile(self._at(path)).withFileStatus(status).build().get()
                with contextlib.closing(stream):
                    return bytes(self._session.jvm.org.apache.commons.io.IOUtils.toByteArray(stream)), str(
                        status.getEtag()
                    )
            except Py4JJavaError as error:
                if _kind(error) not in _ABSENT | _REFUSED:
                    raise translated(error) from error
        raise StorageError(f"{self.url}/{path} changes all the time; run again")

    def write(self, path: str, data: bytes) -> None:
        """Puts a small object."""
        self.exists()
        with translate_errors():
            self._put(path, data, {})

    def _put(self, path: str, data: bytes, conditions: dict[str, Any]) -> None:
        builder = self._files.createFile(self._at(path)).overwrite(True).recursive()
        for name, value in conditions.items():
            builder = builder.must(name, value)
        stream = builder.build()
        try:
            stream.write(bytearray(data))
        finally:
            stream.close()  # only now is it sent

    def swap(self, path: str, data: bytes, tag: str | None) -> str:
        """Compare-and-set by the object's ETag."""
        self.exists()
        self._probe()
        new = self._put_if(path, data, tag)
        if new is None and tag is None:
            found = self._get(path)
            if found and not found[0]:  # deleted
                new = self._put_if(path, data, found[1])
        if new is None:
            raise ConflictError(f"{self.url}/{path} was changed by another run; try again")
        return new

    def delete_if(self, path: str, tag: str) -> bool:
        """Empties the object if its ETag is still ``tag``."""
        self.exists()
        self._probe()
        return self._put_if(path, b"", tag) is not None

    def _put_if(self, path: str, data: bytes, tag: str | None) -> str | None:
        """The new ETag; None where the object's isn't ``tag`` (None: where there is one). What is there afterwards decides.

        Hadoop doesn't give the ETag of what it wrote. If others wrote since, the tag returned is none that they have.
        """
        failure = None
        try:
            taken = self._taken(path, data, tag)
        except StorageError as error:
            taken, failure = False, error
        found = None
        with contextlib.suppress(StorageError):
            found = self._get(path)
        if found and found[0] == data:
            return found[1]
        if failure:
            raise failure
        return "overwritten since" if taken else None

    def _taken(self, path: str, data: bytes, tag: str | None) -> bool:
        """Whether the server took a conditional put."""
        try:
            self._put(path, data, {_IF_NONE: True} if tag is None else {_IF_MATCH: tag})
        except Py4JJavaError as error:
            text = str(error)
            if "IllegalArgumentException" in text and _IF_NONE in text:
                version = self._session.jvm.org.apache.hadoop.util.VersionInfo.getVersion()
                raise StorageError(
                    f"Hadoop {version} can't write to S3 on a condition, by which runs into {self.url} are kept apart; "
                    "use a Spark with Hadoop 3.4.2 or newer, or install obstore where spark-submit runs the driver"
                ) from error
            if _kind(error) in _REFUSED or (tag is not None and _kind(error) in _ABSENT):
                return False
            raise translated(error) from error
        return True

    def _probe(self) -> None:
        """Raises StorageError where the server takes a put whose condition isn't met; tried once."""
        with self._mutex:
            if self._honoured:
                return
            path = f".learnfold-probe-{secrets.token_hex(8)}"
            self._taken(path, b"probe", None)
            refused = [not self._taken(path, b"taken", tag) for tag in (None, f'"{"0" * 32}"')]
            self.delete([path])
            if not all(refused):
                raise StorageError(
                    f"the server of {self.url} doesn't honour conditional writes (If-None-Match, If-Match), by which runs are kept "
                    "apart; nothing was published. MinIO, SeaweedFS and AWS do: update the server, or use another"
                )
            self._honoured = True

    @contextlib.contextmanager
    def new(self, path: str) -> Iterator[Path]:
        """A local file, uploaded when the block ends well."""
        self.exists()
        file = self._scratch.path / f"new-{next(self._numbers)}"
        try:
            yield file
            with translate_errors():
                source = self._session.jvm.org.apache.hadoop.fs.Path(f"file://{file}")
                self._files.copyFromLocalFile(False, True, source, self._at(path))
        finally:
            file.unlink(missing_ok=True)

    def batched_writes(self) -> AbstractContextManager[None]:
        """Files are there when ``new`` ends."""
        return contextlib.nullcontext()

    @contextlib.contextmanager
    def local(self, paths: Sequence[str]) -> Iterator[list[str]]:
        """Copies in a folder that is removed with the block."""
        folder = self._scratch.path / f"local-{next(self._numbers)}"
        folder.mkdir()
        place = {path: folder / f"{number}.parquet" for number, path in enumerate(dict.fromkeys(paths))}
        try:
            map_concurrently(lambda path: self._fetch(path, place[path]), place, self.max_concurrency)
            yield [str(place[path]) for path in paths]
        finally:
            for file in folder.iterdir():
                file.unlink()
            folder.rmdir()

    def footers(self, paths: Sequence[str]) -> AbstractContextManager[list[str]]:
        """Whole copies: Spark reads footers where they are."""
        return self.local(paths)

    def _fetch(self, path: str, file: Path) -> None:
        with translate_errors():
            try:
                target = self._session.jvm.org.apache.hadoop.fs.Path(f"file://{file}")
                self._files.copyToLocalFile(False, self._at(path), target, True)
            except Py4JJavaError as error:
                if _kind(error) in _ABSENT:
                    raise MissingDataError(f"{self.url}/{path} is gone") from error
                raise

    def copy(self, source: str, target: str) -> None:
        """Copies within the server; of at most 5 GB on AWS."""
        self.exists()
        with translate_errors():
            request = self._session.jvm.software.amazon.awssdk.services.s3.model.CopyObjectRequest.builder()
            request = request.sourceBucket(self._bucket).sourceKey(self._prefix + source)
            request = request.destinationBucket(self._bucket).destinationKey(self._prefix + target)
            self._client.copyObject(request.build())

    def delete(self, paths: Iterable[str]) -> None:
        """Deletes objects, a thousand by each request."""
        gone = list(paths)
        if not gone:
            return
        with translate_errors():
            model = self._session.jvm.software.amazon.awssdk.services.s3.model
            for start in range(0, len(gone), 1000):
                objects = self._session.jvm.java.util.ArrayList()
                for path in gone[start : start + 1000]:
                    objects.add(model.ObjectIdentifier.builder().key(self._prefix + path).build())
                what = model.Delete.builder().objects(objects).quiet(True).build()
                answer = self._client.deleteObjects(
                    model.DeleteObjectsRequest.builder().bucket(self._bucket).delete(what).build()
                )
                if answer.hasErrors():
                    raise StorageError(
                        f"the server of {self.url} refused to delete: {answer.errors().get(0).toString()}"
                    )

    def list(self, prefix: str = "") -> list[Entry]:
        """Every object below ``prefix``."""
        with translate_errors():
            try:
                found = self._files.listFiles(self._at(prefix.strip("/")), True)
                statuses = self._session.jvm.org.apache.hadoop.util.functional.RemoteIterators.toList(found)
            except Py4JJavaError as error:
                if _kind(error) in _ABSENT:
                    return []
                raise
            entries = [self._entry(*fields) for fields in _fields(statuses)]
        counting = (entry for entry in entries if entry.size > 0 or entry.path.endswith((".parquet", ".parq")))
        return sorted(counting, key=lambda entry: entry.path)

    def _entry(self, place: str, size: int, modified_ms: int, tag: str) -> Entry:
        path = place.removeprefix(f"s3a://{self._bucket}/").removeprefix(self._prefix)
        return Entry(path, size, tag.strip('"'), datetime.fromtimestamp(modified_ms / 1000, UTC))


def _fields(statuses: Any) -> list[tuple[str, int, int, str]]:
    """Where, size, time and ETag of listed objects; from their text, since each question to Java takes its time."""
    read = [(path, int(size), int(ms), tag) for path, size, ms, tag in _STATUS.findall(str(statuses.toString()))]
    if len(read) == statuses.size():
        return read
    return [(s.getPath().toString(), s.getLen(), s.getModificationTime(), str(s.getEtag())) for s in statuses]


def _kind(error: Py4JJavaError) -> str:
    return str(error.java_exception.getClass().getName())
