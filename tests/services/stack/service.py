"""A real service as a child of the tests: started, awaited, stopped, killed, restarted on its own ports and data."""

import os
import random
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Self

from . import guard
from .process import guarded

WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
WORKERS = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
PORTS = range(20_000 + WORKER, 30_000, WORKERS)
"""Below the ports that the system gives to clients, so a restart finds its own free; no two workers of a test run share one."""


started_twice: list[str] = []
"""Of each service whose first start failed: what went wrong with it. Said at the end of a test run."""


class ServiceError(Exception):
    """A service did not start, or did not stay up; the end of its log is in the message."""


def busy() -> float:
    """How many times as long as on an idle machine something takes now: processes that want a core, for each core."""
    return max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))


class Service:
    """One process with its data, settings and log in one folder.

    A subclass says `command`, and how it is `ready`. The process and its descendants die with the process that
    started it, however that ends.
    """

    name = "service"
    patience_seconds = 60.0  # until it must be ready, on an idle machine; `busy` times as long on a busy one
    grace_seconds = 30.0  # from SIGTERM to SIGKILL

    def __init__(self, folder: Path) -> None:
        self.folder = folder.absolute()
        self.folder.mkdir(parents=True, exist_ok=True)
        self.log = self.folder / f"{self.name}.log"
        self.start_seconds = 0.0
        self.pid = 0
        self._guard: subprocess.Popen[bytes] | None = None

    def command(self) -> list[str]:
        """The program and its arguments; may write its settings first."""
        raise NotImplementedError

    def environment(self) -> dict[str, str]:
        """What it gets beside the environment of the tests."""
        return {}

    def ready(self) -> bool:
        """Whether it answers."""
        raise NotImplementedError

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        return self._guard is not None and self._guard.poll() is None

    def start(self) -> Self:
        """Itself, ready to be used; a start that fails is tried once more.

        Raises:
            ServiceError: it ended, or was not ready in time, twice.

        """
        if self.alive:
            return self
        try:
            return self._start()
        except ServiceError as error:
            reason = str(error).splitlines()[0].partition(". Its log")[0]
            started_twice.append(f"{reason}; it was started once more.")
            print(started_twice[-1], file=sys.stderr)
            if not self.start_seconds:
                self.remove_unfinished()
        return self._start()

    def remove_unfinished(self) -> None:
        """Remove what a first start that failed left half made; nobody has used the service yet."""

    def _start(self) -> Self:
        """Itself, ready to be used, after one attempt; nothing of one that failed is left running."""
        began = time.monotonic()
        command = guarded(self.command())
        with self.log.open("a", encoding="utf-8") as log:
            self._guard = subprocess.Popen(
                command,
                cwd=self.folder,
                env={**os.environ, **self.environment()},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C is for the tests; they stop their services in order
            )
        while self.alive and not (children := guard.descendants(self._guard.pid)):
            time.sleep(0.005)
        self.pid = children[0] if self.alive else 0
        while not self.ready():
            if not self.alive:
                raise ServiceError(
                    f"{self.name} ended with code {self._guard.poll()}. Its log {self.log}:\n{self.tail()}"
                )
            if (waited := time.monotonic() - began) > self.patience_seconds * busy():
                self.kill()
                raise ServiceError(f"{self.name} is not ready after {waited:.0f} s. Its log {self.log}:\n{self.tail()}")
            time.sleep(0.05)
        self.start_seconds = time.monotonic() - began
        return self

    def stop(self) -> None:
        """End it in order (SIGTERM), or by force after `grace_seconds`."""
        if self._guard is None:
            return
        self._guard.send_signal(signal.SIGTERM)
        try:
            self._guard.wait(self.grace_seconds)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """End it at once (SIGKILL), with all it started."""
        if self._guard is not None:
            self._guard.send_signal(signal.SIGUSR1)
            self._guard.wait(30 * busy())

    def restart(self) -> Self:
        """Itself, started again on the same ports and data; stopped in order before, if it still ran."""
        self.stop()
        return self.start()

    def tail(self, lines: int = 40) -> str:
        """The end of the log."""
        text = self.log.read_text(encoding="utf-8", errors="replace") if self.log.exists() else ""
        return "\n".join(text.splitlines()[-lines:])

    def resident_bytes(self) -> int:
        """Memory in use by the process and its descendants; pages they share count once for each."""
        total = 0
        for pid in guard.descendants(self._guard.pid) if self._guard is not None and self.alive else ():
            try:
                total += int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
            except OSError:  # it ended meanwhile
                continue
        return total * os.sysconf("SC_PAGE_SIZE")

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()


class Group:
    """Services that work together: started in order, ended in reverse."""

    def __init__(self, *parts: Service) -> None:
        self.parts = parts

    @property
    def alive(self) -> bool:
        """Whether every part runs."""
        return all(part.alive for part in self.parts)

    @property
    def start_seconds(self) -> float:
        """How long the parts took to be ready, together."""
        return sum(part.start_seconds for part in self.parts)

    def start(self) -> Self:
        """Itself, ready to be used."""
        try:
            for part in self.parts:
                part.start()
        except BaseException:
            self.kill()
            raise
        return self

    def stop(self) -> None:
        """End every part in order."""
        for part in reversed(self.parts):
            part.stop()

    def kill(self) -> None:
        """End every part at once (SIGKILL)."""
        for part in reversed(self.parts):
            part.kill()

    def restart(self) -> Self:
        """Itself, started again on the same ports and data."""
        self.stop()
        return self.start()

    def resident_bytes(self) -> int:
        """Memory in use by all parts."""
        return sum(part.resident_bytes() for part in self.parts)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()


def free_ports(count: int) -> list[int]:
    """Ports of 127.0.0.1 that nobody listens on."""
    found: list[int] = []
    for port in random.sample(PORTS, len(PORTS)):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        found.append(port)
        if len(found) == count:
            return found
    raise ServiceError(f"No {count} free ports in {PORTS.start} to {PORTS.stop}: end what listens there.")


def listens(port: int) -> bool:
    """Whether someone takes connections on this port of 127.0.0.1."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def answers(url: str) -> bool:
    """Whether a GET is answered with success, within the seconds that a busy machine may need."""
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return 200 <= answer.status < 300
    except (OSError, urllib.error.URLError):
        return False
