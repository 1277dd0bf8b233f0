"""The jars by which Spark reaches S3."""

import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from learnfold.engines import jars
from learnfold.engines.jars import fetch_jars
from learnfold.errors import MissingPartError, StorageError
from services.stack.need import program
from services.stack.spark import spark_home

pytestmark = pytest.mark.services

POM = Path(jars.__file__).parent / "spark_jars" / "pom.xml"


def test_jars_are_fetched_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Maven fetches them into one folder; the second time it isn't needed."""
    program("mvn", "Fetching jars")
    found = fetch_jars(tmp_path)
    names = {re.sub(r"-[0-9][^-]*\.jar$", "", path.name) for path in found}
    assert {"hadoop-aws", "s3", "sts", "s3-transfer-manager", "apache-client"} <= names
    assert {"spark-sql-kafka-0-10_2.13", "kafka-clients", "commons-pool2"} <= names
    assert not {"bundle", "netty-common", "slf4j-api", "httpclient", "hadoop-client-runtime", "scala-library"} & names
    assert len({path.parent for path in found}) == 1
    assert found == sorted(found)
    assert [path for path in tmp_path.iterdir() if path != found[0].parent] == []
    monkeypatch.setenv("PATH", "")
    assert fetch_jars(tmp_path) == found


def test_without_maven_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Jars that were never fetched need Maven; the message names it, and nothing is left behind."""
    monkeypatch.setenv("PATH", "")
    with pytest.raises(MissingPartError, match="mvn"):
        fetch_jars(tmp_path / "cache")
    assert not (tmp_path / "cache").exists()


def test_a_folder_that_is_a_file_is_refused(tmp_path: Path) -> None:
    """A cache folder that can't be made is the user's to mend."""
    program("mvn", "Fetching jars")
    (tmp_path / "cache").touch()
    with pytest.raises(StorageError, match="Choose another folder"):
        fetch_jars(tmp_path / "cache")


def test_the_jars_are_of_sparks_own_hadoop() -> None:
    """hadoop-aws and the connector to Kafka must be of the very versions that Spark brings; others fail at run time."""
    (own,) = (spark_home() / "jars").glob("hadoop-client-api-*.jar")
    wanted = ET.parse(POM).getroot().find(".//{*}hadoop.version").text
    assert own.name == f"hadoop-client-api-{wanted}.jar"
    (core,) = (spark_home() / "jars").glob("spark-core_*.jar")
    connector = ET.parse(POM).getroot().find(".//{*}spark.version").text
    assert core.name == f"spark-core_2.13-{connector}.jar", "the connector to Kafka is of Spark's own version"
