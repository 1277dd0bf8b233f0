"""The jars that Spark lacks to read and write S3 and to read Kafka, gathered by Maven from a pom that is part of this package."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from xml.etree import ElementTree as ET

from learnfold.errors import MissingPartError, StorageError, UsageError

_POM = resources.files("learnfold.engines") / "spark_jars" / "pom.xml"


def find_jars(chosen: str, cache: Path) -> Path | None:
    """The folder of the jars: ``chosen``, or (empty) the one that ``fetch_jars`` made in ``cache``, None where it didn't yet.

    Raises UsageError where there are no jars in ``chosen``.
    """
    if chosen:
        folder = Path(chosen).absolute()
        try:
            found = any(folder.glob("*.jar"))
        except OSError as error:
            raise UsageError(f"spark_jars is {chosen[:200]}, which can't be read: {error.strerror}") from error
        if not found:
            raise UsageError(f"spark_jars is {chosen}, where there are no jars; 'learnfold jars' fetches them")
        return folder
    folder = _folder(cache, _POM.read_bytes())
    return folder if folder.is_dir() else None


def _folder(cache: Path, pom: bytes) -> Path:
    return cache.absolute() / f"spark-jars-{hashlib.sha256(pom).hexdigest()[:12]}"


def fetch_jars(cache: Path) -> list[Path]:
    """The jars' paths, sorted, all in one folder below `cache` and nothing else in it.

    Give Spark that folder as `spark.driver.extraClassPath` and `spark.executor.extraClassPath`, with `/*` behind it.
    They are fetched once (23 MB); a changed pom makes a new folder. Concurrent calls are safe: the first folder stays.

    Raises:
        MissingPartError: they aren't there yet, and neither is Maven (`mvn`) on the PATH.
        StorageError: Maven couldn't fetch them, or the folder can't be written.

    """
    pom = _POM.read_bytes()
    folder = _folder(cache, pom)
    try:
        if not folder.is_dir():
            _gather(pom, folder)
        return sorted(folder.glob("*.jar"))
    except OSError as error:
        raise StorageError(f"The jars for S3 can't be put in {cache}: {error}. Choose another folder.") from error


@dataclass(frozen=True)
class Packages:
    """What spark-submit would fetch by itself: Maven coordinates, and those to leave out."""

    packages: tuple[str, ...]
    excluded: tuple[str, ...]

    @property
    def options(self) -> list[str]:
        """The words of spark-submit's command line."""
        return ["--packages", ",".join(self.packages), "--exclude-packages", ",".join(self.excluded)]


def packages() -> Packages:
    """The same jars by name, for spark-submit's own fetching; without those that it can't fetch alone, without all they need."""
    root = ET.fromstring(_POM.read_text("utf-8"))  # noqa: S314 - it is a part of this package
    versions = {str(tag.tag).rpartition("}")[2]: str(tag.text) for tag in root.findall("{*}properties/{*}*")}
    wanted, excluded = [], []
    for dependency in root.findall("{*}dependencies/{*}dependency"):
        group, name = dependency.findtext("{*}groupId"), dependency.findtext("{*}artifactId")
        without = [
            f"{one.findtext('{*}groupId')}:{one.findtext('{*}artifactId')}"
            for one in dependency.iterfind(".//{*}exclusion")
        ]
        if "*:*" in without:
            continue
        version = dependency.findtext("{*}version") or "${aws.version}"
        wanted.append(f"{group}:{name}:{versions[version.strip('${}')]}")
        excluded += without
    return Packages(tuple(wanted), tuple(excluded))


def _gather(pom: bytes, folder: Path) -> None:
    """Fill `folder`; it appears whole or not at all."""
    maven = shutil.which("mvn")
    if maven is None:
        raise MissingPartError(
            f"Spark needs jars to reach S3; they are not in {folder.parent}, and there is no Maven (mvn) on the PATH "
            "to fetch them. Install Maven, or copy the folder from a machine that has them."
        )
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f"{folder.name}.", dir=folder.parent) as unfinished:
        project, gathered = Path(unfinished) / "pom.xml", Path(unfinished) / "jars"
        project.write_bytes(pom)
        goal = ["dependency:copy-dependencies", f"-DoutputDirectory={gathered}"]
        command = [maven, "-B", "-q", "-f", str(project), *goal]
        result = subprocess.run(  # noqa: S603 - no argument comes from a user
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
        )
        if result.returncode:
            errors = "\n".join(line for line in result.stdout.splitlines() if line.startswith("[ERROR]"))
            raise StorageError(
                f"Maven could not fetch the jars for S3 (code {result.returncode}); try again.\n{errors}"
            )
        try:
            gathered.rename(folder)
        except OSError:
            if not folder.is_dir():  # else another call was quicker, with the same jars
                raise
