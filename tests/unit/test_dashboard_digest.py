"""The weekly mail says what the course's page says, and goes to those who are named."""

from __future__ import annotations

import html
import re
import socketserver
import threading
from email import message_from_string
from email.policy import default
from typing import TYPE_CHECKING

import pytest
from dashboards import semester, shown
from test_alerts import Mails

from learnfold.cli import main

if TYPE_CHECKING:
    from collections.abc import Iterator

    from small_place import Place


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """A made-up semester."""
    return semester(tmp_path_factory.mktemp("digest"), events=6_000)


@pytest.fixture
def mails() -> Iterator[socketserver.ThreadingTCPServer]:
    """A mail server on loopback."""
    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Mails)
    server.mails, server.logins = [], []  # type: ignore[attr-defined]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def test_a_mail_says_what_the_page_says(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    """Its sentences, its numbers, its batch, and a link to the week."""
    words = [
        "digest",
        str(place.out),
        "--course",
        "CS101",
        "--week",
        "2025-10-08",
        "--address",
        "https://views.example/",
    ]
    assert main([*words, "--print"]) == 0
    text = capsys.readouterr().out
    assert text.startswith("CS101, Week 6: 6 Oct – 12 Oct 2025\n\n- ")
    assert "\nhttps://views.example/c/CS101?week=2025-10-06&lang=en\n" in text
    with shown(place.out) as client:
        page = html.unescape(client.get("/c/CS101?week=2025-10-06").text)
    for sentence in re.findall(r"^- (.+)$", text, re.MULTILINE):
        assert f">{sentence}</li>" in page
    numbers = re.findall(r"^(?:Handed in|Hours of video): ([\d,.]+)", text, re.MULTILINE)
    assert len(numbers) == 2
    assert all(f'<p class="big">{number}</p>' in page for number in numbers)
    assert re.search(r"batch|Batch", text)


@pytest.mark.slow
def test_a_page_shows_the_mail_before_it_is_sent(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    """Word for word, in each language and of the week that the address names."""
    for language in ("en", "vi"):
        words = ["digest", str(place.out), "--course", "CS101", "--week", "2025-10-08", "--language", language]
        assert main([*words, "--print"]) == 0
        sent = capsys.readouterr().out
        with shown(place.out) as client:
            page = client.get(f"/c/CS101/mail?week=2025-10-08&lang={language}").text
        found = re.search(r'<pre class="mail">(.*?)</pre>', page, re.DOTALL)
        assert found
        assert html.unescape(found[1]).strip() == sent.strip()
    with shown(place.out) as client:
        assert client.get("/c/NONE/mail").status_code == 404


def test_a_mail_is_sent_in_the_language_of_its_readers(
    place: Place, mails: socketserver.ThreadingTCPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To each address, with the course and the week as its subject."""
    monkeypatch.setenv("LEARNFOLD_SMTP_URL", f"smtp://127.0.0.1:{mails.server_address[1]}")
    to = "one@example.org,two@example.org"
    assert main(["digest", str(place.out), "--course", "CS101", "--language", "vi", "--to", to]) == 0
    (sent,) = [message_from_string(text, policy=default) for text in mails.mails]
    assert sent["To"] == "one@example.org, two@example.org"
    assert sent["Subject"].startswith("CS101, Tuần ")
    assert "Bài đã nộp: " in sent.get_content()


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["--course", "NOPE", "--print"], 1, "there is no such course"),
        (["--course", "CS101", "--week", "soon", "--print"], 2, "a date such as 2025-11-17"),
        (["--course", "CS101", "--to", "nobody"], 2, "is no mail address"),
        (["--course", "CS101"], 2, "--to"),
    ],
)
def test_what_can_t_be_mailed_is_said(
    place: Place, capsys: pytest.CaptureFixture[str], words: list[str], code: int, told: str
) -> None:
    """A course that isn't there, a week that is none, an address that is none, nobody."""
    try:
        found = main(["digest", str(place.out), *words])
    except SystemExit as error:
        found = error.code
    assert found == code
    assert told in capsys.readouterr().err
