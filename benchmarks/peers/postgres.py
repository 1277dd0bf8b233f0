"""PostgreSQL as a user would set it up to be asked: a table a view, its key as index, and an index of what it is ordered by."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import duckdb

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from types import TracebackType

    from learnfold.catalog import View

TYPES = {"VARCHAR": "text", "DOUBLE": "double precision"}
USER = "postgres"


class NotHereError(Exception):
    """PostgreSQL isn't installed, or can't be run here."""


class Postgres:
    """A server with its data below a folder, reached over a socket, with one session of psql."""

    def __init__(self, folder: Path) -> None:
        found = sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"))
        if not found:
            raise NotHereError("it isn't installed (Debian: apt install postgresql)")
        self._bin = found[-1].parent
        self.version = self._bin.parent.name
        self._as = ["runuser", "-u", USER, "--"] if os.getuid() == 0 else []
        if self._as and not shutil.which("runuser"):
            raise NotHereError("it doesn't run as root, and there is no runuser")
        self._folder = Path(tempfile.mkdtemp(prefix="pg-"))  # a socket's path must be short
        self._exchange = folder

    def __enter__(self) -> Self:
        if self._as:
            shutil.chown(self._folder, USER)
        self._run("initdb", "-D", f"{self._folder}/data", "-A", "trust", "-U", USER, "-E", "UTF8", "--locale", "C")
        options = f"-k {self._folder} -c listen_addresses= -c max_wal_size=4GB"
        self._run("pg_ctl", "-w", "-D", f"{self._folder}/data", "-l", f"{self._folder}/log", "-o", options, "start")
        command = [str(self._bin / "psql"), "-h", str(self._folder), "-U", USER, "-qAtX", "-v", "ON_ERROR_STOP=1"]
        self._psql = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._backend = int(self._say("SELECT pg_backend_pid();")[0])
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._psql.communicate()
        self._run("pg_ctl", "-D", f"{self._folder}/data", "-m", "fast", "stop")
        shutil.rmtree(self._folder)

    def load(self, view: View, file: Path, ordered_by: str) -> None:
        """Fill a table with the view's rows."""
        columns = ", ".join(f"{c.name} {TYPES.get(c.type, c.type)}" for c in view.columns)
        text = self._exchange / "rows.csv"
        names = ", ".join(column.name for column in view.columns)
        duckdb.sql(f"COPY (SELECT {names} FROM '{file}') TO '{text}' (FORMAT csv, HEADER false, NULLSTR '\\N')")
        self._say(
            f"CREATE TABLE {view.name} ({columns});",
            f"\\copy {view.name} FROM '{text}' (FORMAT csv, NULL '\\N')",
            f"CREATE UNIQUE INDEX ON {view.name} ({', '.join(view.key)});",
            f"CREATE INDEX ON {view.name} ({ordered_by} DESC NULLS LAST);",
            f"ANALYZE {view.name};",
        )

    def rows(self, view: View, keys: Sequence[tuple[Any, ...]]) -> int:
        """How many rows so many keyed reads find."""
        self._prepare(view)
        self._say(f"\\o {self._folder}/rows")
        self._say(*(_execute(view, key) for key in keys), "\\o")
        found = Path(f"{self._folder}/rows").read_text("utf-8").splitlines()
        return sum(1 for line in found if line)

    def keyed(self, view: View, keys: Sequence[tuple[Any, ...]]) -> tuple[list[float], float]:
        """Milliseconds of each keyed read, and of the backend's processor a read."""
        before = self._cpu_ms()
        times = self.timed([_execute(view, key).rstrip(";") for key in keys])
        return times, (self._cpu_ms() - before) / len(keys)

    def timed(self, statements: Iterable[str]) -> list[float]:
        """Milliseconds of each, its rows fetched and thrown away."""
        said = self._say("\\o /dev/null", "\\timing on", *(f"{one};" for one in statements), "\\timing off", "\\o")
        return [float(found[1]) for line in said if (found := re.match(r"Time: ([\d.]+) ms", line))]

    def _prepare(self, view: View) -> None:
        types = {column.name: TYPES.get(column.type, column.type) for column in view.columns}
        where = " AND ".join(f"{name} = ${place}" for place, name in enumerate(view.key, 1))
        columns = ", ".join(types)
        kinds = ", ".join(types[name] for name in view.key)
        self._say(f"PREPARE by_key_{view.name} ({kinds}) AS SELECT {columns} FROM {view.name} WHERE {where};")

    def _say(self, *lines: str) -> list[str]:
        """What psql prints to these lines."""
        if self._psql.stdin is None or self._psql.stdout is None:
            raise NotHereError("psql has no pipe")
        self._psql.stdin.write("\n".join([*lines, "\\echo :end:", ""]))
        self._psql.stdin.flush()
        said: list[str] = []
        while (line := self._psql.stdout.readline()) != ":end:\n":
            if not line:
                raise NotHereError(f"psql ended at {lines[0][:80]!r}")
            said.append(line.rstrip("\n"))
        return said

    def _cpu_ms(self) -> float:
        fields = Path(f"/proc/{self._backend}/stat").read_text("ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) * 1e3 / os.sysconf("SC_CLK_TCK")

    def _run(self, program: str, *arguments: str) -> None:
        command = [*self._as, str(self._bin / program), *arguments]
        done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, cwd="/", check=False)
        if done.returncode:
            raise NotHereError(f"{program} ended with {done.returncode}: {done.stderr.decode()[-300:]}")


def _execute(view: View, key: tuple[Any, ...]) -> str:
    values = ", ".join("'" + str(value).replace("'", "''") + "'" for value in key)
    return f"EXECUTE by_key_{view.name}({values});"
