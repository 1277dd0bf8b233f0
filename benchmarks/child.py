"""A command run as a child process, with its time and memory."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SAMPLE_SECONDS = 0.1
ROOT = Path(__file__).resolve().parent.parent
_LAUNCH = Path(__file__).with_name("launch.py")


class CommandError(Exception):
    """A command that a benchmark runs failed; what it said is in the message."""


@dataclass(frozen=True)
class Measured:
    """One run of a command."""

    seconds: float  # from start to end, start-up of the program and all
    peak_bytes: int  # resident memory, the most; of several processes at once, their sum as sampled
    output: str
    cpu_seconds: float = 0.0  # of the processor, by it and all that it started


def learnfold(*arguments: object) -> list[str]:
    """The command line of learnfold as it is installed beside this Python."""
    script = Path(sys.executable).with_name("learnfold")
    start = [str(script)] if script.exists() else [sys.executable, "-m", "learnfold"]
    return [*start, *map(str, arguments)]


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment of a child: none of the caller's settings, so that a number means the same everywhere."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("LEARNFOLD_", "AWS_", "MINIO_")) or name == "LEARNFOLD_CACHE"
    }
    source = os.pathsep.join(filter(None, [str(ROOT / "src"), kept.get("PYTHONPATH")]))
    spark = {"SPARK_LOCAL_IP": "127.0.0.1", "PYSPARK_PYTHON": sys.executable}
    return {**kept, "PYTHONPATH": source, **spark, **(extra or {})}


def measure(command: Sequence[str], extra_environment: Mapping[str, str] | None = None) -> Measured:
    """The command's time and memory.

    The kernel says the peak of a single process exactly (``ru_maxrss``). Where the child has children (PySpark has a JVM), the
    sum of those alive at once is sampled, and the larger of the two is given; pages they share count once for each.

    Raises:
        CommandError: it ended with another code than 0.
    """
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        read, write = os.pipe()
        launch = [sys.executable, "-S", "-E", str(_LAUNCH), str(write), *command]
        child = subprocess.Popen(
            launch,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            env=environment(extra_environment),
            pass_fds=(write,),
        )
        os.close(write)
        with os.fdopen(read) as told:
            sampler = _Sampler(int(told.readline() or child.pid))
            seconds, peak, code, cpu_seconds = (told.readline() or "0 0 127 0").split()
        child.wait()
        sampled = sampler.stop()
        out.seek(0)
        err.seek(0)
        if int(code):
            said = (err.read() or out.read()).strip()[-3000:]
            raise CommandError(f"{' '.join(command)} ended with {code}:\n{said}")
        kernel = int(peak) * (1 if sys.platform == "darwin" else 1024)
        return Measured(round(float(seconds), 4), max(kernel, sampled), out.read(), round(float(cpu_seconds), 2))


class _Sampler(threading.Thread):
    """Looks at the memory of a process and its descendants until stopped; sees nothing where there is no /proc."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.pid = pid
        self.peak_bytes = 0
        self.ended = threading.Event()
        self.start()

    def run(self) -> None:
        while not self.ended.wait(SAMPLE_SECONDS):
            processes = family(self.pid)
            if len(processes) > 1:  # the kernel knows of one process better
                self.peak_bytes = max(self.peak_bytes, sum(map(_resident_bytes, processes)))

    def stop(self) -> int:
        """The most that was seen, in bytes; 0 where there was only one process."""
        self.ended.set()
        self.join()
        return self.peak_bytes


def family(pid: int) -> list[int]:
    """The process and all that descend from it, itself first."""
    found, left = [], [pid]
    while left:
        one = left.pop()
        found.append(one)
        with suppress(OSError):  # it ended meanwhile
            for children in Path(f"/proc/{one}/task").glob("*/children"):
                with suppress(OSError):  # one thread of it did
                    left += map(int, children.read_text("ascii").split())
    return found


def _resident_bytes(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text("ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, IndexError):
        return 0
