"""Runs a command from a process that is small, and says what it took: ``launch.py DESCRIPTOR COMMAND [ARGUMENT …]``.

The kernel counts into a process's peak the memory of the process that started it. A benchmark, or a test, may be larger than what
it measures; this isn't. It writes two lines to the descriptor: the command's process as soon as it runs, then its seconds, its
peak as the kernel says it (``ru_maxrss``), its exit code, and the processor seconds of it and of all that it started.
"""

import contextlib
import ctypes
import os
import resource
import sys
import time

ADOPT_ORPHANS = 36  # PR_SET_CHILD_SUBREAPER: a JVM outlives the Python that started it


def main() -> None:
    """Runs it to its end."""
    descriptor, command = int(sys.argv[1]), sys.argv[2:]
    os.set_inheritable(descriptor, False)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(ADOPT_ORPHANS, 1, 0, 0, 0)
    began = time.perf_counter()
    try:
        pid = os.posix_spawnp(command[0], command, os.environ)
    except OSError as error:
        sys.exit(f"{command[0]}: {error.strerror}")
    os.write(descriptor, f"{pid}\n".encode())
    _, status, usage = os.wait4(pid, 0)
    seconds = time.perf_counter() - began
    with contextlib.suppress(ChildProcessError):
        while True:
            os.wait()
    worked = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_seconds = worked.ru_utime + worked.ru_stime
    os.write(descriptor, f"{seconds} {usage.ru_maxrss} {os.waitstatus_to_exitcode(status)} {cpu_seconds}\n".encode())


main()
