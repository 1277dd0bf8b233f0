"""Imports go one way: catalog <- engines, storage <- master <- ingest, batch <- cli, never in a circle; help imports nothing heavy."""

from __future__ import annotations

import ast
import subprocess
import sys

import pytest
from imports import SOURCE, circles, graph

BASE = {"addresses", "errors", "settings", "utc", "cache"}
LOW = BASE | {"catalog", "storage", "telemetry"}
BELOW: dict[str, set[str]] = {
    "addresses": set(),
    "errors": {"addresses"},
    "utc": set(),
    "cache": set(),
    "settings": {"addresses", "errors"},
    "catalog": {"errors", "cache", "settings"},
    "storage": BASE,
    "telemetry": BASE,
    "master": LOW,
    "engines": LOW | {"master"},
    "kafka": BASE | {"telemetry"},
    "generate": BASE | {"catalog"},
    "ingest": LOW | {"engines", "master", "kafka"},
    "batch": LOW | {"engines", "master"},
    "operate": LOW | {"engines", "master", "batch"},
    "privacy": LOW | {"engines", "master", "batch"},
    "speed": LOW | {"engines", "master", "batch", "kafka"},
    "serve": LOW | {"engines", "master", "batch"},
    "dashboard": LOW | {"batch", "operate", "serve"},
    "client": LOW | {"batch", "serve"},
    "spark": LOW | {"batch"},
    "schedule": BASE | {"storage", "telemetry"},
    "monitoring": BASE | {"telemetry"},
    "oozie": LOW | {"master", "schedule"},
    "doctor": LOW | {"engines", "master", "batch", "kafka"},
}
"""By room, the rooms it may import from; ``cli`` may import from all."""
BELOW["cli"] = {*BELOW}
BELOW["__main__"] = {"cli"}
BELOW["__init__"] = {"client"}

ALLOWED = {
    ("hadoop.py", "engines"),
}
"""Storage through Spark's own Hadoop, where obstore isn't there, needs the Spark session that the engine keeps."""


def rooms() -> list[str]:
    """The rooms that have a rule."""
    return list(BELOW)


@pytest.mark.parametrize("room", rooms())
def test_a_room_imports_from_rooms_below_it_only(room: str) -> None:
    """No module of a room imports from a room beside or above it."""
    place = SOURCE / f"{room}.py"
    files = [place] if place.exists() else sorted((SOURCE / room).rglob("*.py"))
    assert files
    for file in files:
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            for name in names:
                parts = name.split(".")
                if parts[0] == "learnfold" and len(parts) > 1 and (file.name, parts[1]) not in ALLOWED:
                    assert parts[1] in BELOW[room] | {room}, f"{file.relative_to(SOURCE)} imports {name}"


def test_every_room_has_a_rule() -> None:
    """A new folder or module of learnfold says first what it may import from; a room that is gone has no rule."""
    files = {file.stem for file in SOURCE.glob("*.py")}
    folders = {folder.name for folder in SOURCE.iterdir() if next(folder.rglob("*.py"), None)}
    assert files | folders == set(BELOW)


def test_no_modules_import_each_other_in_a_circle() -> None:
    """Imports for type checkers count too, and those within functions."""
    assert circles(graph()) == []


def test_a_circle_is_found() -> None:
    """Two modules, a longer way round, and one apart from it."""
    edges = {"a": {"b"}, "b": {"a", "c"}, "c": {"d"}, "d": {"e"}, "e": {"c"}, "f": {"a"}}
    assert sorted(circles(edges)) == [["a", "b"], ["c", "d", "e"]]


def test_help_imports_no_engine_and_no_parser_of_sql() -> None:
    """``learnfold --help`` is quick, since it imports none of what is heavy."""
    script = "import sys; from learnfold.cli import main; main([]); print([m for m in sys.modules if m.split('.')[0] in {'duckdb', 'sqlglot', 'obstore', 'pyspark', 'confluent_kafka'}])"
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert result.stdout.rstrip().endswith("[]"), result.stdout[-300:]


def test_a_spark_driver_needs_no_duckdb_and_no_obstore() -> None:
    """What runs under spark-submit imports neither DuckDB nor obstore."""
    files = [*sorted((SOURCE / "engines" / "spark").rglob("*.py")), *sorted((SOURCE / "batch").glob("*.py"))]
    files += [SOURCE / "speed" / f"{name}.py" for name in ("stream", "parts", "reports")]
    for file in files:
        for node in ast.parse(file.read_text("utf-8")).body:
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            for name in names:
                assert name.split(".")[0] not in {"duckdb", "obstore"}, f"{file.name} imports {name}"
                assert not name.startswith("learnfold.engines.duckdb"), f"{file.name} imports {name}"


def test_the_command_line_takes_no_lease() -> None:
    """Whoever calls the library gets the same protection as whoever types a command."""
    files = sorted((SOURCE / "cli").glob("*.py"))
    assert [file.name for file in files if "storage.lease" in file.read_text("utf-8")] == []
