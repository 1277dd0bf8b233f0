"""The seed's jobs by spark-submit on a real cluster and a real MinIO, from an environment that has only Spark."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from learnfold import catalog
from learnfold.batch.manifest import read_current
from learnfold.batch.request import RunRequest
from learnfold.batch.run import run
from learnfold.generate import Semester, messages
from learnfold.settings import Settings
from learnfold.storage import open_storage
from oracle import KEYS, answers, same
from promises.dataset import Dataset
from promises.views import views_of
from services.ingesting import Sent, learnfold, once
from services.on_spark import SHORT_LIVED
from services.places import bucket
from services.stack.kafka import Kafka
from services.stack.minio import Minio
from services.stack.process import run as run_command
from services.stack.spark import SparkCluster, s3_settings, small_settings, spark_environment, spark_home
from services.test_speed import Watching, differences, settled
from services.test_speed_spark import drawn

pytestmark = [pytest.mark.services, pytest.mark.slow]

ROOT = Path(__file__).parents[2]
JOB = ROOT / "batch_layer" / "jobs" / "video_batch_job.py"
ALL = ROOT / "batch_layer" / "run_batch_jobs.py"
TRACEBACK = "Traceback (most recent call last)"


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """dist/learnfold.zip as ``make zip`` builds it."""
    target = tmp_path_factory.mktemp("dist") / "learnfold.zip"
    subprocess.run([sys.executable, ROOT / "tools" / "build_zip.py", target], check=True, capture_output=True)
    return target


@pytest.fixture(scope="module")
def bare_python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python that has pyspark and py4j, and nothing else: no DuckDB, no obstore, no sqlglot, no learnfold."""
    folder = tmp_path_factory.mktemp("bare")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    (packages,) = folder.glob("lib/python3*/site-packages")
    for name in ("pyspark", "py4j"):
        (packages / name).symlink_to(Path(importlib.import_module(name).__file__).parent)
    return folder / "bin" / "python"


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Kafka]:
    """A broker of its own."""
    with Kafka(tmp_path / "kafka", group_min_session_timeout_ms=1000) as broker:
        yield broker


@pytest.fixture
def as_on_a_spark_machine(bare_python: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No clone is at hand, and Python is the bare one, for the driver and the executors."""
    monkeypatch.delenv("PYTHONPATH", raising=False)
    monkeypatch.setattr("services.stack.spark.spark_environment", lambda: spark_environment() | python_of(bare_python))
    monkeypatch.chdir(tmp_path)


def python_of(python: Path) -> dict[str, str]:
    """The variables that make Spark use that Python."""
    return {"PYSPARK_PYTHON": str(python), "PYSPARK_DRIVER_PYTHON": str(python)}


def alone(script: Path, folder: Path) -> Path:
    """A copy of a job's script without the rest of the clone, as Oozie ships it."""
    copy = folder / script.name
    copy.write_bytes(script.read_bytes())
    return copy


def video_days(root: Path) -> Dataset:
    """Three days of viewings, some twice, one broken, in both shapes."""
    dataset = Dataset(root)
    for day in (1, 2, 3):
        events: list[dict[str, object]] = [
            {
                "event_id": f"e{day}-{number % 37}",
                "event_type": "VIDEO_WATCHED",
                "user_id": f"SV{number % 5:03d}",
                "timestamp": f"2025-12-0{day}T{number % 24:02d}:30:00+07:00",
                "video_id": f"v{number % 4}",
                "course_id": f"c{number % 2}",
                "watch_duration_seconds": number * 7,
            }
            for number in range(40)
        ]
        events.append({"event_type": "VIDEO_WATCHED", "user_id": "SV001", "timestamp": "never"})
        dataset.add(
            "video_topic", events, shape=["flat", "kafka"][day % 2], folder=f"{{topic}}/year=2025/month=12/day=0{day}"
        )
    return dataset


def upload(dataset: Dataset, bucket: str, settings: Settings) -> str:
    """The dataset as a master dataset in a bucket."""
    storage = open_storage(f"s3://{bucket}/master_dataset", settings)
    for file in dataset.root.rglob("*.parquet"):
        with storage.new(file.relative_to(dataset.root).as_posix()) as target:
            target.write_bytes(file.read_bytes())
    return f"s3a://{bucket}/master_dataset"


def settings_for(server: Minio) -> Settings:
    """How this process reaches the server."""
    return Settings(s3_endpoint=server.endpoint, s3_access_key=server.access_key, s3_secret_key=server.secret_key)


def wrong(out: str, dataset: Dataset, settings: Settings) -> list[str]:
    """How the views at the plain paths differ from the oracle's."""
    import pyarrow.parquet as pq

    said, storage, found = answers(dataset.messages), open_storage(out, settings), []
    for view in views_of("video"):
        with storage.local([f"{view}/part-00000.parquet"]) as (file,):
            rows = pq.ParquetFile(file).read().to_pylist()
        found += [f"{view}: {line}" for line in same(said[view], rows, KEYS[view])]
    return found


@pytest.mark.usefixtures("as_on_a_spark_machine")
def test_the_zip_suffices_on_a_cluster_with_s3(
    spark_cluster: SparkCluster, minio: Minio, package: Path, tmp_path: Path
) -> None:
    """The seed's job, one script and the zip, from a Python that has only Spark: its views on MinIO are the contract's."""
    bucket, here = minio.new_bucket(), settings_for(minio)
    dataset = video_days(tmp_path / "days")
    master, out = upload(dataset, bucket, here), f"s3a://{bucket}/batch_views"
    script = alone(JOB, tmp_path)
    done = spark_cluster.submit(script, master, out, "--json", py_files=[package], settings=s3_settings(minio))
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["published"]
    assert report["topics"]["video_topic"]["quarantined"] == {"timestamp can't be read as a time": 3}
    assert wrong(out, dataset, here) == []
    manifest, _ = read_current(open_storage(out, here))
    assert manifest is not None
    assert set(manifest.versions) == {"learnfold", "spark", "python"}
    assert [entry.path for entry in open_storage(out, here).list() if "_staging" in entry.path] == []
    again = run(RunRequest(master, out, ("video",)), catalog.load(), here)
    assert again.batch is None, "to DuckDB, through obstore, nothing is new"
    dataset.add(
        "video_topic",
        [{"event_type": "VIDEO_WATCHED", "user_id": "late", "timestamp": "2025-12-02 10:00:00", "video_id": "v0"}],
        shape="envelope",
        folder="{topic}/year=2025/month=12/day=02",
    )
    upload(dataset, bucket, here)
    third = spark_cluster.submit(script, master, out, py_files=[package], settings=s3_settings(minio))
    assert third.returncode == 0, third.stderr
    assert wrong(out, dataset, here) == []


@pytest.mark.usefixtures("as_on_a_spark_machine")
def test_a_submitted_job_fails_in_plain_words(
    spark_cluster: SparkCluster, minio: Minio, package: Path, tmp_path: Path
) -> None:
    """No events, no bucket, wrong keys: one message, no traceback, and spark-submit's exit code says so."""
    bucket, script = minio.new_bucket(), alone(ALL, tmp_path)
    reached = s3_settings(minio)
    for master, more, told in (
        (f"s3a://{bucket}/master_dataset", {}, "there are no events at"),
        ("s3a://no-such-bucket-of-ours/master_dataset", {}, "there is no such bucket"),
        (f"s3a://{bucket}/master_dataset", {"spark.hadoop.fs.s3a.secret.key": "wrong"}, "Spark isn't let in to S3"),
    ):
        out = f"s3a://{bucket}/batch_views"
        done = spark_cluster.submit(script, "video", master, out, py_files=[package], settings=reached | more)
        assert done.returncode == 1
        (ours,) = [line for line in done.stdout.splitlines() if line.startswith("run_batch_jobs.py: ")]
        assert told in ours  # spark-submit sends a Python driver's errors to its own output
        assert TRACEBACK not in done.stdout
        assert TRACEBACK not in done.stderr


def test_the_zip_holds_no_native_code_and_imports_none(package: Path, bare_python: Path, tmp_path: Path) -> None:
    """All that a Spark run imports comes from the zip or Python itself, and time zones are known where the machine has none."""
    with zipfile.ZipFile(package) as archive:
        assert [name for name in archive.namelist() if name.endswith((".so", ".pyd"))] == []
    code = (
        "import sys, zoneinfo; zoneinfo.reset_tzpath(()); sys.path.insert(0, sys.argv[1]);"
        "from learnfold import catalog; from learnfold.settings import Settings;"
        "import learnfold.cli.predecessor, learnfold.batch.run, learnfold.engines.spark, learnfold.storage.hadoop;"
        "import learnfold.cli.speed, learnfold.speed.stream, learnfold.engines.spark.stream;"
        "Settings(platform_zone='Asia/Ho_Chi_Minh'); print(len(catalog.load().views));"
        "print(sorted({'duckdb', 'obstore', 'numpy', 'pandas', 'pyarrow'} & {name.partition('.')[0] for name in sys.modules}))"
    )
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [bare_python, "-c", code, package], capture_output=True, text=True, cwd=tmp_path, env=environment, check=False
    )
    assert (done.returncode, done.stdout.split("\n")) == (0, [str(len(catalog.load().views)), "[]", ""]), done.stderr


@pytest.mark.usefixtures("as_on_a_spark_machine")
def test_the_zip_suffices_to_stream(
    spark_cluster: SparkCluster, minio: Minio, broker: Kafka, package: Path, tmp_path: Path
) -> None:
    """Kafka's messages into parts on MinIO, with a checkpoint there, by a cluster; what takes them answers as the oracle says."""
    place = bucket(minio)
    master, out, parts = (place.below(name, "s3a") for name in ("master", "views", "parts"))
    for topic in catalog.load().topics:
        broker.create_topic(topic, 2)
    sent = Sent(broker.bootstrap_servers)
    sent.send(messages(Semester(events=1000, days=3, seed=5)))
    once(broker, master, tmp_path / "ingest.log")
    run(RunRequest(master.url, out.url), catalog.load(), place.settings(threads=1))
    sent.send(drawn("video_topic"))
    script = tmp_path / "job.py"
    script.write_text("import sys; from learnfold.cli import main; sys.exit(main())", encoding="utf-8")
    flags = ["--parts", parts.url, "--checkpoint", f"{place.url}/checkpoints", "--kafka", broker.bootstrap_servers]
    command = ["speed", out.url, "--engine", "spark", *flags, "--once", "--json"]
    done = spark_cluster.submit(script, *command, py_files=[package], settings=s3_settings(minio))
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout[done.stdout.index("{\n") :])["stopped"] == {}, (
        done.stdout
    )  # behind the lines of its log
    took = ["--parts", parts.url, "--state", str(tmp_path / "state"), "--once", "--json"]
    report = json.loads(learnfold("speed", out.url, *took, environment=place.environment))
    assert (report["blocked"], report["waiting"]) == ({}, 0)
    watching = Watching(tmp_path)
    assert settled(watching, sent)
    assert differences(watching, sent, "") == []


SHOWN = """
import os, sys
from pathlib import Path
from learnfold.engines.spark.session import open_session
from learnfold.settings import Settings

os.umask(0o027)
settings = Settings(engine="spark", executor_memory="700m", executor_cores=1, num_executors=2, driver_memory="900m",
                    shuffle_partitions=7, default_parallelism=5, spark_master=sys.argv[1])
held = open_session(settings, [])
conf = held.spark.sparkContext.getConf()
names = ["spark.master", "spark.executor.memory", "spark.executor.cores", "spark.executor.instances", "spark.cores.max",
         "spark.driver.memory", "spark.default.parallelism"]
print([conf.get(name) for name in names], held.spark.conf.get("spark.sql.shuffle.partitions"))
print(held.jvm.java.lang.Runtime.getRuntime().maxMemory() // 1024**2 // 100)
held.spark.range(3).write.parquet("written")
print(sorted({f"{path.stat().st_mode & 0o777:o}" for path in Path("written").glob("**/*")}))
held.close()
"""


def test_the_settings_take_effect(tmp_path: Path) -> None:
    """The seed's settings of Spark, where nothing else decided; files get the permissions of the process's umask."""
    script = tmp_path / "shown.py"
    script.write_text(SHOWN, encoding="utf-8")
    done = run_command([sys.executable, str(script), "local[1]"], spark_environment(), tmp_path)
    assert done.stdout.splitlines() == ["['local[1]', '700m', '1', '2', None, '900m', '5'] 7", "9", "['640']"], (
        done.stderr
    )


def test_the_options_of_spark_submit_win(spark_cluster: SparkCluster, package: Path, tmp_path: Path) -> None:
    """What it was told stays; what it wasn't is as the settings say."""
    script = tmp_path / "shown.py"
    script.write_text(SHOWN, encoding="utf-8")
    done = spark_cluster.submit(
        script,
        "local[1]",
        py_files=[package],
        settings={"spark.executor.cores": "2", "spark.default.parallelism": "3"},
    )
    told = f"['{spark_cluster.url}', '512m', '2', '2', '2', '512m', '3'] 2"
    assert done.stdout.splitlines()[0] == told, done.stderr


def test_a_job_on_this_machine_needs_no_spark_submit(minio: Minio, tmp_path: Path) -> None:
    """``learnfold run --engine spark`` on s3a:// paths, with the jars that 'learnfold jars' fetched and the usual variables."""
    bucket, here = minio.new_bucket(), settings_for(minio)
    dataset = video_days(tmp_path / "days")
    master, out = upload(dataset, bucket, here), f"s3a://{bucket}/batch_views"
    jars = small_settings(tmp_path)["spark.driver.extraClassPath"].removesuffix("/*")
    environment = {
        **spark_environment(),
        **minio.aws_environment(),
        "LEARNFOLD_SPARK_JARS": jars,
        "LEARNFOLD_SPARK_MASTER": "local[2]",
        "LEARNFOLD_DRIVER_MEMORY": "1g",
        "LEARNFOLD_DRIVER_EVENTS": "0",
        "LEARNFOLD_DRIVER_ROWS": "0",
        "JAVA_TOOL_OPTIONS": SHORT_LIVED["spark.driver.extraJavaOptions"],
    }
    command = [sys.executable, "-m", "learnfold", "run", master, out, "--job", "video", "--engine", "spark"]
    done = run_command(command, environment, tmp_path)
    assert done.returncode == 0, done.stderr
    assert wrong(out, dataset, here) == []
    assert minio.secret_key not in done.stdout + done.stderr


def test_without_the_jars_it_is_said_how_to_get_them(tmp_path: Path) -> None:
    """A message, not Java's."""
    environment = {**spark_environment(), "LEARNFOLD_CACHE": str(tmp_path), "LEARNFOLD_DRIVER_MEMORY": "900m"}
    environment |= {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_ENDPOINT_URL": "http://127.0.0.1:9"}
    code = (
        "from learnfold.engines.spark.session import open_session; from learnfold.settings import Settings;"
        "from learnfold.errors import MissingPartError\n"
        "try: open_session(Settings(engine='spark'), ['s3://bucket'])\n"
        "except MissingPartError as error: print(error)"
    )
    done = run_command([sys.executable, "-c", code], environment, tmp_path)
    assert "Spark lacks the jars for S3. 'learnfold jars' fetches them" in done.stdout, done.stderr
    assert (
        f"hadoop-aws:{next(spark_home().glob('jars/hadoop-client-api-*.jar')).stem.rpartition('-')[2]}" in done.stdout
    )
