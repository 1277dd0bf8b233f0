"""What a test run has to say beside its results, from whichever worker it comes: said at its end."""

from __future__ import annotations

from typing import Any

import pytest

remarks = pytest.StashKey[list[str]]()
"""In the configuration's stash: the lines to be said."""


class Remarks:
    """Brings them from the workers to the process that prints."""

    def __init__(self, config: pytest.Config) -> None:
        config.stash[remarks] = []

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """A worker sends what it has to say."""
        if hasattr(session.config, "workeroutput"):
            session.config.workeroutput["remarks"] = session.config.stash[remarks]

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any, error: object) -> None:
        """A worker has ended; one that crashed said nothing."""
        if error is None:
            node.config.stash[remarks].extend(node.workeroutput.get("remarks", []))

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Prints them."""
        for remark in terminalreporter.config.stash[remarks]:
            terminalreporter.write_line(remark, yellow=True)
