"""The three files of ``batch_layer/oozie``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from learnfold.errors import StorageError
from learnfold.oozie.coordinator import coordinator_xml
from learnfold.oozie.properties import job_properties
from learnfold.oozie.workflow import workflow_xml

if TYPE_CHECKING:
    from pathlib import Path

    from learnfold.catalog import Catalog
    from learnfold.schedule.frequency import Frequency
    from learnfold.settings import Settings


def oozie_files(catalog: Catalog, settings: Settings, choice: Frequency) -> dict[str, str]:
    """The texts by file name."""
    return {
        "workflow.xml": workflow_xml(catalog),
        "coordinator.xml": coordinator_xml(catalog, choice),
        "job.properties": job_properties(settings),
    }


def write_files(folder: Path, files: dict[str, str]) -> list[str]:
    """Writes them; the names of those that weren't so already. Raises StorageError."""
    written = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            file = folder / name
            if not file.exists() or file.read_bytes() != text.encode():
                file.write_bytes(text.encode())
                written.append(name)
    except OSError as error:
        raise StorageError(f"{folder} can't be written: {error}") from error
    return written
