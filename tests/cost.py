"""What each test costs: ``pytest --cost FILE`` writes it down; ``tools/run_tests.py`` adds it up over several calls."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Adds the option."""
    parser.addoption("--cost", metavar="FILE", help="write what each test cost, and which failed, into this JSON file")


def pytest_configure(config: pytest.Config) -> None:
    """Counts in the process that the reports come to, which with several workers isn't theirs."""
    if config.getoption("--cost") and not hasattr(config, "workerinput"):
        config.pluginmanager.register(Cost(Path(config.getoption("--cost"))), "cost")


class Cost:
    """The seconds of each test by phase, where session fixtures count for the first test that wants them."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.seconds: dict[str, dict[str, float]] = defaultdict(dict)
        self.failed: set[str] = set()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Takes down a phase of a test."""
        self.seconds[report.nodeid][report.when or ""] = report.duration
        if report.failed:
            self.failed.add(report.nodeid)

    def pytest_sessionfinish(self) -> None:
        """Writes the file."""
        told: dict[str, Any] = {"seconds": self.seconds, "failed": sorted(self.failed)}
        self.file.write_text(json.dumps(told), encoding="utf-8")
