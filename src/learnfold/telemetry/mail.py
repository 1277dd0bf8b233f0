"""Sends a mail through the server that the settings name."""

from __future__ import annotations

import smtplib
import socket
import ssl
from email.message import EmailMessage
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from learnfold.errors import StorageError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from urllib.parse import SplitResult

    from learnfold.settings import Settings

SECONDS = 20.0
_PORTS = {"smtp": 25, "smtps": 465}
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}


def addresses(text: str) -> list[str]:
    """The addresses of a list that commas separate; raises UsageError for what can't be one."""
    found = [part.strip() for part in text.split(",") if part.strip()]
    for one in found:
        name, at, domain = one.rpartition("@")
        if not (name and at and domain) or any(char.isspace() or char in '<>"(),:;\\' for char in one):
            raise UsageError(f"{one!r} is no mail address; several are separated by commas")
    return found


def send_mail(to: Sequence[str], subject: str, text: str, settings: Settings) -> None:
    """Sends a plain text; line breaks of the subject become spaces. Raises StorageError where the server doesn't take it."""
    server = _server(settings.smtp_url)
    message = EmailMessage()
    message["From"] = settings.mail_from or f"learnfold@{socket.getfqdn()}"
    message["To"] = ", ".join(to)
    message["Subject"] = " ".join(subject.split())
    message.set_content(text)
    where = f"{server.hostname}:{server.port or _PORTS[server.scheme]}"
    try:
        with _connected(server) as client:
            client.send_message(message)
    except (OSError, smtplib.SMTPException) as error:
        raise StorageError(f"the mail server {where} didn't take a mail: {error}; see LEARNFOLD_SMTP_URL") from error


def _server(url: str) -> SplitResult:
    server = urlsplit(url)
    try:
        known = server.scheme in _PORTS and server.hostname and (server.port is None or server.port > 0)
    except ValueError:
        known = False
    if not known:
        raise UsageError(
            "smtp_url is no address of a mail server; one is called smtp://user:password@mail.example.org:587"
        )
    return server


def _check_private(host: str, *, encrypted: bool) -> None:
    if not encrypted and host not in _LOOPBACK:
        raise smtplib.SMTPException("it offers no TLS, and the password isn't sent without")


def _connected(server: SplitResult) -> smtplib.SMTP:
    """Logged in where there is a user; a password never goes over a line that isn't encrypted, but to this machine."""
    host, port = str(server.hostname), server.port or _PORTS[server.scheme]
    if server.scheme == "smtps":
        client: smtplib.SMTP = smtplib.SMTP_SSL(host, port, timeout=SECONDS, context=ssl.create_default_context())
    else:
        client = smtplib.SMTP(host, port, timeout=SECONDS)
    try:
        client.ehlo()
        encrypted = server.scheme == "smtps"
        if not encrypted and client.has_extn("starttls"):
            client.starttls(context=ssl.create_default_context())
            client.ehlo()
            encrypted = True
        if server.username:
            _check_private(host, encrypted=encrypted)
            client.login(unquote(server.username), unquote(server.password or ""))
    except BaseException:
        client.close()
        raise
    return client
