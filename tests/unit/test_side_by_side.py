"""What runs side by side on DuckDB, and what has its turn."""

from __future__ import annotations

import time
from threading import Lock
from typing import TYPE_CHECKING, Any

import pytest

from learnfold import catalog
from learnfold.batch.request import RunRequest
from learnfold.batch.run import run
from learnfold.engines.duckdb import engine
from learnfold.generate import Semester, generate
from learnfold.settings import Settings
from promises.views import rows, views_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


class Gauge:
    """How many calls there were, and how many of them at once."""

    def __init__(self) -> None:
        self.calls = self.most = self._now = 0
        self._lock = Lock()

    def around(self, work: Callable[..., Any]) -> Callable[..., Any]:
        """The same work, gauged, and long enough to meet another."""

        def gauged(*args: Any, **named: Any) -> Any:
            with self._lock:
                self.calls += 1
                self._now += 1
                self.most = max(self.most, self._now)
            try:
                time.sleep(0.02)
                return work(*args, **named)
            finally:
                with self._lock:
                    self._now -= 1

        return gauged


@pytest.mark.slow
def test_work_on_many_rows_has_its_turn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Views and blocks of few rows are made side by side, those of many one after another; the views are the same."""
    generate(Semester(events=3000, days=20), tmp_path / "master")
    few, many = (_gauged(tmp_path, name, rows, monkeypatch) for name, rows in (("few", 1_000_000), ("many", 1)))
    assert few.calls == many.calls > len(views_of())
    assert few.most > 1
    assert many.most == 1
    for view in views_of():
        one, other = (sorted(rows(tmp_path / name, view), key=str) for name in ("many", "few"))
        assert one == other


def _gauged(folder: Path, name: str, rows: int, monkeypatch: pytest.MonkeyPatch) -> Gauge:
    gauge = Gauge()
    with monkeypatch.context() as patched:
        patched.setattr(engine, "MANY_ROWS", rows)
        for work in ("refresh", "write_parquet"):
            patched.setattr(engine, work, gauge.around(getattr(engine, work)))
        run(RunRequest(str(folder / "master"), str(folder / name)), catalog.load(), Settings())
    return gauge
