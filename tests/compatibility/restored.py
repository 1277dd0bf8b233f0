"""The archives of earlier versions, unpacked as if they had been made here."""

from __future__ import annotations

import json
import tarfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

ARCHIVES = sorted(Path(__file__).parent.glob("*.tar.xz"))
HOME = "/srv/learnfold"
"""Where an archive says that it was made."""

PREFIX = "learnfold-compatibility-"
"""How the folder is called in which it really was made."""

TOPICS = ("auth_topic", "assessment_topic", "video_topic", "course_topic", "profile_topic", "notification_topic")
ERASED = "someone.to.erase"


@dataclass(frozen=True)
class Restored:
    """A master dataset and its batches as another version left them."""

    root: Path

    @property
    def master(self) -> Path:
        """The master dataset."""
        return self.root / "master"

    @property
    def out(self) -> Path:
        """Where the views are."""
        return self.root / "out"

    @cached_property
    def said(self) -> dict[str, Any]:
        """What the version that made it printed about it."""
        found: dict[str, Any] = json.loads((self.root / "said.json").read_text(encoding="utf-8"))
        return found

    @property
    def manifests(self) -> dict[str, dict[str, Any]]:
        """Every batch's manifest, by the batch's name, oldest first."""
        files = sorted((self.out / "_batches").glob("*/manifest.json"))
        return {file.parent.name: json.loads(file.read_text(encoding="utf-8")) for file in files}


def restore(archive: Path, folder: Path) -> Restored:
    """The archive below ``folder``, with what belongs to a machine put right: its paths, and the tags of files in a folder."""
    with tarfile.open(archive) as file:
        file.extractall(folder, filter="data")
    for text in [folder / "said.json", *folder.rglob("*.json")]:
        text.write_text(text.read_text(encoding="utf-8").replace(HOME, str(folder)), encoding="utf-8")
    found = Restored(folder)
    for batch, manifest in found.manifests.items():
        for job in manifest["jobs"].values():
            for topic in job["topics"].values():
                for path, record in topic["files"].items():
                    record["tag"] = _tag(found.master / path, record)
        (found.out / "_batches" / batch / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    return found


def _tag(file: Path, record: dict[str, Any]) -> str:
    """The tag of the file that the record is about; another file of that name, or none, keeps its own."""
    if not file.exists() or file.stat().st_size != record["size"]:
        return str(record["tag"])
    about = file.stat()
    return f"{about.st_mtime_ns:x}-{about.st_ino:x}"
