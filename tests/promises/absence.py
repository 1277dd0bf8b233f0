"""Whether a person is nowhere, looked for with other tools than learnfold's, and the events that are left without them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq

from oracle import Message


def without(messages: dict[str, list[Message]], person: str) -> dict[str, list[Message]]:
    """The messages that aren't the person's: by ``user_id`` or ``student_id``, or because broken text names them."""
    return {topic: [m for m in some if not _theirs(m.body, person)] for topic, some in messages.items()}


def _theirs(body: object, person: str) -> bool:
    try:
        event = body if isinstance(body, dict) else json.loads(body)  # type: ignore[arg-type]
    except (ValueError, TypeError):
        return body is not None and _token(bytes(body).decode("utf-8", "replace"), person)  # type: ignore[call-overload]
    if not isinstance(event, dict):
        return _token(json.dumps(event), person)
    return any(str(event.get(field)).strip() == person for field in ("user_id", "student_id"))


def _token(text: str, person: str) -> bool:
    return re.search(rf"(?<![\w.@-]){re.escape(person)}(?![\w@-])", text) is not None


def places(root: Path, person: str) -> list[str]:
    """Where the person is still named: in any value of any Parquet file at any depth, or in the text of any other file."""
    found = []
    for path in sorted(path for path in root.rglob("*") if path.is_file()):
        if path.suffix == ".parquet":
            for row in pq.read_table(path).to_pylist():
                found += [f"{path}: {row}" for text in _texts(row) if _token(text, person)]
            found += [
                f"{path}: metadata" for text in _texts(pq.read_metadata(path).metadata or {}) if _token(text, person)
            ]
        elif _token(path.read_bytes().decode("utf-8", "replace"), person):
            found.append(str(path))
    return found


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _texts(name)
            yield from _texts(inner)
    elif isinstance(value, (list, tuple)):
        for inner in value:
            yield from _texts(inner)
    elif isinstance(value, bytes):
        yield value.decode("utf-8", "replace")
    elif value is not None:
        yield str(value)
