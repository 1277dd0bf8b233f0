"""Each real service does what the other tests take for granted."""

import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import obstore
import pytest
from obstore.exceptions import AlreadyExistsError, PreconditionError

from services.stack.kafka import Kafka
from services.stack.minio import Minio
from services.stack.oozie import Oozie
from services.stack.s3 import S3Server
from services.stack.seaweed import Seaweed
from services.stack.spark import SparkCluster, local_session, s3_settings

pytestmark = pytest.mark.services

WRITERS = 16


@pytest.fixture(params=["minio", "seaweed"])
def s3(request: pytest.FixtureRequest) -> S3Server:
    """Each of the S3 servers."""
    return request.getfixturevalue(request.param)


def winners(write: Callable[[int], object]) -> list[int]:
    """Which of the writers, all let go at once, were not refused."""
    gate = threading.Barrier(WRITERS)

    def attempt(number: int) -> bool:
        gate.wait()
        try:
            write(number)
        except (AlreadyExistsError, PreconditionError):
            return False
        return True

    with ThreadPoolExecutor(WRITERS) as pool:
        return [number for number, won in enumerate(pool.map(attempt, range(WRITERS))) if won]


def test_an_object_comes_back_as_it_was_put(s3: S3Server) -> None:
    """What is put under a key, and nothing else, is listed and read there."""
    store = s3.store(s3.new_bucket(), prefix="some/where")
    content = bytes(range(256)) * 4096
    obstore.put(store, "an object", content)
    assert [(item["path"], item["size"]) for item in store.list().collect()] == [("an object", len(content))]
    assert bytes(obstore.get(store, "an object").bytes()) == content


def test_one_of_many_creates_an_object(s3: S3Server) -> None:
    """Of writers that create the same key at once, one succeeds, and its content is there."""
    store = s3.store(s3.new_bucket())
    (winner,) = winners(lambda number: obstore.put(store, "pointer", f"by {number}".encode(), mode="create"))
    assert bytes(obstore.get(store, "pointer").bytes()).decode() == f"by {winner}"


def test_one_of_many_swaps_an_object(s3: S3Server) -> None:
    """Of writers that replace the same version at once, one succeeds, and its content is there."""
    store = s3.store(s3.new_bucket())
    old = {"e_tag": obstore.put(store, "pointer", b"old")["e_tag"]}
    (winner,) = winners(lambda number: obstore.put(store, "pointer", f"by {number}".encode(), mode=old))
    assert bytes(obstore.get(store, "pointer").bytes()).decode() == f"by {winner}"


@pytest.mark.parametrize("kind", [Minio, Seaweed])
def test_an_s3_server_killed_after_a_put_still_has_the_object(kind: type[S3Server], tmp_path: Path) -> None:
    """What was confirmed before a SIGKILL is read, at the same address, after a restart; and again after an orderly one."""
    with kind(tmp_path) as server:
        store = server.store(server.new_bucket())
        obstore.put(store, "kept", b"content")
        for end in (server.kill, server.stop):
            end()
            assert not server.alive
            server.restart()
            assert bytes(obstore.get(store, "kept").bytes()) == b"content"


def read_all(broker: Kafka, topic: str, partitions: int, count: int) -> dict[int, list[bytes]]:
    """The first `count` messages of a topic, by partition."""
    from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition

    consumer = Consumer(
        {"bootstrap.servers": broker.bootstrap_servers, "group.id": "test", "fetch.queue.backoff.ms": 5}
    )
    found: dict[int, list[bytes]] = {partition: [] for partition in range(partitions)}
    try:
        consumer.assign([TopicPartition(topic, partition, OFFSET_BEGINNING) for partition in found])
        for _ in range(100):
            for message in consumer.consume(count, timeout=0.2):
                assert message.error() is None
                found[message.partition()].append(message.value())
            if sum(map(len, found.values())) >= count:
                break
    finally:
        consumer.close()
    return found


def produce(broker: Kafka, topic: str, messages: dict[int, list[bytes]]) -> None:
    """Write messages to their partitions, each confirmed."""
    from confluent_kafka import Producer

    producer = Producer({"bootstrap.servers": broker.bootstrap_servers, "acks": "all"})
    for partition, values in messages.items():
        for value in values:
            producer.produce(topic, value, partition=partition)
    assert producer.flush(30) == 0


def test_messages_come_back_in_order_from_their_partition(kafka: Kafka) -> None:
    """A topic has the partitions and settings asked for; what is produced to one is consumed from it, in order."""
    from confluent_kafka.admin import ConfigResource, ResourceType

    topic = kafka.create_topic("test_messages", 3, retention_ms=123_456_789)
    assert kafka.create_topic("test_messages", 3) == topic
    admin = kafka.admin()
    (config,) = admin.describe_configs([ConfigResource(ResourceType.TOPIC, topic)]).values()
    assert config.result(10)["retention.ms"].value == "123456789"
    sent = {partition: [f"{partition}-{number}".encode() for number in range(1000)] for partition in range(3)}
    produce(kafka, topic, sent)
    assert read_all(kafka, topic, 3, 3000) == sent


def test_a_broker_killed_after_a_produce_still_has_the_messages(tmp_path: Path) -> None:
    """What was confirmed before a SIGKILL is consumed, at the same address, after a restart; and more can be produced."""
    with Kafka(tmp_path) as broker:
        topic = broker.create_topic("kept", 1)
        produce(broker, topic, {0: [b"before"]})
        broker.kill()
        assert not broker.alive
        broker.restart()
        produce(broker, topic, {0: [b"after"]})
        assert read_all(broker, topic, 1, 2) == {0: [b"before", b"after"]}


JOB = """
import sys
from pyspark.sql import SparkSession, functions as F

spark = SparkSession.builder.getOrCreate()
spark.range(1000).withColumn("seventh", F.col("id") % 7).write.parquet(sys.argv[1])
rows = spark.read.parquet(sys.argv[1]).groupBy("seventh").count().orderBy("seventh").collect()
print([spark.sparkContext.master, [row["count"] for row in rows]])
"""


@pytest.mark.slow
def test_a_submitted_job_runs_on_the_cluster_and_writes_to_s3(
    spark_cluster: SparkCluster, minio: Minio, tmp_path: Path
) -> None:
    """spark-submit's driver has the executors write Parquet to a bucket and read it again."""
    script = tmp_path / "job.py"
    script.write_text(JOB, encoding="utf-8")
    bucket = minio.new_bucket()
    done = spark_cluster.submit(script, f"s3a://{bucket}/numbers", settings=s3_settings(minio))
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str([spark_cluster.url, [143, 143, 143, 143, 143, 143, 142]])
    names = [Path(item["path"]).name for item in minio.store(bucket).list("numbers").collect()]
    assert "_SUCCESS" in names
    assert any(name.endswith(".parquet") for name in names)


@pytest.mark.slow
def test_a_failing_job_is_told_by_its_exit_code(spark_cluster: SparkCluster, tmp_path: Path) -> None:
    """A job that raises makes spark-submit exit with 1."""
    script = tmp_path / "job.py"
    script.write_text("raise SystemExit(1)\n", encoding="utf-8")
    assert spark_cluster.submit(script).returncode == 1


def test_a_local_session_reads_what_it_wrote_to_s3(s3: S3Server, tmp_path: Path) -> None:
    """A session in this process writes Parquet to either server and reads the same rows."""
    path = f"s3a://{s3.new_bucket()}/numbers"
    with local_session(tmp_path, s3_settings(s3)) as spark:
        spark.range(100).write.parquet(path)
        assert sorted(row["id"] for row in spark.read.parquet(path).collect()) == list(range(100))


WORKFLOW = """\
<workflow-app name="greet" xmlns="uri:oozie:workflow:1.0">
    <start to="greet"/>
    <action name="greet">
        <shell xmlns="uri:oozie:shell-action:1.0">
            <resource-manager>${resourceManager}</resource-manager>
            <name-node>${nameNode}</name-node>
            <exec>greet.sh</exec>
            <argument>${whom}</argument>
            <file>${appPath}/greet.sh#greet.sh</file>
            <capture-output/>
        </shell>
        <ok to="end"/>
        <error to="fail"/>
    </action>
    <kill name="fail">
        <message>failed: [${wf:errorMessage(wf:lastErrorNode())}]</message>
    </kill>
    <end name="end"/>
</workflow-app>
"""
SCRIPT = '#!/bin/sh\n[ "$1" != nobody ] || exit 3\necho "greeting=hello $1"\n'


@pytest.fixture
def application(oozie: Oozie) -> Iterator[dict[str, str]]:
    """The properties of a workflow that lies in HDFS."""
    folder = "/apps/test_stack"
    oozie.hdfs.put(f"{folder}/workflow.xml", WORKFLOW.encode())
    oozie.hdfs.put(f"{folder}/greet.sh", SCRIPT.encode())
    path = f"{oozie.name_node}{folder}"
    yield {"oozie.wf.application.path": path, "appPath": path, "whom": "world"}
    oozie.hdfs.delete(folder)


@pytest.mark.oozie
@pytest.mark.slow
def test_a_workflow_runs_its_shell_action(oozie: Oozie, application: dict[str, str]) -> None:
    """A script deployed to HDFS runs in a YARN container, and the server gets its output."""
    assert oozie.hdfs.list("/apps/test_stack") == ["greet.sh", "workflow.xml"]
    assert oozie.hdfs.read("/apps/test_stack/greet.sh").decode() == SCRIPT
    found = oozie.wait(oozie.submit(application))
    assert found["status"] == "SUCCEEDED", oozie.hdfs.container_logs()
    (greet,) = [action for action in found["actions"] if action["name"] == "greet"]
    assert "greeting=hello world" in greet["data"].splitlines()


@pytest.mark.oozie
@pytest.mark.slow
def test_the_oozie_command_submits_and_shows_a_failing_workflow(
    oozie: Oozie, application: dict[str, str], tmp_path: Path
) -> None:
    """`oozie job -run` prints the job's id; a script that exits with 3 leads to the kill node, as `-info` shows."""
    config = tmp_path / "job.properties"
    lines = {**application, "whom": "nobody", "nameNode": oozie.name_node, "resourceManager": oozie.resource_manager}
    config.write_text("".join(f"{name}={value}\n" for name, value in lines.items()), encoding="utf-8")
    ran = oozie.cli("job", "-config", str(config), "-run")
    assert ran.returncode == 0, ran.stderr
    job = ran.stdout.removeprefix("job:").strip()
    found = oozie.wait(job)
    assert found["status"] == "KILLED", json.dumps(found)
    shown = oozie.cli("job", "-info", job).stdout
    assert "@fail" in shown
    assert "KILLED" in shown


@pytest.mark.oozie
@pytest.mark.slow
def test_a_finished_workflow_is_remembered_by_a_killed_server(oozie: Oozie, application: dict[str, str]) -> None:
    """The Oozie server, killed and started again, still knows a job that it had run, and HDFS its files."""
    job = oozie.submit(application)
    ended = oozie.wait(job)["status"]
    oozie.server.kill()
    oozie.server.restart()
    assert oozie.info(job)["status"] == ended == "SUCCEEDED"
    assert oozie.wait(oozie.submit(application))["status"] == "SUCCEEDED"
