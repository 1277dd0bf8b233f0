"""Runs on S3 that are stopped for longer than their lease change nothing afterwards that readers see."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from learnfold.batch.manifest import read_current
from learnfold.storage.lease import holders
from services.places import Place, bucket
from services.stack.s3 import S3Server
from services.test_killed_on_s3 import Site, begun

pytestmark = pytest.mark.services

STOPS = """
import os, signal, sys
number, *words = sys.argv[1:]
left = [int(number)]
from learnfold.storage.s3 import S3Storage

def count():
    left[0] -= 1
    if left[0] == 0:
        os.kill(os.getpid(), signal.SIGSTOP)

swap, copy = S3Storage.swap, S3Storage.copy

def stopping_swap(self, path, data, tag):
    if path == "_batches/current.json" and b"fence" not in data:
        count()
    return swap(self, path, data, tag)

def stopping_copy(self, source, target):
    if not target.startswith("_"):
        count()
    return copy(self, source, target)

S3Storage.swap, S3Storage.copy = stopping_swap, stopping_copy
from learnfold.cli import main
sys.exit(main(words))
"""


@pytest.fixture
def site(minio: S3Server, tmp_path: Path) -> Site:
    """A site with one batch, and events that came since."""
    site = begun(bucket(minio), tmp_path)
    site.grow()
    return site


def stopped(place: Place, number: int, words: list[str]) -> subprocess.Popen[str]:
    """The command, standing still just before its n-th change that readers see, and silent for as long as a lease lasts."""
    process = subprocess.Popen(
        [sys.executable, "-c", STOPS, str(number), *words],
        env=place.process_environment(LEARNFOLD_LEASE_SECONDS="5"),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    _, status = os.waitpid(process.pid, os.WUNTRACED)
    assert os.WIFSTOPPED(status), "it came to its end"
    views, settings = place.below("views").open(), place.settings(lease_seconds=5)
    deadline = time.monotonic() + 60
    while not all(lease.silent for lease in holders(views, settings)) and time.monotonic() < deadline:
        time.sleep(0.2)
    return process


@pytest.mark.parametrize("number", [1, 4])
def test_a_stopped_run_puts_no_old_views_back(site: Site, number: int) -> None:
    """Before the pointer, and among the plain paths: the run that came after stays published, and its views."""
    process = stopped(site.place, number, [*site.words, "--job", "video"])
    events = site.grow()
    done = site.run(LEARNFOLD_LEASE_SECONDS="5")
    assert done.returncode == 0, done.stderr
    views = site.place.below("views").open()
    now, _ = read_current(views)
    process.send_signal(signal.SIGCONT)
    said, _ = process.communicate(timeout=120)
    assert process.returncode == 1, said
    assert "another one took over" in said or "meanwhile; nothing was published" in said, said
    assert "Traceback" not in said
    after, _ = read_current(views)
    assert now is not None
    assert after is not None
    assert after.batch == now.batch
    assert site.whole() == site.plain() == events
