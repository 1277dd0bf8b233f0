"""What erasing a person would change, or has changed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from learnfold.master import file_names
from learnfold.storage import out_layout
from learnfold.storage.out_layout import folder_of

if TYPE_CHECKING:
    from learnfold.batch.erasure_receipt import ErasureReceipt
    from learnfold.privacy.search import Findings


@dataclass
class Erasure:
    """What an erasure would do, or did."""

    dry_run: bool
    searched_in_texts: bool
    """False: the id is a number or a common word, so only fields that identify a person were compared with it."""

    master: Findings  # before anything was done
    output: Findings
    batches: list[str] = field(default_factory=list)  # that hold the person
    unfinished: str | None = None  # the receipt of an erasure of the same person that was killed
    earlier: str | None = None  # the receipt of the last one that was finished, where nothing is left
    receipt: ErasureReceipt | None = None

    @property
    def nothing(self) -> bool:
        """Whether there is nothing to erase and nothing to continue."""
        return not (self.master.holding or self.output.holding or self.unfinished)

    @property
    def files_to_write(self) -> list[str]:
        """The files of the master dataset that hold the person."""
        return sorted({*self.master.traces, *self.master.texts})

    @property
    def rows_by_topic(self) -> dict[str, int]:
        """The person's events in the master dataset, by topic; those in quarantine don't count."""
        rows: dict[str, int] = {}
        for path, traces in self.master.traces.items():
            if traces.theirs and not in_quarantine(path):
                rows[topic_of(path)] = rows.get(topic_of(path), 0) + traces.theirs
        return dict(sorted(rows.items()))

    @property
    def quarantine_rows(self) -> int:
        """Invalid events of the person's, below IN and OUT."""
        found = [*self.master.traces.items(), *self.output.traces.items()]
        return sum(traces.theirs for path, traces in found if in_quarantine(path))

    @property
    def mentions(self) -> dict[str, int]:
        """Events of others in the master dataset that name the person, by column."""
        columns: dict[str, int] = {}
        for traces in self.master.traces.values():
            for column, count in traces.mentions.items():
                columns[column] = columns.get(column, 0) + count
        return columns


def in_quarantine(path: str) -> bool:
    """Whether a file below IN or OUT holds invalid events."""
    return folder_of(path) in {file_names.QUARANTINE, out_layout.QUARANTINE}


def topic_of(path: str) -> str:
    """The topic that a file of the master dataset is of, by its path."""
    return file_names.topic_of(path) or "outside topics"
