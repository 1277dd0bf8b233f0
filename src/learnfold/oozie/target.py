"""Where an application is put for Oozie: HDFS by its own client or over WebHDFS, or any storage."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from learnfold.errors import MissingPartError, StorageError, UsageError
from learnfold.storage import open_storage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from learnfold.settings import Settings

TIMEOUT_SECONDS = 60


class Target(Protocol):
    """One way of putting files below one folder."""

    way: str

    def put(self, files: Mapping[str, bytes]) -> list[str]:
        """Puts the files in place, in their order, over any old ones; those that weren't there so already. Raises StorageError."""
        ...


def open_target(folder: str, via: str, webhdfs: str, user: str, settings: Settings) -> Target:
    """The target for ``folder`` by the way ``via``: hdfs, webhdfs, storage, or auto. Raises UsageError, MissingPartError."""
    scheme, colon, rest = folder.partition("://")
    if scheme != "hdfs" or not colon:
        if via in {"hdfs", "webhdfs"}:
            raise UsageError(f"{folder} is no place on HDFS; one is called hdfs://host:8020/user/me/batch_layer")
        return StorageTarget(folder, settings)
    host, _, path = rest.partition("/")
    client = shutil.which("hdfs")
    if via == "hdfs" and client is None:
        raise MissingPartError("there is no hdfs command on the PATH; --via webhdfs does without")
    if client is not None and via in {"hdfs", "auto"}:
        return HdfsClient(client, folder)
    return WebHdfs(webhdfs or f"http://{host.partition(':')[0]}:9870", f"/{path}", user)


class StorageTarget:
    """A folder or an S3."""

    def __init__(self, folder: str, settings: Settings) -> None:
        self._storage = open_storage(folder, settings)
        self.way = "storage"

    def put(self, files: Mapping[str, bytes]) -> list[str]:
        """See Target."""
        changed = [name for name, content in files.items() if self._storage.read(name) != content]
        for name in changed:
            self._storage.write(name, files[name])
        return changed


class HdfsClient:
    """Hadoop's own command, for clusters that require more than a name (Kerberos). It doesn't know what is the same, and puts all."""

    def __init__(self, program: str, folder: str) -> None:
        self._program, self._folder = program, folder.rstrip("/")
        self.way = "hdfs dfs -put"

    def put(self, files: Mapping[str, bytes]) -> list[str]:
        """See Target."""
        with tempfile.TemporaryDirectory() as temporary:
            for name, content in files.items():
                file = Path(temporary) / name
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(content)
            self._run("-mkdir", "-p", self._folder)
            self._run("-put", "-f", *map(str, sorted(Path(temporary).iterdir())), f"{self._folder}/")
        return list(files)

    def _run(self, *arguments: str) -> None:
        done = subprocess.run(  # noqa: S603 - the arguments are written here
            [self._program, "dfs", *arguments], capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise StorageError(f"hdfs dfs {arguments[0]} to {self._folder} failed: {done.stderr.strip()[-2000:]}")


class WebHdfs:
    """HDFS over HTTP, without Hadoop's client."""

    def __init__(self, server: str, folder: str, user: str) -> None:
        self._root, self._folder, self._user = f"{server.rstrip('/')}/webhdfs/v1", folder.rstrip("/"), user
        self.way = f"WebHDFS at {server}"

    def put(self, files: Mapping[str, bytes]) -> list[str]:
        """See Target."""
        changed = [name for name, content in files.items() if not self._same(f"{self._folder}/{name}", content)]
        for name in changed:
            self._write(f"{self._folder}/{name}", files[name])
        return changed

    def _same(self, path: str, content: bytes) -> bool:
        found = self._ask("GET", self._url(path, op="GETFILESTATUS"), missing=b"")
        if not found:
            return False
        status: dict[str, Any] = json.loads(found)["FileStatus"]
        return status["length"] == len(content) and self._ask("GET", self._url(path, op="OPEN")) == content

    def _write(self, path: str, content: bytes) -> None:
        """Writes a file beside it and renames that: a launcher never gets half a file."""
        beside = f"{path}.new"
        where = self._location(self._url(beside, op="CREATE", overwrite="true"))
        self._ask("PUT", where, content)
        self._ask("DELETE", self._url(path, op="DELETE"), missing=b"")
        moved = json.loads(self._ask("PUT", self._url(beside, op="RENAME", destination=path)))
        if not moved["boolean"]:
            raise StorageError(f"HDFS didn't move {beside} to {path}; run it again")

    def _url(self, path: str, **parameters: str) -> str:
        query = urllib.parse.urlencode({**parameters, "user.name": self._user})
        return f"{self._root}{urllib.parse.quote(path)}?{query}"

    def _location(self, url: str) -> str:
        """The data node that takes the content."""
        answer = json.loads(self._ask("PUT", f"{url}&noredirect=true"))
        return str(answer["Location"])

    def _ask(self, method: str, url: str, content: bytes | None = None, missing: bytes | None = None) -> bytes:
        request = urllib.request.Request(  # noqa: S310 - the address is the user's
            url, content, {"Content-Type": "application/octet-stream"}, method=method
        )
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as answer:  # noqa: S310
                return bytes(answer.read())
        except urllib.error.HTTPError as error:
            with error:
                text = error.read().decode(errors="replace")
            if error.code == 404 and missing is not None:  # noqa: PLR2004
                return missing
            raise StorageError(
                f"HDFS refused {method} {request.selector.partition('?')[0]}: {_reason(text)}"
            ) from error
        except OSError as error:
            raise StorageError(
                f"{request.host} doesn't answer ({error}); is WebHDFS there? --webhdfs http://host:9870 names it, "
                "--via hdfs uses Hadoop's own command"
            ) from error


def _reason(answer: str) -> str:
    try:
        return str(json.loads(answer)["RemoteException"]["message"]).splitlines()[0]
    except (ValueError, KeyError, TypeError, IndexError):
        return answer[:500]
