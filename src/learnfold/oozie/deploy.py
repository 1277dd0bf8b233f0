"""Puts the batch layer where Oozie finds it: checked first, each file whole; doing it again changes nothing."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from learnfold.errors import DefinitionError, MissingDataError, StorageError
from learnfold.oozie.check import problems
from learnfold.oozie.properties import read_properties, resolved
from learnfold.oozie.target import open_target

if TYPE_CHECKING:
    from pathlib import Path

    from learnfold.settings import Settings


@dataclass(frozen=True)
class DeployRequest:
    """What is deployed, and where to."""

    folder: Path  # batch_layer
    archive: Path  # learnfold.zip
    jars: tuple[Path, ...] = ()  # by which Spark reaches S3
    defined: dict[str, str] = field(default_factory=dict)  # over job.properties
    user: str = ""
    via: str = "auto"
    webhdfs: str = ""
    oozie: str = "http://localhost:11000/oozie"
    dry_run: bool = False


@dataclass(frozen=True)
class Deployed:
    """What was done, or would be."""

    place: str
    way: str
    files: dict[str, int]  # bytes by name below ``place``
    changed: list[str]
    submit: str  # the command that starts the coordinator


def deploy(request: DeployRequest, settings: Settings) -> Deployed:
    """What was uploaded, after checking it, and the command that submits it.

    Raises MissingDataError for a file that isn't there, DefinitionError for what Oozie would refuse, StorageError.
    """
    oozie = request.folder / "oozie"
    texts = {name: _read(oozie / name).decode() for name in ("workflow.xml", "coordinator.xml", "job.properties")}
    found = problems(texts)
    if found:
        raise DefinitionError("Oozie would refuse this:\n" + "\n".join(f"  {problem}" for problem in found))
    properties = {"user.name": request.user, **read_properties(texts["job.properties"]), **request.defined}
    place = resolved(properties["appPath"], properties)
    contents = {
        "learnfold.zip": _read(request.archive),
        **{f"lib/{jar.name}": _read(jar) for jar in request.jars},
        **{f"jobs/{script.name}": _read(script) for script in sorted((request.folder / "jobs").glob("*_batch_job.py"))},
        "workflow.xml": texts["workflow.xml"].encode(),  # last: what they name is there before
        "coordinator.xml": texts["coordinator.xml"].encode(),
    }
    for named in re.findall(r"<file>\$\{appPath\}/([^#<]+)#", texts["workflow.xml"]):
        if named not in contents:
            raise MissingDataError(
                f"{request.folder / named} isn't there, and workflow.xml names it; make docs writes it"
            )
    target = open_target(place, request.via, request.webhdfs, request.user, settings)
    changed = [] if request.dry_run else target.put(contents)
    sizes = {name: len(content) for name, content in contents.items()}
    return Deployed(place, target.way, sizes, changed, submit_command(request, datetime.now(UTC)))


def submit_command(request: DeployRequest, now: datetime) -> str:
    """The predecessor's command; it starts at the next midnight (UTC) unless ``start`` is defined."""
    midnight = (now + timedelta(days=1)).strftime("%Y-%m-%dT00:00Z")
    defined = {"start": midnight, **request.defined}
    words = ["oozie", "job", "-oozie", request.oozie, "-config", str(request.folder / "oozie" / "job.properties")]
    return shlex.join([*words, *(f"-D{name}={value}" for name, value in defined.items()), "-run"])


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except FileNotFoundError:
        hint = (
            "; python tools/build_zip.py makes it"
            if file.suffix == ".zip"
            else "; learnfold oozie --write FOLDER makes Oozie's"
        )
        raise MissingDataError(f"{file} isn't there{hint}") from None
    except OSError as error:
        raise StorageError(f"{file} can't be read: {error}") from error
