"""Runs one command; nothing of it outlives the process that asked for it.

    python guard.py PARENT COMMAND...

The command and all its descendants, also those in sessions of their own,
are killed when the command ends or when PARENT (a process id) is gone, however it went. SIGTERM is passed on to the
command; SIGUSR1 kills it. Exits with the command's code, or 128 plus the signal that ended it. Linux only.
"""

import ctypes
import os
import select
import signal
import sys
import time
from pathlib import Path
from types import FrameType

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36


def parents() -> dict[int, int]:
    """Every process's parent, by process id."""
    found = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            found[int(stat.parent.name)] = int(stat.read_text(errors="replace").rpartition(")")[2].split()[1])
        except OSError:  # it ended meanwhile
            continue
    return found


def descendants(pid: int) -> list[int]:
    """The process ids below `pid`, parents before their children."""
    of = parents()
    found = [pid]
    for ancestor in found:
        found += [child for child, parent in of.items() if parent == ancestor]
    return found[1:]


def sweep() -> None:
    """Kill everything below this process, until nothing is left."""
    while left := descendants(os.getpid()):
        for pid in left:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return
        time.sleep(0.01)


def launch(command: list[str]) -> int:
    """The process id of the started command; it dies with this process too."""
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    guard = os.getpid()
    child = os.fork()
    if child:
        return child
    try:
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() == guard:
            os.execvp(command[0], command)
    except OSError as error:
        os.write(2, f"{command[0]}: {error}\n".encode())
    os._exit(127)


def main(parent: int, command: list[str]) -> int:
    """The command's exit code; nothing of it is left."""
    try:
        asker = os.pidfd_open(parent)
    except ProcessLookupError:
        return 1
    child = launch(command)

    def passed_on(number: int, _frame: FrameType | None) -> None:
        os.kill(child, signal.SIGKILL if number == signal.SIGUSR1 else number)

    signal.signal(signal.SIGTERM, passed_on)
    signal.signal(signal.SIGUSR1, passed_on)
    poll = select.poll()
    ended = os.pidfd_open(child)
    for descriptor in (asker, ended):
        poll.register(descriptor, select.POLLIN)
    gone = {descriptor for descriptor, _ in poll.poll()}
    for number in (signal.SIGTERM, signal.SIGUSR1):  # from here the process id may be someone else's
        signal.signal(number, signal.SIG_IGN)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) if ended in gone else -signal.SIGKILL
    sweep()
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), sys.argv[2:]))
