"""Alerts without Prometheus: a webhook or a mail about a run that failed, once a failure, and when it succeeds again."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

from learnfold.addresses import without_secrets
from learnfold.errors import LearnfoldError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from learnfold.settings import Settings

_MOST = 500


class Notes(Protocol):
    """Where it is recorded what was sent; a storage is one."""

    def read(self, path: str) -> bytes | None:
        """What stands there; None: nothing."""
        ...

    def write(self, path: str, data: bytes) -> object:
        """Puts it there."""
        ...

    def delete(self, paths: Sequence[str]) -> object:
        """Removes what stands there."""
        ...


@dataclass(frozen=True)
class Message:
    """What is sent."""

    status: str  # failed or recovered
    title: str
    detail: str


@dataclass(frozen=True)
class Work:
    """What failed or is well again: its parts (the jobs of a run), and the place that it makes."""

    parts: tuple[str, ...]
    place: str
    kind: str = "run"

    def path(self, part: str) -> str:
        """Where it is recorded, below the place, that a failure of the part was sent."""
        return f"_alerts/{self.kind}-{part}.json"


class Alerts:
    """Sends as the settings say. What goes wrong is returned as text, and fails nothing."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._ways = [
            way for way, wanted in ((self._post, settings.alert_url), (self._mail, settings.alert_mail)) if wanted
        ]

    def failed(self, work: Work, error: BaseException, notes: Notes | None) -> list[str]:
        """Sends a failure, unless one was sent already and the part hasn't succeeded since; returns what went wrong with sending."""
        if not self._ways:
            return []
        known = self._recorded(work, notes)
        new = [part for part in work.parts if part not in known]
        if not new:
            return []
        reason = (str(error).splitlines() or [""])[0][:_MOST]  # the first line alone: others may show events of people
        message = Message(
            "failed",
            f"learnfold {work.kind} failed: {', '.join(new)}",
            without_secrets(f"{type(error).__name__}: {reason}"),
        )
        problems = self._send(message, work)
        if notes is not None and len(problems) < len(self._ways):  # somebody got it
            content = json.dumps({"failed_at": _now()}).encode()
            problems += [_tried(notes.write, work.path(part), content) for part in new]
        return [problem for problem in problems if problem]

    def well(self, work: Work, notes: Notes) -> list[str]:
        """Sends that the parts whose failure was sent succeed again; returns what went wrong with sending."""
        known = self._recorded(work, notes) if self._ways else {}
        if not known:
            return []
        title = f"learnfold {work.kind} is well again: {', '.join(known)}"
        problems = self._send(Message("recovered", title, f"It had failed since {min(known.values())}."), work)
        if len(problems) < len(self._ways):
            problems.append(_tried(notes.delete, [work.path(part) for part in known]))
        return [problem for problem in problems if problem]

    def _recorded(self, work: Work, notes: Notes | None) -> dict[str, str]:
        """Since when each part fails whose failure was sent."""
        found = {}
        for part in work.parts if notes is not None else ():
            try:
                data = notes.read(work.path(part)) if notes is not None else None
                if data is not None:
                    found[part] = str(json.loads(data)["failed_at"])
            except (LearnfoldError, ValueError, KeyError, TypeError):
                continue  # rather sent twice than never
        return found

    def _send(self, message: Message, work: Work) -> list[str]:
        """What went wrong, one text for each way that failed."""
        problems = []
        for way in self._ways:
            try:
                way(message, work)
            except LearnfoldError as error:
                problems.append(f"the alert {message.title!r} can't be sent: {error}")
        return problems

    def _post(self, message: Message, work: Work) -> None:
        from learnfold.telemetry.webhook import post_json

        text = f"{message.title}\n{message.detail}\nof {without_secrets(work.place)}, at {_now()}"
        content = {
            "status": message.status,
            "kind": work.kind,
            "parts": list(work.parts),
            "place": without_secrets(work.place),
        }
        post_json(self._settings.alert_url, {**content, "at": _now(), "detail": message.detail, "text": text})

    def _mail(self, message: Message, work: Work) -> None:
        from learnfold.telemetry.mail import addresses, send_mail

        text = f"{message.title}.\n\n{message.detail}\n\nPlace: {work.place}\nTime: {_now()}\n"
        send_mail(addresses(self._settings.alert_mail), message.title, text, self._settings)


def _tried(act: Callable[..., object], *arguments: object) -> str:
    """What went wrong; empty: nothing."""
    try:
        act(*arguments)
    except LearnfoldError as error:
        return f"that an alert was sent can't be recorded: {error}"
    return ""


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
