"""One run at a time, and a dead one needs nobody's help to be passed by."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from learnfold.batch.manifest import Manifest, read_current
from learnfold.batch.publish import publish
from learnfold.errors import BusyError
from learnfold.settings import Settings
from learnfold.storage.folder import FolderStorage
from learnfold.storage.lease import Lease, held, holders, watched
from learnfold.storage.out_layout import POINTER

HOLD = """
import sys, time
from learnfold.storage.lease import held
from learnfold.settings import Settings
from learnfold.storage.folder import FolderStorage
with held(FolderStorage(sys.argv[1]), ["video"], Settings()):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def out(tmp_path: Path) -> FolderStorage:
    """Where views go."""
    return FolderStorage(str(tmp_path / "out"))


def busy(out: FolderStorage, **settings: Any) -> str:
    """What a run is told that can't have the video job."""
    with pytest.raises(BusyError) as caught, held(out, ["auth", "video"], Settings(**settings)):
        pass
    return str(caught.value)


def pretend(out: FolderStorage, **who: Any) -> None:
    """Leaves a lease on the video job as another run would."""
    out.delete(["_locks/video.json"])
    with held(out, ["video"], Settings()):
        mine = json.loads(out.read("_locks/video.json") or b"")
    out.write("_locks/video.json", json.dumps(mine | {"owner": "someone else"} | who).encode())


def ago(seconds: float) -> str:
    """So long ago, as a lease says it."""
    return (datetime.now(UTC) - timedelta(seconds=seconds)).isoformat()


def test_a_job_is_held_until_the_block_ends(out: FolderStorage) -> None:
    """Then nothing is left of it, also when it ends badly."""
    with held(out, ["video", "auth"], Settings()):
        assert [(holder.name, holder.alive) for holder in holders(out, Settings())] == [("auth", True), ("video", True)]
    with pytest.raises(ZeroDivisionError), held(out, ["video"], Settings()):
        raise ZeroDivisionError
    assert holders(out, Settings()) == []


def test_who_comes_second_is_told_who_is_there_and_since_when(out: FolderStorage) -> None:
    """Process, host, time, job and place, and how to wait; what it had taken already it gives back."""
    with held(out, ["video"], Settings()):
        told = busy(out)
        lease = json.loads(out.read("_locks/video.json") or b"")
        assert [holder.name for holder in holders(out, Settings())] == ["video"]
    assert f"process {os.getpid()} on {lease['host']} since {lease['since']} is writing video to {out.url}" in told
    assert "--wait" in told
    with held(out, ["auth", "video"], Settings()):
        pass


def test_other_jobs_are_not_held_up(out: FolderStorage) -> None:
    """Five jobs run side by side into one place."""
    with held(out, ["video"], Settings()), held(out, ["auth", "course"], Settings()):
        assert len(holders(out, Settings())) == 3


def test_who_has_time_waits_for_its_turn(out: FolderStorage) -> None:
    """And gets it as soon as the other is done."""
    order, started = [], threading.Event()

    def first() -> None:
        with held(out, ["video"], Settings()):
            started.set()
            time.sleep(0.3)
            order.append("first")

    thread = threading.Thread(target=first)
    thread.start()
    started.wait()
    with held(out, ["video"], Settings(wait_seconds=20)):
        order.append("second")
    thread.join()
    assert order == ["first", "second"]


def test_a_killed_run_is_passed_by_at_once(out: FolderStorage) -> None:
    """Its process is gone from this machine; nobody has to remove anything, nor to wait."""
    process = subprocess.Popen([sys.executable, "-c", HOLD, out.url], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    assert f"process {process.pid} on" in busy(out)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert [(holder.name, holder.alive) for holder in holders(out, Settings())] == [("video", False)]
    with held(out, ["video"], Settings()):
        pass


def test_a_killed_run_that_nobody_buried_is_dead_too(out: FolderStorage) -> None:
    """A zombie holds nothing."""
    process = subprocess.Popen([sys.executable, "-c", HOLD, out.url], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    process.stdout.readline()
    process.send_signal(signal.SIGKILL)
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    with held(out, ["video"], Settings()):
        pass
    process.communicate()


def test_another_process_of_the_same_number_is_not_the_dead_one(out: FolderStorage) -> None:
    """Numbers of processes are given again; when it began tells them apart."""
    pretend(out, born="1")
    with held(out, ["video"], Settings()):
        pass


@pytest.mark.slow
def test_a_run_on_another_machine_holds_while_it_says_so(out: FolderStorage) -> None:
    """Its process can't be looked at from here, so its last word counts, for as long as the setting says."""
    pretend(out, machine="elsewhere", host="node7", pid=1, renewed=ago(50))
    assert "process 1 on node7" in busy(out)
    assert "process 1 on node7" in busy(out, lease_seconds=60)
    pretend(out, machine="elsewhere", host="node7", renewed=ago(6))
    began = time.monotonic()
    with held(out, ["video"], Settings(lease_seconds=5)):
        assert time.monotonic() - began >= 5, "its clock isn't believed: its silence is"


class Elsewhere(threading.Thread):
    """Renews the lease on video as a run on a machine whose clock is wrong."""

    def __init__(self, out: FolderStorage, minutes: float) -> None:
        super().__init__(daemon=True)
        self.out, self.minutes, self.over = out, minutes, threading.Event()

    def run(self) -> None:
        while not self.over.wait(1):
            mine = json.loads(self.out.read("_locks/video.json") or b"{}")
            self.out.write("_locks/video.json", json.dumps(mine | {"renewed": ago(self.minutes * 60)}).encode())


@pytest.mark.parametrize("minutes", [10, -10])
def test_a_clock_that_is_wrong_takes_nobodys_lease(out: FolderStorage, minutes: float) -> None:
    """The last word of a live run may look ten minutes old, or to come: that it says new ones is what counts."""
    pretend(out, machine="elsewhere", host="node7", pid=1, renewed=ago(minutes * 60))
    living = Elsewhere(out, minutes)
    living.start()
    try:
        assert "process 1 on node7" in busy(out, lease_seconds=5)
        assert [holder.alive for holder in watched(out, holders(out, Settings()), Settings(lease_seconds=5))] == [True]
    finally:
        living.over.set()
        living.join()


@pytest.mark.slow
def test_a_run_that_is_stopped_on_this_machine_loses_its_lease_too(out: FolderStorage) -> None:
    """By its silence, as any other; and what it is about to publish is refused, since the pointer is another then."""
    out.write(POINTER, b'{"batch": "b", "published_at": "x"}')
    before = out.read_tagged(POINTER)
    process = subprocess.Popen([sys.executable, "-c", HOLD, out.url], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        process.send_signal(signal.SIGSTOP)
        mine = json.loads(out.read("_locks/video.json") or b"")
        out.write("_locks/video.json", json.dumps(mine | {"renewed": ago(7)}).encode())
        with held(out, ["video"], Settings(lease_seconds=5)):
            found = out.read_tagged(POINTER)
            assert before is not None
            assert found is not None
            assert found[1] != before[1]
            assert json.loads(found[0])["batch"] == "b"
    finally:
        process.kill()
        process.communicate()


def test_a_lease_is_looked_at_before_it_is_relied_on(out: FolderStorage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever slept asks it itself, before the thread that renews it had its turn."""
    from learnfold.storage import lease as module

    lease = Lease(out, 60)
    assert lease.take("video") is None
    theirs = json.dumps(json.loads(out.read("_locks/video.json") or b"") | {"owner": "someone else"}).encode()
    out.write("_locks/video.json", theirs)
    lease.check()
    slept = module._clock() + 31
    monkeypatch.setattr(module, "_clock", lambda: slept)
    with pytest.raises(BusyError, match=r"another one took over _locks/video\.json; nothing was removed"):
        lease.check("nothing was removed")


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"{}", b'{"pid": 1}', b'{"pid": 1, "renewed": "never"}'])
def test_a_lease_that_says_nothing_holds_nobody_up(out: FolderStorage, content: bytes) -> None:
    """What a crash of the disk left, or a hand."""
    out.write("_locks/video.json", content)
    assert [holder.alive for holder in holders(out, Settings())] == [False]
    with held(out, ["video"], Settings()):
        pass


def test_a_live_run_renews_what_it_holds(out: FolderStorage) -> None:
    """Again and again, so that it isn't taken for silent."""
    lease = Lease(out, 0.2)
    assert lease.take("video") is None
    thread = threading.Thread(target=lease.renew)
    thread.start()
    words = set()
    deadline = time.monotonic() + 10
    while len(words) < 4 and time.monotonic() < deadline:
        words.add(json.loads(out.read("_locks/video.json") or b"{}")["renewed"])
        time.sleep(0.02)
    lease.check()
    lease.give_back()
    thread.join()
    assert len(words) == 4
    assert holders(out, Settings()) == []


def test_who_lost_its_lease_publishes_nothing(out: FolderStorage) -> None:
    """It was silent so long that another took over: it says so, and leaves the other's lease alone."""
    lease = Lease(out, 0.2)
    assert lease.take("video") is None
    pretend_path = "_locks/video.json"
    theirs = json.dumps(json.loads(out.read(pretend_path) or b"") | {"owner": "someone else"}).encode()
    out.write(pretend_path, theirs)
    thread = threading.Thread(target=lease.renew)
    thread.start()
    deadline = time.monotonic() + 10
    while lease._lost is None and time.monotonic() < deadline:
        time.sleep(0.02)
    manifest = Manifest("batch", None, "run", ago(0), ago(0), {}, {})
    with pytest.raises(BusyError, match=r"another one took over _locks/video\.json; nothing was published"):
        publish(out, manifest, lease)
    lease.give_back()
    thread.join()
    assert read_current(out) == (None, None)
    assert out.read("_batches/batch/manifest.json") is None
    assert out.read(pretend_path) == theirs


@pytest.mark.parametrize("renewed", ["never", "2125-01-01T00:00:00", 7, None])
def test_a_lease_from_elsewhere_that_says_no_time_is_dead(out: FolderStorage, renewed: object) -> None:
    """A time is one with a zone, as learnfold writes it."""
    pretend(out, machine="elsewhere", renewed=renewed)
    with held(out, ["video"], Settings()):
        pass


def test_of_many_who_come_at_once_one_gets_it(out: FolderStorage) -> None:
    """The others are told, at any interleaving."""
    got, told, start = [], [], threading.Barrier(6)

    def come(number: int) -> None:
        lease = Lease(out, 60)
        start.wait()
        (got if lease.take("video") is None else told).append(number)

    threads = [threading.Thread(target=come, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(got), len(told)) == (1, 5)
