"""The process that follows Kafka for a server: a child of its own, so that taking in and answering don't share an interpreter."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 30.0
_STEADY_SECONDS = 60.0
_END_SECONDS = 20.0


class Child:
    """One ``learnfold speed``, started again whenever it ends by itself."""

    def __init__(self, output: str, state: str, kafka: str, say: Callable[[str], None]) -> None:
        self._command = [sys.executable, "-m", "learnfold", "speed", output, "--state", state, "--with-parent"]
        if kafka:
            self._command += ["--kafka", kafka]
        self._say = say
        self._stopping = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._thread = threading.Thread(target=self._keep, name="learnfold-follower", daemon=True)

    def start(self) -> None:
        """Starts it."""
        self._thread.start()

    def stop(self) -> None:
        """Ends it, and waits until it is gone."""
        self._stopping.set()
        if self._process is not None:
            self._process.terminate()
        if self._thread.is_alive():
            self._thread.join(_END_SECONDS)
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()

    def _keep(self) -> None:
        pause = _FIRST_PAUSE
        environment = {name: value for name, value in os.environ.items() if name != "LEARNFOLD_METRICS_PORT"}
        while not self._stopping.is_set():
            self._process = subprocess.Popen(self._command, env=environment, stdout=subprocess.DEVNULL)  # noqa: S603 - our own
            if self._stopping.is_set():
                self._process.terminate()
            began = time.monotonic()
            code = self._process.wait()
            if self._stopping.is_set():
                return
            pause = _FIRST_PAUSE if time.monotonic() - began > _STEADY_SECONDS else min(_LONGEST_PAUSE, pause * 2)
            self._say(f"what follows Kafka ended with {code}; it is started again in {pause:.0f} s")
            self._stopping.wait(pause)
