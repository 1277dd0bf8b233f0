"""Oozie's files against the schemas that Oozie itself ships."""

import zipfile
from pathlib import Path

import pytest
from lxml import etree

from learnfold import catalog
from learnfold.oozie import oozie_files
from learnfold.schedule.frequency import FREQUENCIES
from learnfold.settings import Settings

from .stack.hadoop import hadoop_jars

pytestmark = pytest.mark.oozie

SCHEMAS = ("oozie-workflow-1.0", "oozie-coordinator-0.5", "spark-action-1.0", "email-action-0.2")


@pytest.fixture(scope="module")
def schema(tmp_path_factory: pytest.TempPathFactory) -> etree.XMLSchema:
    """One schema that imports each, as Oozie's server does."""
    folder = tmp_path_factory.mktemp("xsd")
    (jar,) = hadoop_jars().glob("oozie-client-*.jar")
    with zipfile.ZipFile(jar) as archive:
        archive.extractall(folder, [name for name in archive.namelist() if name.endswith(".xsd")])
    imports = ""
    for name in SCHEMAS:
        file = folder / f"{name}.xsd"
        space = etree.parse(file).getroot().get("targetNamespace")
        imports += f'<xs:import namespace="{space}" schemaLocation="{file.as_uri()}"/>'
    return etree.XMLSchema(
        etree.fromstring(f'<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema">{imports}</xs:schema>')
    )


@pytest.mark.parametrize("choice", FREQUENCIES)
@pytest.mark.parametrize("name", ["workflow.xml", "coordinator.xml"])
def test_the_generated_files_fit(schema: etree.XMLSchema, choice: str, name: str) -> None:
    """Of every frequency."""
    text = oozie_files(catalog.load(), Settings(), FREQUENCIES[choice])[name]
    assert schema.validate(etree.fromstring(text.encode())), schema.error_log


def test_the_committed_files_fit(schema: etree.XMLSchema) -> None:
    """As they lie in batch_layer/oozie."""
    files = sorted((Path(__file__).parents[2] / "batch_layer" / "oozie").glob("*.xml"))
    assert [file.name for file in files] == ["coordinator.xml", "workflow.xml"]
    for file in files:
        assert schema.validate(etree.parse(file)), schema.error_log


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("workflow.xml", "<master>", "<mister>"),
        ("workflow.xml", 'xmlns="uri:oozie:spark-action:1.0"', 'xmlns="uri:oozie:spark-action:9.9"'),
        ("coordinator.xml", 'frequency="${coord:hours(24)}"', ""),
    ],
)
def test_the_schemas_refuse_what_is_wrong(schema: etree.XMLSchema, name: str, old: str, new: str) -> None:
    """An unknown element, an unknown action, a missing attribute."""
    text = oozie_files(catalog.load(), Settings(), FREQUENCIES["daily"])[name]
    assert old in text
    broken = text.replace(old, new).replace("</master>", "</mister>" if new == "<mister>" else "</master>")
    assert not schema.validate(etree.fromstring(broken.encode()))
