"""What this process uses: processor time, memory, bytes read; and the memory that there is."""

from __future__ import annotations

import re
import sys
import time
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Usage:
    """Since the process began."""

    cpu_seconds: float  # of all threads
    read_bytes: int | None  # from files and the network; None where the system doesn't say

    @classmethod
    def now(cls) -> Usage:
        """At this moment."""
        return cls(time.process_time(), _number("/proc/self/io", "rchar"))


def peak_memory_bytes() -> int | None:
    """The most memory that the process held at once; None where the system doesn't say."""
    kilobytes = _number("/proc/self/status", "VmHWM")
    if kilobytes is not None:
        return kilobytes * 1024
    try:
        import resource
    except ImportError:  # Windows
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def memory_bytes() -> int | None:
    """The memory that the process holds now and that can't be given back at need; None where the system doesn't say."""
    kilobytes = _number("/proc/self/status", "RssAnon")
    return None if kilobytes is None else kilobytes * 1024


def memory_limit_bytes() -> int | None:
    """The memory that the machine has, or the container where that is less; None where the system doesn't say."""
    kilobytes = _number("/proc/meminfo", "MemTotal")
    limits = [_whole(file) for file in _CONTAINER_LIMITS]
    found = [*([kilobytes * 1024] if kilobytes else []), *(limit for limit in limits if limit)]
    return min(found, default=None)


_CONTAINER_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")
"""Of cgroups' second and first version, as a container sees its own."""


def _whole(file: str) -> int | None:
    try:
        text = Path(file).read_text(encoding="ascii").strip()
    except OSError:
        return None
    return int(text) if text.isdigit() else None


def _number(file: str, name: str) -> int | None:
    try:
        found = re.search(rf"^{name}:\s*(\d+)", Path(file).read_text(encoding="ascii"), re.MULTILINE)
    except OSError:
        return None
    return int(found[1]) if found else None
