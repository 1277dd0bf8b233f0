"""Compare-and-set on S3: puts that the server takes only if the object is still what it was."""

from __future__ import annotations

import contextlib
import itertools
import secrets
import threading
from functools import partial
from typing import TYPE_CHECKING

import obstore
from obstore.exceptions import AlreadyExistsError, NotModifiedError, PreconditionError

from learnfold.errors import StorageError
from learnfold.storage.concurrency import map_concurrently
from learnfold.storage.s3.errors import broken_off, code_of, pause

if TYPE_CHECKING:
    from obstore import PutMode
    from obstore.store import S3Store

    from learnfold.storage.s3.errors import Place

_REFUSED = (AlreadyExistsError, PreconditionError, NotModifiedError)


class ConditionalPuts:
    """The conditional puts of one store, once it was seen that the server honours them."""

    def __init__(self, store: S3Store, place: Place) -> None:
        self._store, self._place = store, place
        self._mutex = threading.Lock()
        self._honoured = False

    def get(self, path: str) -> tuple[bytes, str] | None:
        """The object's bytes and ETag, also of an empty one; None where there is none."""

        def get() -> tuple[bytes, str] | None:
            try:
                got = obstore.get(self._store, path)
                return bytes(got.bytes()), got.meta["e_tag"] or ""
            except FileNotFoundError as error:
                if code_of(error) == "NoSuchBucket":
                    raise
                return None

        return self._place.tried(path, get)

    def put(self, path: str, data: bytes, tag: str | None) -> str | None:
        """The new ETag; None where the object's isn't ``tag`` (None: where there is one).

        An answer may get lost: then the client's own second try is refused, or nothing is known at all. So what is there decides.
        """
        self.probe()
        for done in itertools.count(1):
            try:
                return self._put(path, data, tag)
            except _REFUSED:
                return self._own(path, data)
            except StorageError as error:
                with contextlib.suppress(StorageError):
                    if own := self._own(path, data):
                        return own
                if done > self._place.retries or not broken_off(error.__cause__):
                    raise
                pause(done)
        raise AssertionError  # the loop ends by itself

    def _put(self, path: str, data: bytes, tag: str | None) -> str | None:
        mode: PutMode = "create" if tag is None else {"e_tag": tag}
        with self._place.translate_errors(path, _REFUSED):
            new = obstore.put(self._store, path, data, mode=mode, use_multipart=False)["e_tag"]
            return new or obstore.head(self._store, path)["e_tag"]

    def _own(self, path: str, data: bytes) -> str | None:
        """The ETag of what is there, if it is ``data``."""
        found = self.get(path)
        return found[1] if found and found[0] == data else None

    def probe(self) -> None:
        """Raises StorageError where the server takes a put whose condition isn't met; tried once."""
        with self._mutex:
            if self._honoured:
                return
            path = f".learnfold-probe-{secrets.token_hex(8)}"
            self._place.tried(path, lambda: obstore.put(self._store, path, b"", use_multipart=False))
            modes: list[PutMode] = ["create", {"e_tag": f'"{"0" * 32}"'}]
            taken = map_concurrently(partial(self._takes, path), modes, len(modes))
            self._place.tried(path, lambda: obstore.delete(self._store, [path]))
            if any(taken):
                raise StorageError(
                    f"{self._place.server or 'AWS'} doesn't honour conditional writes (If-None-Match, If-Match), by which runs into "
                    f"{self._place.url} are kept apart; nothing was published. MinIO, SeaweedFS and AWS do: update the server, or use another"
                )
            self._honoured = True

    def _takes(self, path: str, mode: PutMode) -> bool:
        """Whether the server takes a put that it has to refuse; one that it doesn't understand is as bad."""
        try:
            self._place.tried(
                path,
                lambda: obstore.put(self._store, path, b"taken", mode=mode, use_multipart=False),
                (*_REFUSED, NotImplementedError),
            )
        except _REFUSED:
            return False
        except NotImplementedError:
            return True
        except StorageError as error:
            if code_of(error.__cause__ or error) == "NotImplemented":
                return True
            raise
        return True
