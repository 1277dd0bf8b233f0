"""Commands whose processes all end with the process that asked for them; see guard.py."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from . import guard


def guarded(command: Sequence[str]) -> list[str]:
    """The same command, under guard: SIGTERM is passed on to it, SIGUSR1 kills it and all its descendants."""
    return [sys.executable, "-I", "-S", guard.__file__, str(os.getpid()), *command]


def run(
    command: Sequence[str],
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
    timeout_seconds: float | None = None,
) -> subprocess.CompletedProcess[str]:
    """What a command said and its exit code; `environment` is beside the environment of the tests.

    Raises:
        subprocess.TimeoutExpired: it was killed, since it took too long.

    """
    with subprocess.Popen(
        guarded(command),
        cwd=folder,
        env={**os.environ, **(environment or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            out, err = process.communicate(timeout=timeout_seconds)
        except BaseException:
            process.send_signal(signal.SIGUSR1)
            raise
    return subprocess.CompletedProcess(list(command), process.returncode, out, err)
