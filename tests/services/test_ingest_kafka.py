"""From a real broker into the master dataset: nothing lost, nothing counted twice."""

from __future__ import annotations

import contextlib
import json
import re
import signal
import time
import urllib.request
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from confluent_kafka import KafkaException, Producer, TopicPartition

from learnfold import catalog
from learnfold.errors import MissingDataError
from learnfold.generate import Semester, messages
from learnfold.ingest.quarantine import quarantine_files
from learnfold.kafka.produce import make_topics, produce
from learnfold.kafka.tail import tail
from learnfold.master.committed_offsets import read_committed_offsets, read_partition
from learnfold.master.layout import open_master
from learnfold.settings import Settings
from learnfold.storage.folder import FolderStorage
from promises.views import differences, run_job
from services.ingesting import (
    PATIENCE_SECONDS,
    Process,
    Sent,
    all_dead,
    event,
    in_master,
    in_quarantine,
    learnfold,
    once,
    settings_of,
    wait_for,
)
from services.places import Place
from services.stack.kafka import Kafka
from services.stack.service import free_ports

pytestmark = pytest.mark.services

TOPIC = "video_topic"


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kafka]:
    """A broker of this module's own, which lets members of a group be silent for a second only."""
    with Kafka(tmp_path_factory.mktemp("ingest-kafka"), group_min_session_timeout_ms=1000) as broker:
        yield broker


@pytest.fixture
def broker(shared: Kafka) -> Iterator[Kafka]:
    """The broker, without any topic before and after."""
    yield shared
    delete(shared, *(name for name in topics(shared)))


def topics(broker: Kafka) -> list[str]:
    """The topics there are."""
    admin = broker.admin()
    return [name for name in admin.list_topics(timeout=60).topics if not name.startswith("__")]


def delete(broker: Kafka, *names: str) -> None:
    """Deletes topics."""
    admin = broker.admin()
    for answer in admin.delete_topics(list(names)).values() if names else ():
        answer.result(60)
    wait_for(lambda: not set(names) & set(topics(broker)))


def forget(broker: Kafka, partition: int, before: int) -> None:
    """Removes the first messages of a partition, as retention does."""
    admin, where = broker.admin(), TopicPartition(TOPIC, partition, before)
    admin.delete_records([where])[where].result(60)


@pytest.fixture
def sent(broker: Kafka) -> Sent:
    """What a test produces."""
    return Sent(broker.bootstrap_servers)


@pytest.fixture
def master(tmp_path: Path) -> Place:
    """A folder for the master dataset."""
    return Place(str(tmp_path / "master"))


@pytest.fixture
def running() -> Iterator[list[Process]]:
    """Processes that are ended with the test."""
    processes: list[Process] = []
    yield processes
    all_dead(processes)


def send_events(sent: Sent, first: int, count: int, partition: int | None = None, **more: object) -> None:
    """Produces valid events, keyed by user."""
    sent.send(((TOPIC, f"u{n % 7}", event(n, **more)) for n in range(first, first + count)), partition)


def metric(port: int, name: str) -> float:
    """A number that the metrics endpoint tells, summed over its labels."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        lines = answer.read().decode().splitlines()
    return sum(float(line.split()[-1]) for line in lines if line.partition("{")[0].partition(" ")[0] == name)


def test_once_takes_what_is_there_and_stops(broker: Kafka, sent: Sent, master: Place, tmp_path: Path) -> None:
    """Every message lies in one file, the progress says so, the group's own offsets too, and a second time there is nothing to do."""
    broker.create_topic(TOPIC, 3)
    send_events(sent, 0, 1000)
    once(broker, master, tmp_path / "log", "--group", "first")
    assert in_master(master) == dict.fromkeys(sent.values, 1)
    assert sent.all_in(master)
    before = sorted(entry.path for entry in master.open().list(f"topic={TOPIC}"))
    second = once(broker, master, tmp_path / "log", "--group", "first", "--json")
    assert json.loads(second.out)["events"] == {}
    assert sorted(entry.path for entry in master.open().list(f"topic={TOPIC}")) == before
    from confluent_kafka import ConsumerGroupTopicPartitions

    admin = broker.admin()
    asked = admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions("first")])
    committed = {(tp.topic, tp.partition): tp.offset for tp in asked["first"].result(60).topic_partitions}
    assert {key: end for key, end in committed.items() if end} == sent.ends()


def test_another_group_begins_where_the_master_dataset_ends(
    broker: Kafka, sent: Sent, master: Place, tmp_path: Path
) -> None:
    """The progress decides, not what a group committed: another group reads nothing again, another master dataset everything."""
    broker.create_topic(TOPIC, 2)
    send_events(sent, 0, 300)
    once(broker, master, tmp_path / "log", "--group", "one")
    other = once(broker, master, tmp_path / "log", "--group", "two", "--json")
    assert json.loads(other.out)["events"] == {}
    copy = Place(str(tmp_path / "another"))
    once(broker, copy, tmp_path / "log", "--group", "one")
    assert in_master(copy) == dict.fromkeys(sent.values, 1)


def test_poison_at_the_head_of_a_partition_stops_nothing(
    broker: Kafka, sent: Sent, master: Place, tmp_path: Path
) -> None:
    """Messages that are no events are quarantined with place and reason, and those behind them are in files."""
    broker.create_topic(TOPIC, 1)
    poison = [b"\xff\xfe", b"", None, b"not json", b"[1]", event(0, user_id=" "), event(0, timestamp="soon")]
    sent.send((TOPIC, None, value) for value in poison)
    send_events(sent, 0, 50)
    once(broker, master, tmp_path / "log")
    reasons = in_quarantine(master)
    assert [reasons[TOPIC, 0, offset] for offset in range(len(poison))] == [
        "not UTF-8",
        "not JSON",
        "the message is empty",
        "not JSON",
        "not a JSON object",
        "user_id is blank",
        "timestamp can't be read as a time",
    ]
    assert in_master(master) == {key: 1 for key in sent.values if key not in reasons}


def test_copies_and_late_events_give_the_views_of_what_was_meant(
    broker: Kafka, sent: Sent, master: Place, tmp_path: Path
) -> None:
    """A producer that sends twice, out of order and days late changes no view: they equal the oracle's."""
    broker.create_topic(TOPIC, 3)
    values = [event(n, timestamp=f"2025-11-0{1 + n % 5}T{n % 24:02d}:00:00+07:00") for n in range(400)]
    late = [event(1000 + n, timestamp="2025-10-01 00:00:01") for n in range(20)]
    nameless = [event(n, event_id=None) for n in range(30)]
    sent.send((TOPIC, str(n % 7), value) for n, value in enumerate([*values, *values[::3][::-1]]))
    once(broker, master, tmp_path / "log")
    sent.send((TOPIC, str(n % 5), value) for n, value in enumerate([*late, *nameless, *values[::7]]))
    once(broker, master, tmp_path / "log")
    run_job(Path(master.url), tmp_path / "out", "video")
    assert differences(tmp_path / "out", sent.messages(), "video") == []


def test_sigterm_writes_what_is_held_and_leaves(
    broker: Kafka, sent: Sent, master: Place, tmp_path: Path, running: list[Process]
) -> None:
    """Told to stop, a process writes what it holds, gives its partitions back at once, and ends with 0."""
    broker.create_topic(TOPIC, 2)
    (port,) = free_ports(1)
    process = Process(broker, master, tmp_path / "log", "--flush-seconds", "3600", "--metrics-port", str(port))
    running.append(process)
    process.until("event=assigned")
    send_events(sent, 0, 500)
    wait_for(lambda: metric(port, "learnfold_ingest_held") == 500)
    assert read_committed_offsets(master.open())[TOPIC] == {0: 0, 1: 0}
    assert process.stop() == 0, process.said
    assert in_master(master) == dict.fromkeys(sent.values, 1)
    found = read_partition(master.open(), TOPIC, 0)
    assert found is not None
    assert found[0].clean


def test_processes_of_a_group_share_the_partitions(
    broker: Kafka, sent: Sent, master: Place, tmp_path: Path, running: list[Process]
) -> None:
    """Processes come and go while messages flow: each partition has one owner at a time, and nothing is lost or written twice."""
    broker.create_topic(TOPIC, 4)
    for number in range(4):
        running.append(Process(broker, master, tmp_path / f"log{number}", "--flush-seconds", "0.3"))
        send_events(sent, number * 300, 300)
        running[-1].until("event=assigned")
        if number == 2:
            assert running[0].stop() == 0, running[0].said
    wait_for(lambda: sent.all_in(master))
    assert [process.stop() for process in running[1:]] == [0, 0, 0]
    assert in_master(master) == dict.fromkeys(sent.values, 1)
    assert sum("event=flush" in process.said for process in running) > 1


def test_a_topic_that_does_not_exist_yet_is_waited_for(
    broker: Kafka, sent: Sent, master: Place, tmp_path: Path, running: list[Process]
) -> None:
    """A missing topic is said, the others are ingested meanwhile, and when it is made it is ingested too."""
    broker.create_topic("auth_topic", 1)
    process = Process(broker, master, tmp_path / "log")
    running.append(process)
    process.until("doesn't exist yet")
    sent.send([("auth_topic", "u", event(0, event_type="LOGIN"))])
    wait_for(lambda: read_committed_offsets(master.open()).get("auth_topic") == {0: 1}, lambda: process.said)
    broker.create_topic(TOPIC, 2)
    send_events(sent, 0, 20)
    wait_for(lambda: sent.all_in(master), lambda: process.said)
    assert process.stop() == 0
    assert in_master(master) == dict.fromkeys(sent.values, 1)


def test_a_broker_that_is_not_there_is_waited_for(tmp_path: Path, master: Place, running: list[Process]) -> None:
    """Started before its broker, a process says that it waits, and ingests when the broker comes."""
    broker = Kafka(tmp_path / "late", group_min_session_timeout_ms=1000)
    process = Process(broker, master, tmp_path / "log", "--once")
    running.append(process)
    process.until("isn't there")
    with broker:
        # the first process may have taken an empty broker for all there is: what comes is for the next
        broker.create_topic(TOPIC, 1)
        sent = Sent(broker.bootstrap_servers)
        assert process.wait() == 0, process.said
        send_events(sent, 0, 10)
        once(broker, master, tmp_path / "log")
        assert in_master(master) == dict.fromkeys(sent.values, 1)


def test_a_broker_that_does_not_come_is_given_up_if_asked(tmp_path: Path, master: Place) -> None:
    """With a limit to its patience a process ends with 1, says where it looked, and what to check."""
    (port,) = free_ports(1)
    broker = Kafka(tmp_path / "never")
    broker.port = port
    process = Process(broker, master, tmp_path / "log", "--once", "--give-up", "3")
    assert process.wait() == 1
    assert f"127.0.0.1:{port}" in process.said
    assert "Traceback" not in process.said


def test_messages_that_retention_removed_are_an_alarm(broker: Kafka, sent: Sent, master: Place, tmp_path: Path) -> None:
    """Offsets that are gone stop their partition only, with the exact gap and exit 1; accepted, they are written down and passed."""
    broker.create_topic(TOPIC, 2)
    for partition in (0, 1):
        send_events(sent, partition * 1000, 100, partition)
    once(broker, master, tmp_path / "log")
    for partition in (0, 1):
        send_events(sent, partition * 1000 + 100, 100, partition)
    forget(broker, 0, 150)
    process = Process(broker, master, tmp_path / "alarm", "--once")
    assert process.wait() == 1
    assert "event=alarm" in process.said
    assert "from offset 100 to 149 (50 messages) are gone" in process.said
    assert read_committed_offsets(master.open())[TOPIC] == {0: 100, 1: 200}
    once(broker, master, tmp_path / "accepted", "--accept-gap")
    gone = {(TOPIC, 0, offset) for offset in range(100, 150)}
    assert in_master(master) == {key: 1 for key in sent.values if key not in gone}
    found = read_partition(master.open(), TOPIC, 0)
    assert found is not None
    assert [(gap["from"], gap["to"]) for gap in found[0].gaps] == [(100, 150)]


def test_messages_that_go_while_it_runs_are_an_alarm(
    broker: Kafka, sent: Sent, master: Place, tmp_path: Path, running: list[Process]
) -> None:
    """A running process that was too slow for retention says the exact gap, goes on with its other partitions, and ends with 1."""
    broker.create_topic(TOPIC, 2)
    process = Process(broker, master, tmp_path / "log")
    running.append(process)
    process.until("event=assigned")
    send_events(sent, 0, 20, 0)
    wait_for(lambda: read_committed_offsets(master.open())[TOPIC] == {0: 20, 1: 0})
    process.signal(signal.SIGSTOP)
    send_events(
        sent, 100, 30, 0
    )  # these may be on their way to it: the broker answers what it asked for before it was stopped
    send_events(sent, 150, 30, 0)  # these can't be
    forget(broker, 0, 70)
    process.signal(signal.SIGCONT)
    process.until("are gone")
    gap = re.search(r"from offset (\d+) to 69 \((\d+) messages\) are gone", process.said)
    assert gap, process.said
    first, count = map(int, gap.groups())
    assert 20 <= first <= 50
    assert count == 70 - first
    send_events(sent, 200, 10, 1)
    wait_for(lambda: read_committed_offsets(master.open())[TOPIC] == {0: first, 1: 10}, lambda: process.said)
    assert process.stop() == 1


@pytest.mark.parametrize("count", [30, 100, 150])
def test_a_topic_that_was_made_again_is_an_alarm(
    broker: Kafka, sent: Sent, master: Place, tmp_path: Path, count: int
) -> None:
    """Offsets that begin anew, however many, are told from old ones: said, and with leave ingested beside all that was before."""
    broker.create_topic(TOPIC, 1)
    send_events(sent, 0, 100)
    once(broker, master, tmp_path / "log")
    delete(broker, TOPIC)
    wait_for(lambda: _made(broker))
    again = Sent(broker.bootstrap_servers)
    send_events(again, 5000, count)
    process = Process(broker, master, tmp_path / "alarm", "--once")
    assert process.wait() == 1
    assert "deleted and made again" in process.said
    once(broker, master, tmp_path / "accepted", "--accept-gap")
    assert sum(in_master(master).values()) == 100 + count
    assert read_committed_offsets(master.open())[TOPIC] == {0: count}
    run_job(Path(master.url), tmp_path / "out", "video")
    told = {TOPIC: [*sent.messages()[TOPIC], *again.messages()[TOPIC]]}
    assert differences(tmp_path / "out", told, "video") == []


def _made(broker: Kafka) -> bool:
    """Makes the topic anew; not yet, while the broker is still deleting the old one."""
    try:
        broker.create_topic(TOPIC, 1)
    except KafkaException:
        return False
    return True


def test_a_process_that_slept_through_its_eviction_harms_nothing(
    broker: Kafka, sent: Sent, master: Place, tmp_path: Path, running: list[Process]
) -> None:
    """Stopped so long that another took its partitions over, a process wakes, writes nothing that counts, and joins again."""
    broker.create_topic(TOPIC, 2)
    sleeper = Process(broker, master, tmp_path / "sleeper", "--flush-seconds", "2")
    running.append(sleeper)
    sleeper.until("event=assigned")
    send_events(sent, 0, 100)
    time.sleep(0.7)
    sleeper.signal(signal.SIGSTOP)
    other = Process(broker, master, tmp_path / "other")
    running.append(other)
    wait_for(lambda: sent.all_in(master), lambda: other.said)
    sleeper.signal(signal.SIGCONT)
    sleeper.until("event=assigned", 2)
    send_events(sent, 100, 100)
    wait_for(lambda: sent.all_in(master), lambda: sleeper.said + other.said)
    assert [process.stop() for process in running] == [0, 0], sleeper.said
    assert in_master(master).keys() == sent.values.keys()
    run_job(Path(master.url), tmp_path / "out", "video")
    assert differences(tmp_path / "out", sent.messages(), "video") == []


def test_another_group_into_the_same_master_dataset_is_refused(
    broker: Kafka, sent: Sent, master: Place, tmp_path: Path, running: list[Process]
) -> None:
    """Two groups would take turns for ever: the one that finds out ends and names the other."""
    broker.create_topic(TOPIC, 1)
    first = Process(broker, master, tmp_path / "first", "--group", "first")
    running.append(first)
    first.until("event=assigned")
    second = Process(broker, master, tmp_path / "second", "--group", "second")
    running.append(second)
    second.until("event=assigned")
    send_events(sent, 0, 10)
    assert first.wait() == 1
    assert "the consumer group second" in first.said
    wait_for(lambda: read_committed_offsets(master.open())[TOPIC] == {0: 10})


def test_once_waits_for_partitions_that_others_have(
    broker: Kafka, sent: Sent, master: Place, tmp_path: Path, running: list[Process]
) -> None:
    """When it ends, everything that was there at its start is in files, also what another process of the group held."""
    broker.create_topic(TOPIC, 2)
    keeper = Process(broker, master, tmp_path / "keeper", "--flush-seconds", "4")
    running.append(keeper)
    keeper.until("event=assigned")
    send_events(sent, 0, 200)
    once(broker, master, tmp_path / "once")
    assert in_master(master) == dict.fromkeys(sent.values, 1)
    assert keeper.stop() == 0


def test_aborted_messages_are_not_taken_and_marks_do_not_hold_it_up(
    broker: Kafka, sent: Sent, master: Place, tmp_path: Path
) -> None:
    """Of transactions only what was committed is an event; a mark at the end of a partition, which is no message, is passed."""
    broker.create_topic(TOPIC, 1)
    producer = Producer({"bootstrap.servers": broker.bootstrap_servers, "transactional.id": "t"})
    producer.init_transactions(60)
    for number, end in enumerate(
        (producer.commit_transaction, producer.abort_transaction, producer.commit_transaction)
    ):
        producer.begin_transaction()
        for n in range(10):
            producer.produce(TOPIC, event(number * 10 + n))
        producer.flush(60)
        end(60)
    once(broker, master, tmp_path / "log")
    assert len(in_master(master)) == 20
    assert read_committed_offsets(master.open())[TOPIC] == {0: 33}
    once(broker, master, tmp_path / "log")


def test_days_are_closed_when_all_partitions_are_complete(
    broker: Kafka, sent: Sent, master: Place, tmp_path: Path
) -> None:
    """After its end and some hours a day gets its _SUCCESS, in every topic that exists, also where it has no events."""
    for topic in (TOPIC, "auth_topic"):
        broker.create_topic(topic, 2)
    today = datetime.now(UTC).date()
    days = [today - timedelta(days=number) for number in (3, 1, 0)]
    sent.send((TOPIC, "u", event(n, timestamp=f"{day} 00:00:00")) for n, day in enumerate(days))
    once(broker, master, tmp_path / "log", "--close-after", "0")
    marks = {entry.path for entry in master.open().list() if entry.path.endswith("_SUCCESS")}
    expected = [(TOPIC, today - timedelta(days=number)) for number in (1, 2, 3)] + [
        ("auth_topic", today - timedelta(days=1))
    ]
    assert marks == {f"topic={topic}/year={day:%Y}/month={day:%m}/day={day:%d}/_SUCCESS" for topic, day in expected}


def test_a_running_process_closes_days_of_partitions_that_nothing_comes_to(
    broker: Kafka, master: Place, tmp_path: Path, running: list[Process]
) -> None:
    """Idle partitions become complete too, so yesterday is closed though no message ever came."""
    broker.create_topic(TOPIC, 2)
    process = Process(broker, master, tmp_path / "log", "--topic", TOPIC, "--close-after", "0")
    running.append(process)
    yesterday = datetime.now(UTC).date() - timedelta(days=1)
    mark = f"topic={TOPIC}/year={yesterday:%Y}/month={yesterday:%m}/day={yesterday:%d}/_SUCCESS"
    wait_for(lambda: master.open().read(mark), lambda: process.said)
    assert process.stop() == 0


def test_metrics_are_served(broker: Kafka, sent: Sent, master: Place, tmp_path: Path, running: list[Process]) -> None:
    """The endpoint tells events, bytes, quarantine by reason, seconds of flushes, and lag and offset by partition."""
    broker.create_topic(TOPIC, 1)
    (port,) = free_ports(1)
    process = Process(broker, master, tmp_path / "log", "--metrics-port", str(port))
    running.append(process)
    process.until("event=assigned")
    send_events(sent, 0, 40)
    sent.send([(TOPIC, None, b"rubbish")])
    wait_for(lambda: read_committed_offsets(master.open())[TOPIC] == {0: 41})

    def told() -> list[str]:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
            return answer.read().decode().splitlines()

    wait_for(
        lambda: f'learnfold_ingest_offset{{partition="0",topic="{TOPIC}"}} 41.0' in told(), lambda: "\n".join(told())
    )
    lines = told()
    assert f'learnfold_ingest_events_total{{topic="{TOPIC}"}} 40.0' in lines
    assert f'learnfold_ingest_quarantined_total{{reason="not JSON",topic="{TOPIC}"}} 1.0' in lines
    assert f'learnfold_ingest_lag{{partition="0",topic="{TOPIC}"}} 0.0' in lines
    assert any(line.startswith("learnfold_ingest_flush_seconds_count") and line.split()[-1] != "0.0" for line in lines)
    assert process.stop() == 0
    flushes = [line for line in process.said.splitlines() if "event=flush" in line]
    assert all("events=" in line and "seconds=" in line for line in flushes)


def test_a_semester_is_produced_ingested_and_its_views_are_right(broker: Kafka, master: Place, tmp_path: Path) -> None:
    """`learnfold generate --to-kafka` makes the topics and sends everything; the 37 views equal the oracle's on it."""
    environment = {"LEARNFOLD_KAFKA_SERVERS": broker.bootstrap_servers}
    semester = ("--events", "3000", "--days", "5", "--seed", "3", "--duplicates", "0.05", "--malformed", "0.01")
    told = learnfold("generate", "--to-kafka", *semester, environment=environment)
    once(broker, master, tmp_path / "log")
    sent = Sent(broker.bootstrap_servers)
    for topic in read_committed_offsets(master.open()):
        for seen in tail(topic, settings_of(broker), 10_000):
            sent.values[topic, seen.partition, seen.offset] = None
    made = Semester(events=3000, days=5, seed=3, duplicates=0.05, malformed=0.01)
    values = list(messages(made))
    assert told.startswith(f"{len(values):,} messages")
    assert len(sent.values) == len(values)
    assert in_master(master).keys() | in_quarantine(master).keys() == sent.values.keys()


def test_a_producer_keeps_its_rate(broker: Kafka) -> None:
    """A rate bounds how fast messages are sent, and every one arrives under the partition of its key."""
    make_topics(settings_of(broker), [TOPIC], 3)
    began = time.monotonic()
    count = produce(((TOPIC, f"u{n % 3}", event(n)) for n in range(3000)), settings_of(broker), rate=2000)
    assert count == 3000
    assert time.monotonic() - began > 1.4
    seen = list(tail(TOPIC, settings_of(broker), 10_000))
    assert len(seen) == 3000
    partitions: dict[str | None, set[int]] = {}
    for message in seen:
        partitions.setdefault(message.key, set()).add(message.partition)
    assert all(len(of) == 1 for of in partitions.values())


def test_tail_shows_the_last_messages_and_follows(broker: Kafka, sent: Sent) -> None:
    """The last messages over all partitions by time, what isn't text with escapes; a topic that isn't there is an error."""
    broker.create_topic(TOPIC, 2)
    send_events(sent, 0, 20)
    sent.send([(TOPIC, "k", b"\xff")])
    shown = learnfold("tail", TOPIC, "--last", "3", "--json", "--servers", broker.bootstrap_servers).splitlines()
    assert len(shown) == 3
    assert json.loads(shown[-1])["value"] == "\\xff"
    followed: Any = tail(TOPIC, settings_of(broker), 1, follow=True)
    with contextlib.closing(followed):
        assert next(followed).key == "k"
        sent.send([(TOPIC, "new", b"{}")])
        assert next(followed).key == "new"
    with pytest.raises(MissingDataError, match="no topic nope"):
        next(tail("nope", settings_of(broker), 1))
    assert PATIENCE_SECONDS > 0


def test_statements_of_platforms_become_events_on_the_way_from_kafka(
    broker: Kafka, sent: Sent, master: Place, tmp_path: Path, running: list[Process]
) -> None:
    """Killed amid and begun again: what lies in the master dataset is what the same statements in a file give, each event once."""
    statements = [statement(number) for number in range(3000)]
    broker.create_topic("statements", 3)
    sent.send(("statements", None, one.encode()) for one in statements[:1000])
    flags = ("--from", "xapi", "--topic", "statements")
    process = Process(broker, master, tmp_path / "log", *flags)
    running.append(process)
    process.until("event=flush")
    sent.send(("statements", None, one.encode()) for one in statements[1000:2000])  # it is at these, or about to be
    process.kill()
    sent.send(("statements", None, one.encode()) for one in statements[2000:])
    once(broker, master, tmp_path / "log", *flags)
    assert sent.all_in(master)
    file = tmp_path / "statements.jsonl"
    file.write_text("\n".join(statements), encoding="utf-8")
    other = tmp_path / "other"
    learnfold("ingest", str(file), "--into", str(other), "--from", "xapi")
    assert events_of(master.url) == events_of(str(other))
    assert len(events_of(master.url)) > 2000
    assert sorted(in_unmapped(Path(master.url))) == sorted(in_unmapped(other))


def statement(number: int) -> str:
    """A viewing by xAPI; every fifth is of a verb that no topic is for, every seventh is no JSON."""
    verb = "https://example.org/verbs/admired" if number % 5 == 0 else "http://adlnet.gov/expapi/verbs/completed"
    told = {
        "id": str(uuid.UUID(int=number)),
        "actor": {"account": {"homePage": "https://learn.example.org", "name": f"u{number % 7}"}},
        "verb": {"id": verb},
        "object": {
            "id": f"https://learn.example.org/videos/{number % 3}",
            "definition": {"type": "https://w3id.org/xapi/video/activity-type/video"},
        },
        "timestamp": "2026-03-02T10:00:00Z",
    }
    return f"started {number}" if number % 7 == 0 else json.dumps(told)


def events_of(master: str) -> list[tuple[str, str]]:
    """The topic and id of every event that a reader has, sorted."""
    names = list(catalog.load().topics)
    found = open_master(master, Settings()).listing(names, names)
    return sorted(
        (topic, event_id)
        for topic, files in found.files.items()
        for file in files
        for event_id in pq.read_table(f"{master}/{file}", columns=["event_id"])["event_id"].to_pylist()
    )


def in_unmapped(master: Path) -> list[str]:
    """What is in the quarantine of statements."""
    return [
        row["event"]
        for path in quarantine_files(FolderStorage(str(master)))
        for row in pq.read_table(master / path).to_pylist()
    ]
