"""A folder as storage: every file appears whole, by renaming; compare-and-set under a lock of the operating system."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import os
import re
import shutil
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING

from learnfold.errors import ConflictError, MissingDataError, StorageError
from learnfold.storage import Entry
from learnfold.storage.scratch import Scratch

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, MutableSequence, Sequence
    from contextlib import AbstractContextManager

_TEMPORARY = ".tmp-"

TORN = re.compile(r"(?:^|/)\.[^/]+\.tmp-(\d+)-[0-9a-f]+$")
"""The name of what a writer is writing, or was when it died, with the number of its process; ``clean`` removes the latter."""

PATIENCE_SECONDS = 30.0
"""How long a lock of the system is waited for. It is held for moments; a process that was stopped in such a moment holds it on."""

_LOOK_AGAIN_SECONDS = 0.005

_PATTERN = re.compile(r"[*?\\[{]")


class FolderStorage:
    """Files below a folder."""

    max_concurrency = 1

    def __init__(self, folder: str) -> None:
        self.root = Path(folder).absolute()
        self.url = str(self.root)
        self.loops: set[str] = set()  # links to a folder that they lie in, as far as they were met

    def _walk(
        self, folder: str, path: str, found: MutableSequence[Entry], followed: Collection[str] = frozenset()
    ) -> None:
        try:
            entries = os.scandir(folder)
        except FileNotFoundError:
            return
        with entries:
            for entry in entries:
                below = f"{path}/{entry.name}" if path else entry.name
                if entry.is_symlink() and (loop := _followed(entry, folder, followed)) is not None:
                    if not loop:
                        self.loops.add(below)
                        continue
                    self._walk(entry.path, below, found, loop)
                    continue
                if entry.is_dir():
                    self._walk(entry.path, below, found, followed)
                    continue
                with contextlib.suppress(FileNotFoundError):  # it was deleted meanwhile
                    about = entry.stat()
                    tag = f"{about.st_mtime_ns:x}-{about.st_ino:x}"
                    found.append(Entry(below, about.st_size, tag, datetime.fromtimestamp(about.st_mtime, UTC)))

    def exists(self) -> bool:
        """Whether the folder is there; raises StorageError where a file is in its place."""
        if self.root.exists() and not self.root.is_dir():
            raise StorageError(f"{self.root} is a file, not a folder")
        return self.root.is_dir()

    def read(self, path: str) -> bytes | None:
        """The file's bytes."""
        with _errors_translated(self.root / path):
            try:
                return (self.root / path).read_bytes()
            except FileNotFoundError:
                return None

    def read_tagged(self, path: str) -> tuple[bytes, str] | None:
        """The file's bytes and their digest."""
        data = self.read(path)
        return None if data is None else (data, _digest(data))

    def write(self, path: str, data: bytes) -> None:
        """Puts a small file in place, by renaming."""
        with self.new(path) as file:
            file.write_bytes(data)

    def swap(self, path: str, data: bytes, tag: str | None) -> str:
        """Compare-and-set, under a lock that the system gives back when its holder dies."""
        with contextlib.ExitStack() as lock, self.new(path) as file:
            with file.open("wb") as new:
                new.write(data)
                new.flush()
                os.fsync(new.fileno())  # before the lock is taken, so that it is held for a moment only
            lock.enter_context(self._locked(path))
            current = self.read_tagged(path)
            if (current[1] if current else None) != tag:
                raise ConflictError(f"{self.root / path} was changed by another run; try again")
        return _digest(data)

    def delete_if(self, path: str, tag: str) -> bool:
        """Deletes under the same lock."""
        with self._locked(path):
            current = self.read_tagged(path)
            if current is None or current[1] != tag:
                return False
            self.delete([path])
        return True

    @contextlib.contextmanager
    def new(self, path: str) -> Iterator[Path]:
        """A file beside its place, renamed into it."""
        target = self.root / path
        with _errors_translated(target):
            target.parent.mkdir(parents=True, exist_ok=True)
        temporary = target.parent / f".{target.name}{_TEMPORARY}{os.getpid()}-{os.urandom(4).hex()}"
        try:
            with _errors_translated(target):
                yield temporary
                with temporary.open("rb") as written:
                    os.fsync(written.fileno())
                temporary.replace(target)
        finally:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)

    def batched_writes(self) -> AbstractContextManager[None]:
        """Nothing: files are there when ``new`` ends."""
        return contextlib.nullcontext()

    @contextlib.contextmanager
    def local(self, paths: Sequence[str]) -> Iterator[list[str]]:
        """The files themselves, or links to those whose names an engine would take for patterns of many."""
        names = [str(self.root / path) for path in paths]
        for name in names:
            if not Path(name).exists():
                raise MissingDataError(f"{name} is gone")
        if not any(map(_PATTERN.search, names)):
            yield names
            return
        links = Scratch()
        try:
            yield [_linked(links.path / str(place), name) for place, name in enumerate(names)]
        finally:
            links.cleanup()

    def footers(self, paths: Sequence[str]) -> AbstractContextManager[list[str]]:
        """The files themselves."""
        return self.local(paths)

    def copy(self, source: str, target: str) -> None:
        """A second name for the same bytes where the file system can (they are never changed in place), else a copy."""
        place = self.root / target
        with _errors_translated(place):
            place.parent.mkdir(parents=True, exist_ok=True)
            temporary = place.parent / f".{place.name}{_TEMPORARY}{os.getpid()}-{os.urandom(4).hex()}"
            try:
                try:
                    os.link(self.root / source, temporary)
                except OSError:
                    shutil.copyfile(self.root / source, temporary)
                if place.exists() and place.samefile(temporary):
                    return  # renaming one name of a file over another does nothing
                temporary.replace(place)
            finally:
                temporary.unlink(missing_ok=True)

    def delete(self, paths: Iterable[str]) -> None:
        """Deletes files, and the folders that this empties."""
        folders = set()
        for path in paths:
            with _errors_translated(self.root / path):
                (self.root / path).unlink(missing_ok=True)
            folders.add((self.root / path).parent)
        for folder in sorted(folders, key=lambda folder: len(folder.parts), reverse=True):
            for place in (folder, *folder.parents):
                if place == self.root or self.root not in place.parents:
                    break
                try:
                    place.rmdir()
                except OSError:
                    break

    @contextlib.contextmanager
    def _locked(self, path: str) -> Iterator[None]:
        place = self.root / path
        with _errors_translated(place):
            place.parent.mkdir(parents=True, exist_ok=True)
            handle = (place.parent / f".{place.name}.lock").open("a")
        with handle:
            began = time.monotonic()
            while not _taken(handle):
                if time.monotonic() - began > PATIENCE_SECONDS:
                    raise StorageError(
                        f"a process of this machine stands still in the middle of writing {place}; let it go on, or end it"
                    )
                time.sleep(_LOOK_AGAIN_SECONDS)
            yield

    def list(self, prefix: str = "") -> list[Entry]:
        """Every file below ``prefix``; links to folders are followed, but for those in ``loops``."""
        found: list[Entry] = []
        start = self.root / prefix if prefix else self.root
        with _errors_translated(start):
            self._walk(str(start), prefix.rstrip("/"), found)
        found.sort(key=lambda entry: entry.path)
        return found


def _followed(link: os.DirEntry[str], folder: str, before: Collection[str]) -> Collection[str] | None:
    """The folders in which a link to a folder must not end again; empty where it does; None for a link to a file or to nothing."""
    here, there = os.path.realpath(folder), os.path.realpath(link.path)
    try:
        if not link.is_dir():
            return None
    except OSError as error:
        if error.errno != errno.ELOOP:
            raise
        return ()
    above = {*before, here}
    inside = here == there or here.startswith(there.rstrip("/") + "/") or there in above
    return () if inside else {*above, there}


def _taken(handle: IO[str]) -> bool:
    """Whether the system's lock on an open file could be had."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _linked(link: Path, name: str) -> str:
    """``name``, or, if it looks like a pattern, that of a link to it with the same ending."""
    if not _PATTERN.search(name):
        return name
    link = link.with_suffix(Path(name).suffix)
    link.symlink_to(name)
    return str(link)


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@contextlib.contextmanager
def _errors_translated(place: Path) -> Iterator[None]:
    """An OSError as StorageError, with what to do."""
    try:
        yield
    except PermissionError as error:
        raise StorageError(
            f"{error.filename or place} may not be read or written by this user; change its permissions"
        ) from error
    except NotADirectoryError as error:
        raise StorageError(f"{place} can't be made: a part of it is a file") from error
    except OSError as error:
        raise StorageError(f"{error.filename or place}: {error.strerror or error}") from error
