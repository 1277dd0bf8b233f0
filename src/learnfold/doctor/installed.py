"""The parts that are on this machine: Python packages, and the programs that some of them need."""

from __future__ import annotations

import platform
import re
import shutil
import subprocess
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from learnfold.cache import cache_folder
from learnfold.engines.jars import find_jars
from learnfold.errors import UsageError, how_to_install

if TYPE_CHECKING:
    from collections.abc import Mapping

    from learnfold.settings import Settings

_ANSWER_SECONDS = 30


@dataclass(frozen=True)
class Component:
    """One part: its version (None: it isn't there, or doesn't run), what for, and what to do without it."""

    name: str
    version: str | None
    purpose: str
    without: str = ""
    needed: bool = False  # by the settings and what was asked for

    @property
    def missing(self) -> bool:
        """Whether something that was asked for can't be done."""
        return self.needed and self.version is None


def installed(
    environment: Mapping[str, str], settings: Settings, *, s3: bool = False, kafka: bool = False
) -> list[Component]:
    """Every part, needed or not; ``s3`` and ``kafka`` say what is needed beside the settings."""
    spark = settings.engine == "spark"
    packages = [
        ("learnfold", "this", "", False),
        ("duckdb", "the engine duckdb", how_to_install(), not spark),
        ("sqlglot", "the views' SQL", how_to_install(), True),
        ("obstore", "S3", how_to_install(), s3 and not spark),
        ("pyspark", "the engine spark", how_to_install("spark"), spark),
        ("confluent-kafka", "Kafka", how_to_install("kafka"), kafka),
        ("cronsim", "learnfold schedule", how_to_install("schedule"), False),
    ]
    found = [Component("python", platform.python_version(), "this", needed=True)]
    found += [Component(name, _package(name), purpose, without, needed) for name, purpose, without, needed in packages]
    found.append(
        Component("java", _java(environment), "Spark", "install a JDK 17 or newer, or set JAVA_HOME to one", spark)
    )
    found.append(Component("maven", _maven(), "learnfold jars", "install Maven; only fetching the jars needs it"))
    found.append(Component("spark jars", _jars(environment, settings), "Spark on S3", "learnfold jars", spark and s3))
    return found


def _package(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        if name == "learnfold":  # a clone that isn't installed, or a zip
            from learnfold import __version__

            return __version__
        return None


def _java(environment: Mapping[str, str]) -> str | None:
    """The version of the Java that Spark would start."""
    home = environment.get("JAVA_HOME")
    program = str(Path(home) / "bin" / "java") if home else shutil.which("java", path=environment.get("PATH"))
    found = re.search(r'version "([^"]+)"', _output([program, "-version"])) if program else None
    return found[1] if found else None


def _maven() -> str | None:
    program = shutil.which("mvn")
    found = re.search(r"Apache Maven ([\w.-]+)", _output([program, "--version"])) if program else None
    return found[1] if found else None


def _jars(environment: Mapping[str, str], settings: Settings) -> str | None:
    try:
        folder = find_jars(settings.spark_jars, cache_folder(environment))
    except UsageError:
        return None
    return f"{len(list(folder.glob('*.jar')))} in {folder}" if folder else None


def _output(command: list[str]) -> str:
    """What a program says of itself; empty where it can't be run."""
    try:
        done = subprocess.run(  # noqa: S603 - a program of this machine, without arguments of a user's
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=_ANSWER_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout if done.returncode == 0 else ""
