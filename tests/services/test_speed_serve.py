"""``learnfold serve --kafka``: one command follows Kafka and answers, and who sent a message can read it."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from learnfold import catalog
from learnfold.batch.request import RunRequest
from learnfold.batch.run import run
from learnfold.settings import Settings
from services.ingesting import Sent, event, once, wait_for
from services.places import Place
from services.stack.kafka import Kafka
from services.stack.service import free_ports

pytestmark = [pytest.mark.services, pytest.mark.slow]

VIEW = "video_total_watch_time"


def test_one_command_follows_and_answers(tmp_path: Path) -> None:
    """What was sent after the batch is answered once it is in; the process that follows ends with the one that serves."""
    with Kafka(tmp_path / "kafka", group_min_session_timeout_ms=1000) as broker:
        for topic in catalog.load().topics:
            broker.create_topic(topic)
        sent, master, out = Sent(broker.bootstrap_servers), Place(str(tmp_path / "master")), tmp_path / "out"
        sent.send(
            [("video_topic", None, event(1, user_id="u", video_id="v", course_id="c", watch_duration_seconds=10))]
        )
        once(broker, master, tmp_path / "ingest.log")
        run(RunRequest(master.url, str(out)), catalog.load(), Settings(threads=1))
        (port,) = free_ports(1)
        log = tmp_path / "serve.log"
        flags = ["--open", "--port", str(port), "--kafka", broker.bootstrap_servers, "--state", str(tmp_path / "state")]
        with log.open("w", encoding="utf-8") as file:
            process = subprocess.Popen(
                [sys.executable, "-m", "learnfold", "serve", str(out), *flags],
                env=Place("").process_environment(LEARNFOLD_THREADS="1"),
                stderr=file,
            )
        try:
            wait_for(lambda: "is added to it" in log.read_text("utf-8"), lambda: log.read_text("utf-8"))
            more = event(2, user_id="u", video_id="v", course_id="c", watch_duration_seconds=5)
            sent.send([("video_topic", None, more)])
            address = f"http://127.0.0.1:{port}/v1/views/{VIEW}/key/u/v/c?at_least=video_topic:0:1&wait=10000ms"
            with urllib.request.urlopen(address, timeout=60) as answer:
                found = json.load(answer)
            assert found["row"]["total_watch_seconds"] == 15
            assert found["live"]["offsets"]["video_topic"] == {"0": 2}
        finally:
            process.terminate()
            process.wait(60)
        said = log.read_text("utf-8")
        assert "Traceback" not in said, said
        # whoever follows has left the folder to others
        again = [
            "speed",
            str(out),
            "--state",
            str(tmp_path / "state"),
            "--kafka",
            broker.bootstrap_servers,
            "--once",
            "--json",
        ]
        done = subprocess.run(
            [sys.executable, "-m", "learnfold", *again],
            env=Place("").process_environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["events"] == 1
