"""Erases a person: from the master dataset, its quarantine, and everything made of them.

The order is such that it can be killed anywhere and continued by the same command: a receipt that records what is to go, the master
files written again without the person, a run over the days that this touched, the published batch without what it doesn't read,
older batches deleted, and a search of every file that must find nothing.
"""

from __future__ import annotations

import dataclasses
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from learnfold.batch.clean import is_running
from learnfold.batch.erasure_receipt import ErasureReceipt, new_receipt, operator, receipts_of
from learnfold.batch.history import HISTORY, as_made, batch_names
from learnfold.batch.manifest import Manifest, read_current, read_manifest
from learnfold.batch.publish import refresh_plain_paths
from learnfold.batch.request import RunRequest, Scope
from learnfold.batch.run import run
from learnfold.engines import open_engine
from learnfold.engines.duckdb.session import DuckDBSession
from learnfold.errors import BusyError, DataError, LearnfoldError, UsageError
from learnfold.master.compaction_log import read_compactions
from learnfold.master.erased import note_erased
from learnfold.master.file_names import REWRITE_LEASE
from learnfold.master.layout import open_master, whole_dataset
from learnfold.master.rewriting import check_unchanged, entry_of
from learnfold.privacy.erasure import Erasure, in_quarantine, topic_of
from learnfold.privacy.parquet import PersonQueries
from learnfold.privacy.person import Person
from learnfold.privacy.purge import Purge
from learnfold.privacy.records import checksum_of, clean, is_record
from learnfold.privacy.search import Findings, entries_below, search
from learnfold.storage import same_place
from learnfold.storage.folder import TORN
from learnfold.storage.lease import held, holders
from learnfold.storage.out_layout import RECEIPTS, RUN_FOLDERS, folder_of
from learnfold.utc import now

if TYPE_CHECKING:
    from collections.abc import Iterable

    from learnfold.batch.context import Workspace
    from learnfold.catalog import Catalog
    from learnfold.master.layout import Master
    from learnfold.storage import Entry, Storage

_ROUNDS = 3
_STOPPED = "the erasure isn't finished: give its command again, and that of any other that ended meanwhile"
_SHOWN = 10


def erase(workspace: Workspace, user_id: str, master_url: str, *, dry_run: bool = True) -> Erasure:
    """What erasing the person from both places did, or would do (``dry_run``).

    Raises UsageError where IN isn't a whole master dataset or isn't what OUT was made from; DataError where files can't be
    searched (unless ``skip_unreadable``), where files hold the person that aren't learnfold's, or where the master dataset changed in other
    ways since the last batch; LearnfoldError where something is left after all.
    """
    out = workspace.out
    master = open_master(master_url, workspace.settings)
    if not master.narrowing.whole:
        raise UsageError(
            f"{master.shown} is a part of a master dataset; a person is erased from all of it: give {master.storage.url}"
        )
    if same_place(master_url, out.url):
        raise UsageError(f"the output is the input: {out.url}; name where the views are")
    words = [*re.findall(r"[^/\\]+", f"{master.storage.url}/{out.url}"), *operator().split()]
    person = Person.of(user_id, workspace.catalog, words)
    try:
        with DuckDBSession(workspace.settings) as session:
            return _Work(workspace, master, PersonQueries(session, person)).go(dry_run=dry_run)
    finally:
        workspace.reporter.done()


class _Work:
    def __init__(self, workspace: Workspace, master: Master, queries: PersonQueries) -> None:
        current, _ = read_current(workspace.out)
        if current is not None:
            workspace = dataclasses.replace(workspace, settings=as_made(current, workspace.settings))
        self.workspace, self.person, self.master, self.queries = workspace, queries.person, master, queries
        self.out, self.catalog, self.settings = workspace.out, workspace.catalog, workspace.settings
        self.reporter = workspace.reporter
        self.inputs = _inputs(current, master, workspace.out, workspace.catalog)

    def go(self, *, dry_run: bool) -> Erasure:
        if dry_run:
            return self._inspect(dry_run=True)
        leases = holders(self.master.storage, self.settings)
        dead = {int(lease.who["pid"]) for lease in leases if lease.here and not lease.alive}
        with held(self.master.storage, [REWRITE_LEASE], self.settings) as self.rewriting:
            self._sweep(dead)
            with held(self.out, self._jobs(), self.settings):
                pass  # if it can't be had, that is known before anything is changed
            found = self._inspect(dry_run=False)
            if found.nothing:
                return found
            receipt, master = self._begin(found), found.master
            for _ in range(_ROUNDS):
                self._rewrite(receipt, master)
                self._run(Scope())
                self._purge(receipt)
                master, output = self._search_master(), self._search_output()
                if not master.holding and not output.holding:
                    break
                self._recompute(output)
            else:
                raise LearnfoldError(_left_message(self._named(master, output)))
            self._finish(receipt, master, output)
            found.receipt = receipt
            return found

    def _jobs(self) -> list[str]:
        """The leases without which nobody publishes or removes anything."""
        current, _ = read_current(self.out)
        return sorted({*self.catalog.jobs, *(current.jobs if current else ()), HISTORY})

    def _named(self, master: Findings, output: Findings) -> list[str]:
        return [
            f"{s.url}/{path}"
            for s, f in ((self.master.storage, master), (self.out, output))
            for path in sorted(f.holding)
        ]

    def _inspect(self, *, dry_run: bool) -> Erasure:
        """What there is to do, and whether it can be done; raises DataError where not."""
        found = Erasure(dry_run, self.person.distinctive, self._search_master(), self._search_output())
        receipts = receipts_of(self.out, self.person.id)
        open_ones = [receipt for receipt in receipts if receipt.finished_at is None]
        found.unfinished = open_ones[-1].path if open_ones else None
        found.earlier = receipts[-1].path if receipts else None
        for name in batch_names(self.out):
            manifest = _readable(self.out, name)
            if manifest is None or manifest.files() & found.output.holding:
                found.batches.append(name)
        self._refuse(found, {path for receipt in open_ones for path in receipt.files})
        return found

    def _refuse(self, found: Erasure, rewritten: set[str]) -> None:
        names = found.master.names + found.output.names
        if names:
            raise DataError(f"the names of these files hold the person; name them otherwise first:\n{_listed(names)}")
        closed = found.master.closed | found.output.closed
        if closed and not self.settings.skip_unreadable:
            why = [f"{path}: {reason}" for path, reason in closed.items()]
            raise DataError(
                f"these files can't be searched, so it isn't known whether they hold the person; nothing was changed:\n{_listed(why)}\n"
                "Repair or remove them, or continue without them by --skip-unreadable"
            )
        current, _ = read_current(self.out)
        places = {*RUN_FOLDERS, RECEIPTS, *(current.views if current else ())}
        foreign = [f"{self.master.storage.url}/{path}" for path in found.master.texts if not is_record(path)]
        foreign += [f"{self.out.url}/{p}" for p in found.output.holding if folder_of(p) not in places]
        if foreign:
            raise DataError(
                f"these files name the person, and learnfold didn't write them; nothing was changed:\n{_listed(foreign)}\n"
                "Change or remove them first"
            )
        others = self._other_changes(rewritten)
        if others:
            raise DataError(
                f"files that the last batch read are gone or have changed; nothing was changed:\n{_listed(others)}\n"
                f"'learnfold run {self.master.storage.url} {self.out.url}' first: it reports whether events are missing"
            )

    def _other_changes(self, rewritten: set[str]) -> list[str]:
        """Files that the published batch read and that have changed since, but for those that an erasure rewrote."""
        current, _ = read_current(self.out)
        there = {entry.path: (entry.size, entry.tag) for entry in self.master.storage.list()}
        read = {
            path: (file.size, file.tag)
            for job in (current.jobs.values() if current else ())
            for topic in job.topics.values()
            for path, file in topic.files.items()
        }
        return sorted(path for path, was in read.items() if path not in rewritten and there.get(path) != was)

    def _search_master(self) -> Findings:
        entries = entries_below(self.master.storage, self.out)
        return search(self.master.storage, entries, self.queries, self.reporter)

    def _search_output(self) -> Findings:
        return search(self.out, entries_below(self.out, self.master.storage), self.queries, self.reporter)

    def _begin(self, found: Erasure) -> ErasureReceipt:
        """The receipt of what is about to be done, added to that of an erasure of the same person that was killed."""
        unfinished = [r for r in receipts_of(self.out, self.person.id) if r.finished_at is None]
        receipt = unfinished[-1] if unfinished else new_receipt(self.person.id, self.master.storage.url, self.out.url)
        receipt.quarantine_rows = max(receipt.quarantine_rows, found.quarantine_rows)
        receipt.batches_removed = sorted({*receipt.batches_removed, *found.batches})
        self._note(receipt, found.master)
        return receipt

    def _note(self, receipt: ErasureReceipt, master: Findings) -> None:
        """Records which files are about to be rewritten."""
        for path, traces in master.traces.items():
            if path not in receipt.files:
                mentions = sum(traces.mentions.values())
                receipt.files[path] = {"rows": traces.theirs, "mentions": mentions}
                receipt.mentions += mentions
                if not in_quarantine(path) and traces.theirs:
                    topic = topic_of(path)
                    receipt.rows_by_topic[topic] = receipt.rows_by_topic.get(topic, 0) + traces.theirs
        for path in master.texts:
            if is_record(path) and path not in receipt.files:
                receipt.files[path] = {"rows": 0, "mentions": 1}
                receipt.mentions += 1
        receipt.write(self.out)

    def _rewrite(self, receipt: ErasureReceipt, found: Findings) -> None:
        """Rewrites the master files that hold the person; each new one appears whole."""
        storage = self.master.storage
        self._note(receipt, found)
        for number, path in enumerate(sorted(found.traces), 1):
            self.reporter.step(f"rewriting file {number} of {len(found.traces)}", path)
            self.rewriting.check(_STOPPED)
            note_erased(storage, path)
            read = entry_of(storage, path)
            with storage.local([path]) as (source,), storage.new(path) as target:
                self.queries.rewrite(source, target, found.traces[path])
                check_unchanged(storage, [read])
                self.rewriting.check(_STOPPED)
            self._look_again(path)
            storage.delete([checksum_of(path)])
        for path in found.texts:
            if is_record(path):
                self.rewriting.check(_STOPPED)
                clean(storage, path, self.person)
        self.rewriting.check(_STOPPED)
        self._sweep(set())

    def _look_again(self, path: str) -> None:
        """Removes the file that was just put in place where a compaction removed it before, while this slept and lost its lease."""
        try:
            self.rewriting.check(_STOPPED)
        except BusyError:
            storage = self.master.storage
            merged = [one for one in read_compactions(storage) if path in one.old and one.removed_at is not None]
            if any(one.new in {entry.path for entry in storage.list(path.rpartition("/")[0])} for one in merged):
                storage.delete([path])
            raise

    def _sweep(self, dead: set[int]) -> None:
        """Deletes what writers of the master dataset left that are ``dead``, or have been silent so long that they must be."""
        silent = datetime.now(UTC) - timedelta(seconds=self.settings.lease_seconds)
        for entry in self._torn():
            match = TORN.search(entry.path)
            process = int(match[1]) if match else 0
            if process in dead or (not is_running(process) and entry.modified_at < silent):
                self.master.storage.delete([entry.path])

    def _torn(self) -> list[Entry]:
        """What is being written to the master dataset now, or was when its writer died."""
        below = f"{self.out.url.removeprefix(self.master.storage.url).strip('/')}/"
        return [e for e in self.master.storage.list() if TORN.search(e.path) and not e.path.startswith(below)]

    def _run(self, scope: Scope, jobs: set[str] | None = None) -> None:
        """Publishes the views of what is left, each job from its own input."""
        for place, names in self.inputs.items():
            chosen = tuple(name for name in names if jobs is None or name in jobs)
            if chosen:
                request = RunRequest(place, self.out.url, chosen, scope, allow_shrink=True, action="erase")
                run(request, self.catalog, self.settings, self.reporter)

    def _purge(self, receipt: ErasureReceipt) -> None:
        """Removes from the output what its published batch doesn't read, while nobody else writes there."""
        found = self._search_output()
        engine = open_engine(self.settings, self.master.storage, self.out)
        try:
            with held(self.out, self._jobs(), self.settings) as lease:
                current, _ = read_current(self.out)
                purge = Purge(self.workspace, engine, self.queries, lease)
                if current is not None:
                    current = purge.republish(current, found)
                    refresh_plain_paths(self.out, current, current.jobs, lease)
                    receipt.batch = current.batch
                removed = purge.remove(current, found.holding)
        finally:
            engine.close()
        receipt.batches_removed = sorted({*receipt.batches_removed, *removed.batches})
        receipt.files_removed += len(removed.files)
        receipt.write(self.out)

    def _recompute(self, output: Findings) -> None:
        """Runs the jobs again whose published files hold the person though no event does."""
        current, _ = read_current(self.out)
        jobs = current.jobs if current else {}
        stale = {
            n for n in jobs if current and dataclasses.replace(current, jobs={n: jobs[n]}).files() & output.holding
        }
        self._run(Scope(full=True), stale)

    def _finish(self, receipt: ErasureReceipt, master: Findings, output: Findings) -> None:
        receipt.files_searched = master.files + output.files
        receipt.rows_searched = master.rows + output.rows
        receipt.not_searched = master.closed | output.closed
        receipt.not_searched |= {entry.path: "it is being written" for entry in self._torn()}
        receipt.batches_removed = sorted(set(receipt.batches_removed) - set(batch_names(self.out)))
        receipt.found = 0
        receipt.searched_in_texts = self.person.distinctive
        receipt.finished_at = now()
        receipt.write(self.out)


def _inputs(current: Manifest | None, master: Master, out: Storage, catalog: Catalog) -> dict[str, list[str]]:
    """By input, the published jobs that were made from it; raises UsageError where it isn't within the master dataset."""
    found: dict[str, list[str]] = {}
    for name, job in current.jobs.items() if current else ():
        if not same_place(whole_dataset(job.input), master.storage.url):
            raise UsageError(f"{name} at {out.url} is made from {job.input}, not from {master.shown}; erase from that")
        if name in catalog.jobs:
            found.setdefault(job.input, []).append(name)
    return found


def _readable(out: Storage, batch: str) -> Manifest | None:
    try:
        return read_manifest(out, batch)
    except DataError:
        return None


def _listed(lines: Iterable[str]) -> str:
    lines = list(lines)
    more = [f"  and {len(lines) - _SHOWN} more"] if len(lines) > _SHOWN else []
    return "\n".join([f"  {line}" for line in lines[:_SHOWN]] + more)


def _left_message(left: list[str]) -> str:
    return (
        f"the person is still named in:\n{_listed(left)}\n"
        "Events of theirs may still be coming in: stop their source. Files that aren't learnfold's must be removed by hand. Then give the same command again"
    )
