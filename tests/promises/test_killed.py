"""Killed at any moment, readers see the old batch or the new, and the next run heals what is left."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import threading
import time
from pathlib import Path

import pytest

from conftest import tries
from learnfold.batch.manifest import read_current
from learnfold.storage.folder import FolderStorage
from promises.growing import command, grow, learnfold, plain, whole

pytestmark = pytest.mark.slow

STEPS = ("fold", "ask", "check", "write manifest", "swap", "plain paths")


class Reader(threading.Thread):
    """Looks at the published batch all the time."""

    def __init__(self, out: Path) -> None:
        super().__init__(daemon=True)
        self.out, self.seen, self.error, self.over = out, set(), None, threading.Event()

    def run(self) -> None:
        while not self.over.wait(0.01):
            try:
                self.seen.add(whole(self.out))
            except Exception as error:  # noqa: BLE001 - whatever it is, the test shows it
                self.error = error
                return

    def stop(self) -> None:
        self.over.set()
        self.join()
        if self.error:
            raise self.error


def test_killed_at_random_moments_a_run_heals(tmp_path: Path) -> None:
    """Kill -9 at any moment: a reader sees whole batches only, and the next run makes everything right."""
    master, out = tmp_path / "master", tmp_path / "out"
    grow(master, 0)
    began = time.monotonic()
    assert learnfold("run", master, out).returncode == 0
    takes = time.monotonic() - began
    reader, chance = Reader(out), random.Random(os.environ.get("PYTEST_RANDOM", "7"))
    reader.start()
    killed = 0
    for step in range(1, tries(100) + 1):
        grow(master, step)
        process = subprocess.Popen(command("run", master, out), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        try:
            process.wait(chance.uniform(0.1, takes * 1.1))
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            killed += 1
        _, talk = process.communicate()
        assert process.returncode in {0, -signal.SIGKILL}, talk.decode()
        if step % 10 == 0:
            assert learnfold("run", master, out).returncode == 0
            assert whole(out)[1] == (step + 1) * 20
            assert plain(out) == {(step + 1) * 20}
    result = learnfold("run", master, out)
    assert result.returncode == 0, result.stderr
    reader.stop()
    assert killed, "no run was killed: the moments are chosen badly"
    assert plain(out) == {whole(out)[1]} == {(tries(100) + 1) * 20}
    _nothing_is_left_over(out)


@pytest.mark.parametrize("step", STEPS)
def test_killed_inside_each_step_a_run_heals(tmp_path: Path, step: str) -> None:
    """Kill -9 inside each step of a run leaves the old batch or the new one, and the next run heals."""
    master, out = tmp_path / "master", tmp_path / "out"
    grow(master, 0)
    assert learnfold("run", master, out).returncode == 0
    grow(master, 1)
    code = {
        "fold": "import learnfold.engines.duckdb.fold as m; assert m.create_topic_view; m.create_topic_view = die",
        "ask": "import learnfold.engines.duckdb.refresh as m; assert m.check_answer; m.check_answer = die",
        "check": "import learnfold.batch.run as m; assert m.check_views; m.check_views = die",
        "write manifest": "import learnfold.batch.publish as m; assert m.manifest_path; m.manifest_path = die",
        "swap": "from learnfold.storage.folder import FolderStorage as m\nold = m.swap\nm.swap = lambda s, p, d, t: die() if p.endswith('current.json') else old(s, p, d, t)",
        "plain paths": "import learnfold.storage.folder as m\nold = m.FolderStorage.copy\ndone = []\nm.FolderStorage.copy = lambda s, a, b: die() if len(done) == 5 else (done.append(a), old(s, a, b))",
    }[step]
    script = f"import os, signal, sys\ndef die(*a, **k): os.kill(os.getpid(), signal.SIGKILL)\n{code}\nfrom learnfold.cli import main\nmain(['run', {str(master)!r}, {str(out)!r}])"
    import sys

    assert (
        subprocess.run([sys.executable, "-c", script], capture_output=True, check=False).returncode == -signal.SIGKILL
    )
    assert whole(out)[1] == (40 if step == "plain paths" else 20)
    result = learnfold("run", master, out)
    assert result.returncode == 0, result.stderr
    assert plain(out) == {whole(out)[1]} == {40}
    _nothing_is_left_over(out)


def _nothing_is_left_over(out: Path) -> None:
    """``clean`` without a grace leaves what the kept batches need, and nothing of what killed runs left."""
    result = learnfold("clean", out, "--keep", 1, "--grace-minutes", 0)
    assert result.returncode == 0, result.stderr
    manifest, _ = read_current(FolderStorage(str(out)))
    assert manifest is not None
    there = {
        path.relative_to(out).as_posix()
        for name in ("_batches", "_rollups", "_quarantine")
        for path in (out / name).rglob("*")
        if path.is_file()
    }
    notes = {path for path in there if path.endswith((".lock", "current.json")) or "/plain-" in path}
    assert there - notes == manifest.files()
    assert not [path for path in out.rglob("*") if ".tmp-" in path.name]


@pytest.mark.parametrize("processes", [2, 5])
def test_runs_at_once_never_mix(tmp_path: Path, processes: int) -> None:
    """Several runs into one place at once: each is done or told who is busy, and the views are whole and right."""
    master, out = tmp_path / "master", tmp_path / "out"
    grow(master, 0)
    assert learnfold("run", master, out).returncode == 0
    reader = Reader(out)
    reader.start()
    for step in range(1, tries(4) + 1):
        grow(master, step)
        runs = [
            subprocess.Popen(command("run", master, out), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            for _ in range(processes)
        ]
        talks = [run.communicate(timeout=120) for run in runs]
        codes = [run.returncode for run in runs]
        assert 0 in codes
        for code, (_, talk) in zip(codes, talks, strict=True):
            assert code == 0 or (code == 1 and "since" in talk and "writing" in talk), talk
        assert plain(out) == {(step + 1) * 20}
    reader.stop()


def test_six_jobs_at_once_publish_their_own_views(tmp_path: Path) -> None:
    """What Oozie's fork does: six single jobs side by side into one place, none in another's way."""
    master, out = tmp_path / "master", tmp_path / "out"
    jobs = ("auth", "assessment", "video", "course", "profile_notification", "forum")
    for step in range(tries(3)):
        grow(master, step)
        runs = [
            subprocess.Popen(
                command("run", master, out, "--job", job), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
            )
            for job in jobs
        ]
        for run in runs:
            _, talk = run.communicate(timeout=120)
            assert run.returncode == 0, talk
        assert plain(out) == {whole(out)[1]} == {(step + 1) * 20}


def test_a_run_that_waits_gets_its_turn(tmp_path: Path) -> None:
    """With time to wait, runs at once all end well."""
    master, out = tmp_path / "master", tmp_path / "out"
    grow(master, 0)
    runs = [
        subprocess.Popen(
            command("run", master, out, "--wait", "60"), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )
        for _ in range(3)
    ]
    for run in runs:
        _, talk = run.communicate(timeout=120)
        assert run.returncode == 0, talk
    assert plain(out) == {20}


def test_a_full_disk_leaves_the_old_batch(tmp_path: Path) -> None:
    """Where the disk is full a run fails in plain words, and the old batch stays."""
    master, disk = tmp_path / "master", tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", str(disk)], capture_output=True, check=False
    ).returncode:
        pytest.skip("a small disk can't be mounted here: that needs root")
    try:
        grow(master, 0)
        out = disk / "out"
        assert learnfold("run", master, out).returncode == 0
        with (disk / "ballast").open("wb", buffering=0) as ballast:
            try:
                while True:
                    ballast.write(b"x" * 4096)
            except OSError:
                pass
        grow(master, 1)
        result = learnfold("run", master, out)
        assert result.returncode == 1
        assert "Traceback" not in result.stderr
        assert "space" in result.stderr.lower(), result.stderr
        assert whole(out)[1] == 20
        (disk / "ballast").unlink()
        assert learnfold("run", master, out).returncode == 0
        assert plain(out) == {40}
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=False)


def test_a_read_only_place_is_said(tmp_path: Path) -> None:
    """Where the output can't be written a run fails in plain words, and the old batch stays."""
    master, out = tmp_path / "master", tmp_path / "out"
    grow(master, 0)
    assert learnfold("run", master, out).returncode == 0
    grow(master, 1)
    if subprocess.run(["mount", "--bind", str(out), str(out)], capture_output=True, check=False).returncode:
        pytest.skip("a read-only place can't be mounted here: that needs root")
    try:
        subprocess.run(["mount", "-o", "remount,ro,bind", str(out)], check=True)
        result = learnfold("run", master, out)
        assert result.returncode == 1
        assert "Traceback" not in result.stderr
        assert str(out) in result.stderr
        assert whole(out)[1] == 20
    finally:
        subprocess.run(["umount", "-l", str(out)], check=False)
