"""What the services need of the machine; without it a test is skipped, or failed where CI promises it."""

import hashlib
import importlib
import os
import re
import shutil
from pathlib import Path
from types import ModuleType
from typing import NoReturn

import pytest

from .cache import made
from .process import run

JAVA_VERSION = "17"  # Oozie's Hadoop refuses newer ones


def missing(reason: str) -> NoReturn:
    """Skip the test with this reason; fail it when CI=true."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"CI must have it: {reason}", pytrace=False)
    pytest.skip(reason)


def program(name: str, purpose: str) -> str:
    """The path of a program on the PATH; without it, the test is skipped."""
    return shutil.which(name) or missing(f"{purpose} needs `{name}` on the PATH.")


def module(name: str, extra: str) -> ModuleType:
    """A Python module; without it, the test is skipped."""
    try:
        return importlib.import_module(name)
    except ImportError:
        missing(f"It needs the package `{name}`: install the extra `{extra}`.")


def java_home(purpose: str) -> Path:
    """The folder of a JDK 17: JAVA_HOME, the `java` on the PATH, or where Debian puts it; else the test is skipped."""
    on_path = shutil.which("java")
    candidates = [
        *filter(None, [os.environ.get("JAVA_HOME")]),
        *([str(Path(on_path).resolve().parent.parent)] if on_path else []),
        *sorted(str(folder) for folder in Path("/usr/lib/jvm").glob(f"*{JAVA_VERSION}*")),
    ]
    for home in map(Path, candidates):
        release = home / "release"
        if (home / "bin" / "java").exists() and release.exists():
            version = re.search(r'^JAVA_VERSION="(\d+)', release.read_text(encoding="utf-8"), re.MULTILINE)
            if version and version[1] == JAVA_VERSION:
                return home
    missing(f"{purpose} needs a JDK {JAVA_VERSION}: install it, or set JAVA_HOME to it.")


def jars(name: str, pom: Path) -> Path:
    """The folder of the jars that a pom names, with all they need; fetched once, by Maven, into the cache."""
    digest = hashlib.sha256(pom.read_bytes()).hexdigest()[:12]

    def fetch(folder: Path) -> None:
        build(
            [
                program("mvn", name),
                "-B",
                "-q",
                "-f",
                str(pom),
                "dependency:copy-dependencies",
                f"-DoutputDirectory={folder}",
            ]
        )

    return made(f"{name}-{digest}", fetch)


def build(command: list[str], environment: dict[str, str] | None = None) -> None:
    """Run a step that makes a service; if it fails, the service can't be had."""
    done = run(command, environment)
    if done.returncode:
        end = "\n".join((done.stdout + done.stderr).splitlines()[-15:])
        missing(f"`{' '.join(command)}` failed with code {done.returncode}:\n{end}")
