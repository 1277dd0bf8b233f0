"""Runs on S3 that are killed, race, are refused, or lose their server: readers see whole batches, the next run heals."""

from __future__ import annotations

import dataclasses
import json
import random
import signal
import subprocess
import time
from pathlib import Path

import pytest

from conftest import tries
from learnfold.batch.manifest import Manifest, new_batch, read_current
from learnfold.batch.publish import publish
from learnfold.errors import BusyError
from learnfold.storage.lease import Lease, held, holders
from learnfold.utc import now
from promises.growing import grow
from services.faulty import FaultyS3
from services.places import Place, bucket
from services.published import Reader, command, learnfold, plain, upload, whole
from services.stack.minio import Minio
from services.stack.s3 import S3Server
from services.stack.seaweed import Seaweed

pytestmark = pytest.mark.services


@dataclasses.dataclass
class Site:
    """A master dataset and views on S3, and a folder from which the former grows."""

    place: Place
    folder: Path
    steps: int = 0

    @property
    def words(self) -> list[str]:
        """The command that runs it."""
        return ["run", self.place.below("master").url, self.place.below("views", "s3a").url]

    def grow(self) -> int:
        """More events come; how many there are of each topic."""
        source = self.folder / str(self.steps)
        grow(source, self.steps)
        upload(source, self.place.below("master"))
        self.steps += 1
        return self.steps * 20

    def run(self, *words: object, **environment: str) -> subprocess.CompletedProcess[str]:
        """A run to its end."""
        return learnfold(self.place, *self.words, *words, **environment)

    def start(self, *words: object, **environment: str) -> subprocess.Popen[str]:
        """A run that goes on."""
        return subprocess.Popen(
            command(*self.words, *words),
            env=self.place.process_environment(**environment),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def whole(self) -> int:
        """What the published batch counts of each topic."""
        return whole(self.place.below("views").open())[1]

    def plain(self) -> int:
        """What the plain paths count."""
        return plain(self.place.below("views").open())


@pytest.fixture
def site(s3_place: Place, tmp_path: Path) -> Site:
    """A site with one batch of 20 events a topic."""
    return begun(s3_place, tmp_path)


def begun(place: Place, folder: Path) -> Site:
    """A site with one batch of 20 events a topic."""
    site = Site(place, folder / "source")
    site.grow()
    done = site.run()
    assert done.returncode == 0, done.stderr
    return site


def test_killed_at_random_moments_a_run_heals(site: Site) -> None:
    """Kill -9 at any moment: a reader sees whole batches only, and the next run makes everything right."""
    reader, chance, killed = Reader(site.place.below("views")), random.Random(5), 0
    reader.start()
    began = time.monotonic()
    site.grow()
    assert site.run().returncode == 0
    takes = time.monotonic() - began
    for _ in range(tries(6)):
        site.grow()
        process = site.start()
        try:
            process.wait(chance.uniform(0.2, takes))
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            killed += 1
        _, talk = process.communicate()
        assert process.returncode in {0, -signal.SIGKILL}, talk
    done = site.run()
    assert done.returncode == 0, done.stderr
    reader.stop()
    assert killed, "no run was killed: the moments are chosen badly"
    assert site.plain() == site.whole() == site.steps * 20
    assert {count for _, count in reader.seen} <= {20 * (step + 1) for step in range(site.steps)}


def test_runs_at_once_never_mix(site: Site) -> None:
    """Several runs into one place at once: each is done or told who is busy, and the views are whole and right."""
    reader = Reader(site.place.below("views"))
    reader.start()
    for _ in range(tries(2)):
        events = site.grow()
        runs = [site.start() for _ in range(3)]
        talks = [run.communicate(timeout=120)[1] for run in runs]
        codes = [run.returncode for run in runs]
        assert 0 in codes, talks
        for code, talk in zip(codes, talks, strict=True):
            assert code == 0 or (code == 1 and "since" in talk and "is writing" in talk), talk
        assert site.plain() == site.whole() == events
    reader.stop()


def test_six_jobs_at_once_publish_their_own_views(s3_place: Place, tmp_path: Path) -> None:
    """What Oozie's fork does: six single jobs side by side into one place, each publishes, none in another's way."""
    site = Site(s3_place, tmp_path / "source")
    for _ in range(tries(2)):
        events = site.grow()
        jobs = ("auth", "assessment", "video", "course", "profile_notification", "forum")
        runs = [site.start("--job", job) for job in jobs]
        talks = [run.communicate(timeout=120)[1] for run in runs]
        assert [run.returncode for run in runs] == [0] * len(jobs), talks
        assert site.plain() == site.whole() == events


def test_a_run_waits_for_another_if_told_to(site: Site) -> None:
    """With --wait the second run waits for the first and then does its work; a lease of a killed run holds nobody up."""
    events = site.grow()
    first = site.start()
    time.sleep(0.5)
    assert site.run("--wait", 60).returncode == 0
    assert first.wait(60) == 0
    first.communicate()
    killed = site.start()
    time.sleep(0.8)
    killed.kill()
    killed.communicate()
    began = time.monotonic()
    assert site.run().returncode == 0
    assert time.monotonic() - began < 30
    assert site.plain() == events


def test_wrong_keys_and_a_missing_bucket_end_a_run(site: Site) -> None:
    """Exit 1 and a message that says what to mend; nothing changes and no bucket is made."""
    site.grow()
    done = site.run(AWS_SECRET_ACCESS_KEY="wrong")
    assert done.returncode == 1
    assert "the secret key is wrong" in done.stderr
    assert "Traceback" not in done.stderr
    for words in (
        ["run", "s3://no-such-bucket/master", site.words[2]],
        ["run", site.words[1], "s3a://no-such-bucket/views"],
    ):
        done = learnfold(site.place, *words)
        assert done.returncode == 1
        assert "there is no bucket no-such-bucket" in done.stderr
    assert learnfold(site.place, "status", "s3://no-such-bucket/views").returncode == 1
    assert site.whole() == site.plain() == 20


@pytest.mark.parametrize("kind", [Minio, Seaweed])
def test_a_server_killed_midway_leaves_the_old_batch(kind: type[S3Server], tmp_path: Path) -> None:
    """SIGKILL of the server at a random moment: exit 1 with a clear message, or 0; the old or the new batch; the next run heals."""
    chance, failed = random.Random(11), 0
    with kind(tmp_path / "server") as server:
        site = begun(bucket(server), tmp_path)
        takes = 2.0
        for _ in range(tries(3)):
            before, events = site.whole(), site.grow()
            began = time.monotonic()
            run = site.start(LEARNFOLD_S3_RETRIES="1")
            time.sleep(chance.uniform(0.3, takes))
            server.kill()
            _, talk = run.communicate(timeout=120)
            takes = max(1.0, min(takes, time.monotonic() - began))
            assert run.returncode in {0, 1}, talk
            if run.returncode:
                failed += 1
                assert f"{server.endpoint} can't be reached" in talk
                assert "Traceback" not in talk
            server.restart()
            assert site.whole() in {before, events}
            done = site.run()
            assert done.returncode == 0, done.stderr
            assert site.plain() == site.whole() == events
    assert failed, "the server never died while a run went on: the moments are chosen badly"


@pytest.mark.parametrize("kind", [Minio, Seaweed])
def test_a_run_outlives_a_restart_of_its_server(kind: type[S3Server], tmp_path: Path) -> None:
    """A server that is killed and comes back within the tries costs a run some seconds, and no result."""
    with kind(tmp_path / "server") as server:
        site = begun(bucket(server), tmp_path)
        for pause in [0.7, 1.2][: tries(2)]:
            events = site.grow()
            run = site.start(LEARNFOLD_S3_RETRIES="12")
            time.sleep(pause)
            server.kill()
            server.restart()
            _, talk = run.communicate(timeout=120)
            assert run.returncode == 0, talk
            assert site.plain() == site.whole() == events


def test_the_pointers_lost_answer_publishes_once(site: Site) -> None:
    """The swap of the pointer happened but its answer was lost: the run succeeds, and its batch is the published one."""
    events = site.grow()
    assert site.place.server is not None
    with FaultyS3(site.place.server) as proxy:
        fault = proxy.next("lose", lambda method, path: method == "PUT" and path.endswith("current.json"))
        done = site.run("--json", AWS_ENDPOINT_URL=proxy.endpoint)
        assert done.returncode == 0, done.stderr
        assert fault.met == 1
    assert whole(site.place.below("views").open()) == (json.loads(done.stdout)["batch"], events)


def test_a_pointer_that_cant_be_swapped_leaves_the_old_batch(site: Site) -> None:
    """Everything is written but the pointer: readers see the old batch, the run exits with 1, the next one heals."""
    events = site.grow()
    assert site.place.server is not None
    with FaultyS3(site.place.server) as proxy:
        proxy.next("drop", lambda method, path: method == "PUT" and path.endswith("current.json"), times=1000)
        done = site.run(AWS_ENDPOINT_URL=proxy.endpoint, LEARNFOLD_S3_RETRIES="1")
    assert done.returncode == 1
    assert "current.json: the connection broke" in done.stderr
    assert site.whole() == site.plain() == 20
    assert site.run().returncode == 0
    assert site.whole() == site.plain() == events


def test_a_publication_that_was_overtaken_knows_itself(s3_place: Place) -> None:
    """A's swap happened, its answer was lost, and B published another job on top: A sees its own job there and is done."""
    assert s3_place.server is not None
    with FaultyS3(s3_place.server) as proxy:
        slow, quick = s3_place.through(proxy.endpoint).open(s3_retries=0), s3_place.open()

        def manifest(job: str) -> Manifest:
            current, _ = read_current(quick)
            found = Manifest(new_batch(), current.batch if current else None, "run", now(), now(), {}, {})
            found.jobs[job] = _record(found.batch)
            found.ran = [job]
            return found

        first = manifest("auth")
        lease = Lease(slow, 60)
        original = slow.swap

        def overtaken(path: str, data: bytes, tag: str | None) -> str:
            slow.swap = original  # type: ignore[method-assign]
            original(path, data, tag)
            publish(quick, manifest("video"), Lease(quick, 60))
            return original(path, data, tag)  # what a client that lost the answer does

        slow.swap = overtaken  # type: ignore[method-assign]
        published = publish(slow, first, lease)
    current, _ = read_current(quick)
    assert current is not None
    assert published.batch == first.batch != current.batch
    assert {name: job.batch for name, job in current.jobs.items()}.keys() == {"auth", "video"}
    assert current.jobs["auth"].batch == first.batch


def _record(batch: str):
    from learnfold.batch.manifest import JobRecord

    return JobRecord(batch, "input", whole=True)


def test_a_lease_outlives_lost_answers(s3_place: Place) -> None:
    """Renewals whose answers are lost, all of them, don't cost the lease; another run that takes it over does."""
    assert s3_place.server is not None
    with FaultyS3(s3_place.server) as proxy:
        through = s3_place.through(proxy.endpoint)
        settings = through.settings(lease_seconds=5, s3_retries=0)
        with held(through.open(s3_retries=0), ["auth"], settings) as lease:
            proxy.next("lose", lambda method, path: method == "PUT" and "_locks/auth" in path)
            proxy.next("refuse", lambda method, path: method == "GET" and "_locks/auth" in path)  # so nothing is known
            assert _until(lambda: all(fault.met for fault in proxy.faults))
            (holder,) = holders(s3_place.open(), settings)
            first = holder.who["renewed"]
            assert _until(lambda: holders(s3_place.open(), settings)[0].who["renewed"] != first)
            lease.check()
            s3_place.open().swap(holder.path, b'{"owner": "another"}', holders(s3_place.open(), settings)[0].tag)
            with pytest.raises(BusyError, match="took over"):
                _until(lease.check)
    assert s3_place.open().read("_locks/auth.json") == b'{"owner": "another"}'


def _until(true: object, seconds: float = 15) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if true():  # type: ignore[operator]
            return True
        time.sleep(0.05)
    return False
