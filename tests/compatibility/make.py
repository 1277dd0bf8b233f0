"""Makes the archive of a dataset and its batches by another version of learnfold.

    git worktree add ../old 6126be0
    PYTHONPATH=src:tests python -m compatibility.make ../old tests/compatibility/6126be0.tar.xz

Needs a JDK 17 and Maven for the real Kafka that it starts, and this repository's environment. The archive holds ``master``, ``out``
and ``said.json``, what that version printed about them; it says that all lay below ``/srv/learnfold``, and nothing of the machine.
"""

from __future__ import annotations

import csv
import json
import os
import shutil
import socket
import subprocess
import sys
import tarfile
import tempfile
from getpass import getuser
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from compatibility.restored import ERASED, HOME, PREFIX, TOPICS
from services.stack.kafka import Kafka

BROKEN = {
    "video_topic": [
        b"not json",
        b'{"event_type": "VIDEO_WATCHED", "timestamp": "2025-11-03 09:00:00", "video_id": "V1"}',
    ],
    "auth_topic": [b'{"event_type": "LOGIN", "user_id": "SV00001", "timestamp": "yesterday"}', b"[]"],
    "course_topic": [b'{"user_id": "SV00001", "timestamp": "2025-11-04 10:00:00", "item_id": "I1"}'],
}
"""Messages that are no valid events under any reading: of their kinds each reason is plain."""


class Made:
    """The dataset in the making, and the version that makes it."""

    def __init__(self, checkout: Path, root: Path) -> None:
        self.checkout, self.root = checkout, root
        self.master, self.out = root / "master", root / "out"
        self.environment = {**os.environ, "PYTHONPATH": str(checkout / "src"), "LEARNFOLD_CACHE": str(root / "cache")}

    def learnfold(self, *words: object) -> str:
        """What the version's command printed, run where everything lies; it has to succeed."""
        command = [sys.executable, "-P", "-c", "import sys, learnfold.cli; sys.exit(learnfold.cli.main())"]
        done = subprocess.run(
            [*command, *map(str, words)],
            cwd=self.root,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            sys.exit(f"learnfold {' '.join(map(str, words))}: {done.stderr}")
        return done.stdout

    def run(self) -> None:
        """One more batch."""
        self.learnfold("run", self.master, self.out)

    def messages(self, broker: Kafka, events: int, days: int, start: str, seed: int) -> None:
        """Events of a semester go through Kafka into the master dataset; some are delivered again, or late."""
        flags = ("--duplicates", "0.04", "--late", "0.04", "--servers", broker.bootstrap_servers)
        semester = ("--events", events, "--days", days, "--start", start, "--seed", seed)
        self.learnfold("generate", "--to-kafka", *semester, *flags)

    def ingest(self, broker: Kafka) -> None:
        """What lies in Kafka."""
        self.learnfold("ingest", "--into", self.master, "--once", "--servers", broker.bootstrap_servers)

    def files(self) -> None:
        """A CSV and JSON lines are ingested: a day of their own, an event twice, and one that isn't valid."""
        folder = self.root / "files"
        folder.mkdir()
        with (folder / "auth.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(["event_id", "event_type", "user_id", "timestamp", "session_id"])
            for number in range(12):
                writer.writerow(
                    [f"c{number}", "LOGIN", f"CSV{number % 4}", f"2025-11-13 {number:02d}:10:00", f"s{number}"]
                )
        events = [
            {
                "event_id": f"j{number % 10}",
                "event_type": "VIDEO_WATCHED",
                "user_id": ERASED if number % 5 == 0 else f"JSON{number % 3}",
                "timestamp": f"2025-11-13 {number % 10:02d}:20:00",
                "video_id": f"V{number % 2}",
                "course_id": "C1",
                "watch_duration_seconds": 60,
            }
            for number in range(13)
        ]
        lines = [*map(json.dumps, events), "no event at all"]
        (folder / "video_topic.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
        self.learnfold("ingest", "files", "--into", self.master)  # a path that tells nothing of the machine

    def foreign(self) -> None:
        """Files that other tools put there: envelopes, and flat ones, one of whose events isn't valid."""
        made = self.root / "envelopes"
        self.learnfold("generate", made, "--events", 500, "--days", 1, "--start", "2025-11-16", "--shape", "envelope")
        for topic in TOPICS[:4]:
            for file in sorted(made.glob(f"topic={topic}/**/*.parquet")):
                target = self.master / file.relative_to(made)
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(file, target)
        rows = [
            {
                "event_id": f"f{number}",
                "event_type": "NOTIFICATION_SENT",
                "user_id": f"FLAT{number % 3}",
                "timestamp": "yesterday" if number == 7 else f"2025-11-16 {number:02d}:30:00",
                "notification_type": "GRADE_POSTED",
            }
            for number in range(8)
        ]
        folder = self.master / "topic=notification_topic" / "year=2025" / "month=11" / "day=16"
        folder.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.Table.from_pylist(rows), folder / "part-00000.parquet")

    def said(self) -> dict[str, object]:
        """What this version prints about what it made."""
        views = [view["view"] for view in json.loads(self.learnfold("views", "--json"))]
        return {
            "status": json.loads(self.learnfold("status", self.out, "--last", 20, "--json")),
            "diff": json.loads(self.learnfold("diff", self.out, "--json")),
            "quarantine": json.loads(self.learnfold("quarantine", self.out, "--json")),
            "quarantine of the master dataset": json.loads(self.learnfold("quarantine", self.master, "--json")),
            "views": {
                view: json.loads(self.learnfold("show", view, self.out, "--limit", 100000, "--json")) for view in views
            },
        }


def make(made: Made) -> None:
    """The dataset's history: every kind of file that the version leaves behind."""
    with Kafka(made.root / "kafka") as broker:
        for topic in TOPICS:
            broker.create_topic(topic)
        made.messages(broker, 500, 12, "2025-11-01", seed=1)
        send(broker, BROKEN)
        made.ingest(broker)
        made.messages(broker, 500, 4, "2025-11-01", seed=3)  # so that days have two files, to be put together
        made.ingest(broker)
        made.run()
        made.files()
        made.run()
        made.learnfold("erase", ERASED, made.master, made.out, "--yes")
        made.messages(broker, 500, 2, "2025-11-14", seed=2)
        made.ingest(broker)
        made.run()
    made.learnfold("compact", made.master, "--before", "2025-11-10", "--mark-closed")
    made.run()
    made.foreign()
    made.run()


def send(broker: Kafka, messages: dict[str, list[bytes]]) -> None:
    """Messages, each confirmed."""
    from confluent_kafka import Producer

    producer = Producer({"bootstrap.servers": broker.bootstrap_servers, "acks": "all"})
    for topic, values in messages.items():
        for value in values:
            producer.produce(topic, value)
    if producer.flush(60):
        sys.exit("Kafka didn't take the messages")


def forget_the_machine(root: Path) -> None:
    """Its paths, its name and its user are replaced in what is text; refuses what names them elsewhere."""
    names = {str(root): HOME, f"{getuser()} on {socket.gethostname()}": "someone on a machine"}
    names[json.dumps(socket.gethostname())] = '"a machine"'
    for file in [root / "said.json", *(path for part in ("master", "out") for path in (root / part).rglob("*"))]:
        if file.is_file() and file.suffix != ".parquet":
            text = file.read_text(encoding="utf-8")
            for name, other in names.items():
                text = text.replace(name, other)
            file.write_text(text, encoding="utf-8")
        if file.is_file() and str(root).encode() in file.read_bytes():
            sys.exit(f"{file} names this machine")


def pack(root: Path, archive: Path) -> None:
    """The files in the order of their names, with their times and nothing about who made them; links stay links."""

    def anonymous(member: tarfile.TarInfo) -> tarfile.TarInfo:
        member.uid = member.gid = 0
        member.uname = member.gname = ""
        member.mode = 0o755 if member.isdir() else 0o644
        return member

    with tarfile.open(archive, "w:xz") as file:
        for name in ("said.json", "master", "out"):
            file.add(root / name, name, filter=anonymous)


def main(checkout: str, archive: str) -> None:
    """Makes the archive with the version that is checked out."""
    with tempfile.TemporaryDirectory(prefix=PREFIX) as folder:
        made = Made(Path(checkout).resolve(), Path(folder).resolve())
        make(made)
        said = json.dumps(made.said(), ensure_ascii=False, indent=1)
        (made.root / "said.json").write_text(said, encoding="utf-8")
        forget_the_machine(made.root)
        pack(made.root, Path(archive))
    print(f"{archive} ({Path(archive).stat().st_size:,} bytes)")


if __name__ == "__main__":
    main(*sys.argv[1:])
