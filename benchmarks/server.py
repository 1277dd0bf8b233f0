"""``learnfold serve`` as a child process, asked over HTTP, with the time that it says each answer took."""

from __future__ import annotations

import http.client
import json
import os
import queue
import re
import signal
import subprocess
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Self

from benchmarks.bench import WrongAnswerError
from benchmarks.child import CommandError, environment, family, learnfold

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from types import TracebackType

PATIENCE_SECONDS = 120.0


@dataclass(frozen=True)
class Answer:
    """One answer that went well."""

    body: bytes
    ms: float  # within the server


class Server:
    """A server of one place, open, on a port of its own."""

    def __init__(self, out: Path, *flags: object) -> None:
        command = learnfold("serve", out, "--open", "--port", "0", *flags)
        self._child = subprocess.Popen(command, env=environment(), stderr=subprocess.PIPE, text=True)
        self._times: queue.SimpleQueue[float] = queue.SimpleQueue()
        self._ports: queue.SimpleQueue[int] = queue.SimpleQueue()
        threading.Thread(target=self._listen, daemon=True).start()
        try:
            self.port = self._ports.get(timeout=PATIENCE_SECONDS)
        except queue.Empty:
            self._child.kill()
            raise CommandError("learnfold serve didn't say where it listens") from None
        self._connection = self._connect()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._child.terminate()
        self._child.wait()

    def kill(self) -> None:
        """Ends it, and what it started, at once."""
        for pid in reversed(family(self._child.pid)):
            os.kill(pid, signal.SIGKILL)
        self._child.wait()

    def get(self, address: str, *, packed: bool = False) -> Answer:
        """The answer, which must go well; ``packed``: as it is sent to browsers."""
        headers = {"Accept-Encoding": "gzip"} if packed else {}
        try:
            body = _asked(self._connection, address, headers)
        except ConnectionError:  # closed, since nobody asked for a while
            self._connection = self._connect()
            body = _asked(self._connection, address, headers)
        return Answer(body, self._times.get(timeout=PATIENCE_SECONDS))

    def rate(self, addresses: Sequence[str], connections: int) -> float:
        """Answers a second, of the server on one core, asked by so many at once from others."""
        os.sched_setaffinity(self._child.pid, {min(os.sched_getaffinity(0))})
        for task in Path(f"/proc/{self._child.pid}/task").iterdir():
            os.sched_setaffinity(int(task.name), {min(os.sched_getaffinity(0))})
        threads = [
            threading.Thread(target=self._ask_all, args=(addresses[number::connections],))
            for number in range(connections)
        ]
        began = time.perf_counter()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        seconds = time.perf_counter() - began
        answered = sum(1 for _ in range(len(addresses)) if self._times.get(timeout=PATIENCE_SECONDS) >= 0)
        return answered / seconds

    def follows(self, publish: Callable[[], object], pointer: Path) -> float:
        """Seconds from the publication of a batch, by whose pointer it is known, until it is answered from."""
        seen: list[float] = []
        before = self._batch(self._connection)

        def look() -> None:
            connection, until = self._connect(), time.monotonic() + PATIENCE_SECONDS
            while not seen and time.monotonic() < until:
                if self._batch(connection) != before:
                    seen.append(time.time())
                time.sleep(0.01)

        looking = threading.Thread(target=look)
        looking.start()
        publish()
        looking.join()
        if not seen or self._batch(self._connection) not in pointer.read_text("utf-8"):
            raise WrongAnswerError("the new batch isn't answered from")
        return seen[0] - pointer.stat().st_mtime

    def _batch(self, connection: http.client.HTTPConnection) -> str:
        return str(json.loads(_asked(connection, "/health/ready"))["batch"])

    def cpu_seconds(self) -> float:
        """The processor's time that it has used."""
        fields = Path(f"/proc/{self._child.pid}/stat").read_text("ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def peak_bytes(self) -> int:
        """Its resident memory, the most."""
        return self.peaks_bytes()[0]

    def peaks_bytes(self) -> list[int]:
        """Its resident memory, the most, and that of each process that it started."""
        texts = [Path(f"/proc/{pid}/status").read_text("ascii") for pid in family(self._child.pid)]
        return [int(text.partition("VmHWM:")[2].split()[0]) * 1024 for text in texts]

    def _connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_SECONDS)

    def _ask_all(self, addresses: Sequence[str]) -> None:
        connection = self._connect()
        for address in addresses:
            _asked(connection, address)
        connection.close()

    def _listen(self) -> None:
        for line in self._child.stderr or ():
            if found := re.search(r"listening on http://[^ ]*:(\d+)", line):
                self._ports.put(int(found[1]))
            elif (found := re.search(r"\brequest .*\bms=([\d.]+)", line)) and "route=/health" not in line:
                self._times.put(float(found[1]))


def _asked(
    connection: http.client.HTTPConnection, address: str, headers: Mapping[str, str] = MappingProxyType({})
) -> bytes:
    connection.request("GET", address, headers=dict(headers))
    answer = connection.getresponse()
    body = answer.read()
    if answer.status != 200:
        raise WrongAnswerError(f"{address}: {answer.status} {body[:500]!r}")
    return body
