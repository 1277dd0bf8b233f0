"""Whoever is to know of a failed run is told once, and when it is well again: over real HTTP and a real mail server."""

from __future__ import annotations

import json
import signal
import socket
import socketserver
import threading
from collections.abc import Iterator
from email import message_from_string
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from seen import watched, write

from learnfold import catalog
from learnfold.batch.request import RunRequest
from learnfold.batch.run import run
from learnfold.cli import main
from learnfold.errors import CheckError, DataError, LearnfoldError, StorageError, UsageError
from learnfold.settings import Settings
from learnfold.storage.folder import FolderStorage
from learnfold.telemetry import webhook
from learnfold.telemetry.alerts import Alerts, Work
from learnfold.telemetry.mail import addresses, send_mail
from learnfold.telemetry.reporter import Reporter
from learnfold.telemetry.webhook import post_json

VIDEO = Work(("video",), "s3://bucket/views")


class Hook:
    """A web server that notes what it is sent."""

    def __init__(self) -> None:
        self.got: list[dict[str, object]] = []
        self.status = 200
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                hook.got.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(hook.status)
                self.send_header("Location", "http://127.0.0.1:1/")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook?key=secret"


@pytest.fixture
def hook() -> Iterator[Hook]:
    """It runs."""
    made = Hook()
    threading.Thread(target=made.server.serve_forever, daemon=True).start()
    yield made
    made.server.shutdown()
    made.server.server_close()


class Mails(socketserver.StreamRequestHandler):
    """As much of SMTP as takes a mail: no TLS, any user."""

    def handle(self) -> None:
        """One client."""
        self.say("220 here")
        while line := self.rfile.readline().decode():
            word = line.split()[0].upper()
            if word == "DATA":
                self.say("354 go on")
                text = ""
                while (part := self.rfile.readline().decode()) != ".\r\n":
                    text += part
                self.server.mails.append(text)
                self.say("250 taken")
            elif word == "EHLO":
                self.wfile.write(b"250-here\r\n250 AUTH PLAIN\r\n")
            elif word == "AUTH":
                self.server.logins.append(line.strip())
                self.say("235 welcome")
            else:
                self.say("221 bye" if word == "QUIT" else "250 well")

    def say(self, text: str) -> None:
        self.wfile.write(text.encode() + b"\r\n")


@pytest.fixture
def mails() -> Iterator[socketserver.ThreadingTCPServer]:
    """A mail server on loopback."""
    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Mails)
    server.mails, server.logins = [], []  # type: ignore[attr-defined]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def test_a_failure_is_told_once_and_its_end_once(hook: Hook, tmp_path: Path) -> None:
    """A run of a broken dataset, again, then a whole one, again: two messages, of what failed, why, where."""
    master, out = tmp_path / "master", tmp_path / "out"
    file = write(master, "video_topic", watched(5))
    whole = file.read_bytes()
    file.write_bytes(whole[:100])
    settings, request = Settings(alert_url=hook.url), RunRequest(str(master), str(out), ("video",))
    for _ in range(2):
        with pytest.raises(DataError):
            run(request, catalog.load(), settings)
    file.write_bytes(whole)
    for _ in range(2):
        run(request, catalog.load(), settings)
    assert [(one["status"], one["parts"], one["place"]) for one in hook.got] == [
        ("failed", ["video"], str(out)),
        ("recovered", ["video"], str(out)),
    ]
    assert str(hook.got[0]["detail"]).startswith("DataError: ")
    assert "video" in str(hook.got[0]["text"])


def test_a_second_failure_after_a_success_is_told(hook: Hook, tmp_path: Path) -> None:
    """And of jobs that run apart, each for itself."""
    alerts, notes = Alerts(Settings(alert_url=hook.url)), FolderStorage(str(tmp_path))
    auth = Work(("auth",), "views")
    for work in (VIDEO, auth, VIDEO):
        alerts.failed(work, StorageError("no room"), notes)
    alerts.well(VIDEO, notes)
    alerts.well(VIDEO, notes)
    alerts.failed(VIDEO, StorageError("no room"), notes)
    assert [(one["status"], one["parts"]) for one in hook.got] == [
        ("failed", ["video"]),
        ("failed", ["auth"]),
        ("recovered", ["video"]),
        ("failed", ["video"]),
    ]


def test_nothing_of_an_event_is_told(hook: Hook, tmp_path: Path) -> None:
    """A broken check shows rows in the run's own message; the webhook gets the first line."""
    error = CheckError("a check is broken:\n  video_popularity: x, for example\n    user_id=alice")
    Alerts(Settings(alert_url=hook.url)).failed(VIDEO, error, FolderStorage(str(tmp_path)))
    assert "alice" not in json.dumps(hook.got)


def test_who_could_not_be_told_is_told_next_time(hook: Hook, tmp_path: Path) -> None:
    """A webhook that refuses: said to the run's caller without the address' key, and not noted as told."""
    alerts, notes = Alerts(Settings(alert_url=hook.url)), FolderStorage(str(tmp_path))
    hook.status = 500
    (problem,) = alerts.failed(VIDEO, StorageError("no room"), notes)
    assert "127.0.0.1 answered 500" in problem
    assert "secret" not in problem
    hook.status = 200
    assert alerts.failed(VIDEO, StorageError("no room"), notes) == []
    assert len(hook.got) == 2
    assert alerts.failed(VIDEO, StorageError("no room"), notes) == []
    assert len(hook.got) == 2


def test_a_problem_of_telling_fails_no_run(tmp_path: Path) -> None:
    """It is one line beside the run's own error."""
    said: list[str] = []

    class Said(Reporter):
        def problem(self, message: str) -> None:
            said.append(message)

    settings = Settings(alert_url="http://127.0.0.1:1/x", alert_mail="a@b", smtp_url="smtp://127.0.0.1:1")
    request = RunRequest(str(tmp_path / "nothing"), str(tmp_path / "out"), ("video",))
    with pytest.raises(LearnfoldError, match="no master dataset"):
        run(request, catalog.load(), settings, Said())
    assert len(said) == 2


def test_mail_is_sent_to_each_address(mails: socketserver.ThreadingTCPServer, tmp_path: Path) -> None:
    """With what failed in the subject; the same server is logged in to where there is a user."""
    server = f"smtp://me:p%40ss@127.0.0.1:{mails.server_address[1]}"
    settings = Settings(alert_mail="one@example.org, two@example.org", smtp_url=server, mail_from="lf@example.org")
    notes = FolderStorage(str(tmp_path))
    assert Alerts(settings).failed(VIDEO, StorageError("no room\nsecond line"), notes) == []
    assert Alerts(settings).well(VIDEO, notes) == []
    first, second = map(message_from_string, mails.mails)
    assert (first["To"], first["From"]) == ("one@example.org, two@example.org", "lf@example.org")
    assert first["Subject"] == "learnfold run failed: video"
    assert "no room" in first.get_payload()
    assert "second line" not in first.get_payload()
    assert second["Subject"] == "learnfold run is well again: video"
    assert len(mails.logins) == 2


def test_no_header_can_be_slipped_into_a_mail(mails: socketserver.ThreadingTCPServer) -> None:
    """A subject of two lines becomes one; an address of two is refused."""
    settings = Settings(smtp_url=f"smtp://127.0.0.1:{mails.server_address[1]}")
    send_mail(["a@b.c"], "one\r\nBcc: evil@example.org", "text", settings)
    sent = message_from_string(mails.mails[0])
    assert sent["Subject"] == "one Bcc: evil@example.org"
    assert sent["Bcc"] is None
    for text in ("a@b\r\nBcc: c@d", "a b@c", "<a@b>", "a@", "@b", "plain"):
        with pytest.raises(UsageError, match="no mail address"):
            addresses(text)


@pytest.mark.parametrize("url", ["mail.example.org", "http://x", "smtp://", "smtp://host:port", "smtp://host:0"])
def test_a_mail_server_that_is_none_is_refused(url: str) -> None:
    """Without showing the setting, which may hold a password."""
    with pytest.raises(UsageError, match="smtp_url is no address"):
        send_mail(["a@b.c"], "subject", "text", Settings(smtp_url=url))


def test_a_password_is_not_sent_in_the_clear(
    monkeypatch: pytest.MonkeyPatch, mails: socketserver.ThreadingTCPServer
) -> None:
    """To another machine that offers no TLS; to this one it is."""
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [(2, 1, 6, "", ("127.0.0.1", mails.server_address[1]))])
    settings = Settings(smtp_url=f"smtp://me:secret@mail.example.org:{mails.server_address[1]}")
    with pytest.raises(StorageError, match="offers no TLS") as raised:
        send_mail(["a@b.c"], "subject", "text", settings)
    assert "secret" not in str(raised.value)
    assert mails.logins == []


@pytest.mark.parametrize(
    "url",
    [
        "ftp://host/",
        "file:///etc/passwd",
        "http://",
        "no address",
        "http://host:port/",
        "http://h/a b",
        "http://h/\r\nX: y",
    ],
)
def test_an_address_that_is_none_is_refused(url: str) -> None:
    """Before anything is sent."""
    with pytest.raises(UsageError):
        post_json(url, {})


def test_the_metadata_service_is_never_told(monkeypatch: pytest.MonkeyPatch, hook: Hook) -> None:
    """Whatever name leads there: it is the address that was connected to that counts."""
    port = hook.server.server_port

    class Lies(socket.socket):
        def getpeername(self) -> tuple[str, int]:
            return ("169.254.169.254", port)

    def connect(address: tuple[str, int], *_: object, **__: object) -> socket.socket:
        made = Lies(socket.AF_INET, socket.SOCK_STREAM)
        made.connect(("127.0.0.1", port))
        return made

    monkeypatch.setattr(webhook.socket, "create_connection", connect)
    with pytest.raises(UsageError, match="where a machine's keys are given out"):
        post_json("http://innocent.example.org/", {})
    assert hook.got == []


def test_a_redirect_is_not_followed(hook: Hook) -> None:
    """It could lead where the operator didn't say."""
    hook.status = 302
    with pytest.raises(StorageError, match="answered 302"):
        post_json(hook.url, {})


@pytest.mark.slow
def test_an_ingestion_that_ends_by_an_error_is_sent_once(
    hook: Hook, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Kafka that can't be reached, twice: one alert, of the master dataset that waits for it."""
    monkeypatch.setenv("LEARNFOLD_ALERT_URL", hook.url)
    command = ["ingest", "--into", str(tmp_path / "master"), "--servers", "127.0.0.1:1", "--give-up", "0"]
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        assert [main(command), main(command)] == [1, 1]
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
    assert [(one["status"], one["kind"], one["place"]) for one in hook.got] == [
        ("failed", "ingestion", str(tmp_path / "master"))
    ]
