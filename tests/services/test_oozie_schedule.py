"""The coordinator and the seed's operations on it, with a workflow that takes no time in place of the batch."""

from __future__ import annotations

import socketserver
import threading
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from learnfold import catalog
from learnfold.oozie import oozie_files
from learnfold.schedule.frequency import FREQUENCIES
from learnfold.settings import Settings
from services.oozie_batch import Application, actions, close
from services.places import Place
from services.stack.minio import Minio
from services.stack.oozie import SMTP_PORT, Oozie

pytestmark = [pytest.mark.oozie, pytest.mark.slow]

QUICK = """\
<workflow-app name="quick" xmlns="uri:oozie:workflow:1.0">
    <start to="folder"/>
    <action name="folder">
        <fs><mkdir path="${appPath}/days/${day}"/></fs>
        <ok to="end"/>
        <error to="fail"/>
    </action>
    <kill name="fail"><message>failed</message></kill>
    <end name="end"/>
</workflow-app>
"""
TODAY = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def midnight(days: int) -> str:
    """Of so many days from now, as Oozie writes it."""
    return (TODAY + timedelta(days=days)).strftime("%Y-%m-%dT%H:%MZ")


def day(days: int) -> date:
    """So many days from now."""
    return (TODAY + timedelta(days=days)).date()


@pytest.fixture
def application(oozie: Oozie, minio: Minio, request: pytest.FixtureRequest) -> Iterator[Application]:
    """The coordinator as it is generated, over the quick workflow."""
    place = Place(f"s3://{minio.new_bucket()}", minio.aws_environment(), minio)
    found = Application(oozie, place, f"/user/me/{request.node.name.partition('[')[0]}")
    files = oozie_files(catalog.load(), Settings(), FREQUENCIES["daily"])
    oozie.hdfs.put(f"{found.folder}/coordinator.xml", files["coordinator.xml"].encode())
    oozie.hdfs.put(f"{found.folder}/workflow.xml", QUICK.encode())
    yield found
    oozie.hdfs.delete(found.folder)


def start(application: Application, first: int, last: int) -> str:
    """A coordinator from one midnight to another, submitted by the seed's command; its id."""
    config = Path(__file__).parents[2] / "batch_layer" / "oozie" / "job.properties"
    flags = application.flags(start=midnight(first), end=midnight(last))
    return application.run(["job", "-config", str(config), *flags, "-run"])


def days(application: Application) -> list[str]:
    """The days that the workflow was run for."""
    return application.oozie.hdfs.list(f"{application.folder}/days")


def test_days_are_caught_up_in_order_and_one_that_is_not_closed_is_waited_for(application: Application) -> None:
    """Of three nights two are closed and run, the third waits for its flag on MinIO, runs when it comes, and all is done."""
    master = application.place.below("master_dataset").open()
    for closed in (-3, -2):
        close(master, day(closed))
    job = start(application, -2, 1)
    waiting = ["SUCCEEDED", "SUCCEEDED", "WAITING"]
    assert application.until(job, lambda found: found == waiting) == waiting
    assert days(application) == [day(-3).isoformat(), day(-2).isoformat()]
    found = application.oozie.info(job)["actions"]
    assert found[0]["lastModifiedTime"] <= found[1]["lastModifiedTime"]
    close(master, day(-1))
    assert application.until(job, lambda found: found == ["SUCCEEDED"] * 3) == ["SUCCEEDED"] * 3
    assert application.status(job, "SUCCEEDED") == "SUCCEEDED"
    assert days(application)[-1] == day(-1).isoformat()


def test_a_coordinator_is_suspended_resumed_rerun_and_killed(application: Application) -> None:
    """By the seed's commands: while suspended a closed day doesn't run; a day is run again; killed, no more does."""
    cli, master = application.oozie.cli, application.place.below("master_dataset").open()
    close(master, day(-3))
    job = start(application, -2, 30)
    assert application.until(job, lambda found: found[:2] == ["SUCCEEDED", "WAITING"])[:2] == ["SUCCEEDED", "WAITING"]
    assert cli("job", "-suspend", job).returncode == 0
    assert application.status(job, "SUSPENDED") == "SUSPENDED"
    close(master, day(-2))
    assert application.until(job, lambda found: found[1] == "SUCCEEDED", 15)[1] != "SUCCEEDED"
    assert cli("job", "-resume", job).returncode == 0
    assert application.until(job, lambda found: found[1] == "SUCCEEDED")[1] == "SUCCEEDED"
    application.oozie.hdfs.delete(f"{application.folder}/days/{day(-3)}")
    again = cli("job", "-rerun", job, "-action", "1")
    assert again.returncode == 0, again.stderr
    assert application.until(job, lambda _: day(-3).isoformat() in days(application))[0] in {"RUNNING", "SUCCEEDED"}
    assert day(-3).isoformat() in days(application)
    assert job in cli("jobs", "-jobtype", "coordinator").stdout
    assert "SUCCEEDED" in cli("job", "-info", job).stdout
    assert f"JOB[{job}]" in cli("job", "-log", job).stdout
    assert cli("job", "-kill", job).returncode == 0
    assert application.status(job, "KILLED") == "KILLED"


def alerts(found: dict[str, Any]) -> dict[str, str]:
    """The messages of a workflow, by their actions."""
    return {name: status for name, status in actions(found).items() if name.endswith("_alert")}


class Mail(socketserver.ThreadingTCPServer):
    """A mail server that keeps what it gets."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self) -> None:
        self.got: list[str] = []
        super().__init__(("127.0.0.1", SMTP_PORT), MailHandler)


class MailHandler(socketserver.StreamRequestHandler):
    """Enough of SMTP to be sent a message."""

    def handle(self) -> None:
        self.wfile.write(b"220 here\r\n")
        for line in self.rfile:
            word = line[:4].upper().strip()
            if word == b"DATA":
                self.wfile.write(b"354 go on\r\n")
                message = []
                for part in self.rfile:
                    if part == b".\r\n":
                        break
                    message.append(part.decode())
                self.server.got.append("".join(message))  # type: ignore[attr-defined]
            self.wfile.write(b"221 bye\r\n" if word == b"QUIT" else b"250 ok\r\n")
            if word == b"QUIT":
                return


def test_a_failure_is_told_by_mail_and_web_if_the_properties_say_so(application: Application, tmp_path: Path) -> None:
    """The workflow's own failure path: with alertEmail a message names the job that failed, without there is none; so for the web."""
    called: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            called.append(self.path)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    web, mail = HTTPServer(("127.0.0.1", 0), Handler), Mail()
    for server in (web, mail):
        threading.Thread(target=server.serve_forever, daemon=True).start()
    text = oozie_files(catalog.load(), Settings(), FREQUENCIES["daily"])["workflow.xml"]
    # every job fails at once, before Spark: its script isn't there
    application.oozie.hdfs.put(
        f"{application.folder}/workflow.xml", text.replace('retry-max="2"', 'retry-max="0"').encode()
    )
    words = application.workflow_words(tmp_path / "job.properties")
    address = f"http://127.0.0.1:{web.server_port}/?job=$jobId&status=$status"
    told = ["-DalertEmail=operator@example.org", f"-Doozie.wf.workflow.notification.url={address}"]
    try:
        silent = application.oozie.wait(application.run([*words, "-run"]), 120)
        assert silent["status"] == "KILLED"
        assert not alerts(silent)
        assert (mail.got, called) == ([], [])
        job = application.run([*words, *told, "-run"])
        loud = application.oozie.wait(job, 120)
        end = time.monotonic() + 60  # the web is told a little later
        while not any("KILLED" in path for path in called) and time.monotonic() < end:
            time.sleep(0.2)
    finally:
        for server in (web, mail):
            server.shutdown()
            server.server_close()
    assert loud["status"] == "KILLED"
    assert "OK" in alerts(loud).values()  # all fail at once here; the first message ends the others
    assert "To: operator@example.org" in mail.got[0]
    assert "_batch_job" in mail.got[0]
    assert any(f"job={job}" in path and "status=KILLED" in path for path in called)


def test_an_application_that_is_not_there_is_refused(application: Application) -> None:
    """At once, with E0307 and the place, as the operator's page says."""
    config = Path(__file__).parents[2] / "batch_layer" / "oozie" / "job.properties"
    place = f"{application.oozie.name_node}/user/me/nowhere"
    done = application.oozie.cli("job", "-config", str(config), f"-DappPath={place}", "-run")
    assert done.returncode != 0
    assert "E0307" in done.stdout + done.stderr
    assert place in done.stdout + done.stderr
