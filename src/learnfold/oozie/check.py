"""What can be seen of the files without a server: XML, transitions to nowhere, names that nothing defines.

Oozie's schemas accept the last two, and its server finds them only when a job is submitted or runs.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING

from learnfold.oozie.properties import read_properties

if TYPE_CHECKING:
    from collections.abc import Iterator

_OWN = frozenset({"YEAR", "MONTH", "DAY", "HOUR", "MINUTE", "user.name"})
"""Names that Oozie gives itself."""

_WORDS = frozenset(
    {"eq", "ne", "lt", "gt", "le", "ge", "and", "or", "not", "empty", "true", "false", "null", "div", "mod"}
)


def problems(files: dict[str, str]) -> list[str]:
    """What is wrong with the files, in their order; empty when nothing is."""
    properties = read_properties(files["job.properties"])
    found: list[str] = []
    trees: dict[str, ET.Element] = {}
    for name in ("workflow.xml", "coordinator.xml"):
        try:
            trees[name] = ET.fromstring(files[name])  # noqa: S314
        except ET.ParseError as error:
            found.append(f"{name} is not XML: {error}")
    if "workflow.xml" in trees:
        found += [f"workflow.xml: {problem}" for problem in _transitions(trees["workflow.xml"])]
    given = set(properties) | _OWN | _passed_on(trees.get("coordinator.xml"))
    for name, tree in trees.items():
        known = given | _parameters(tree)
        found += [f"{name}: nothing defines ${{{used}}}" for used in sorted(_used(tree) - known)]
    for name, value in properties.items():
        found += [
            f"job.properties: {name} names ${{{used}}}, which nothing defines"
            for used in sorted(set(re.findall(r"\$\{([\w.]+)\}", value)) - set(properties) - _OWN)
        ]
        if re.search(r"secret|password|access\.?key|token", name, re.IGNORECASE):
            found.append(f"job.properties: {name} looks like a secret; give it to the cluster instead")
    return found


def _local(element: ET.Element) -> str:
    return element.tag.rpartition("}")[2]


def _transitions(workflow: ET.Element) -> Iterator[str]:
    nodes = [child for child in workflow if _local(child) in {"action", "fork", "join", "decision", "kill", "end"}]
    names = [node.get("name", "") for node in nodes]
    yield from (f"there are two nodes {name!r}" for name in sorted({name for name in names if names.count(name) > 1}))
    reached = set()
    for element in workflow.iter():
        if _local(element) in {"start", "ok", "error", "case", "default", "join", "path"}:
            target = element.get("to") or element.get("start") or ""
            reached.add(target)
            if target not in names:
                yield f"<{_local(element)}> goes to {target!r}, and there is no such node"
    yield from (f"nothing leads to {name!r}" for name in names if name not in reached)


def _parameters(tree: ET.Element) -> set[str]:
    return {
        name.text or ""
        for parameters in tree
        if _local(parameters) == "parameters"
        for name in parameters.iter()
        if _local(name) == "name"
    }


def _passed_on(coordinator: ET.Element | None) -> set[str]:
    if coordinator is None:
        return set()
    return {
        child.text or ""
        for element in coordinator.iter()
        if _local(element) == "property"
        for child in element
        if _local(child) == "name"
    }


def _used(tree: ET.Element) -> set[str]:
    """The variables of all ``${…}``; calls of functions, words and texts in quotes aren't any."""
    texts = [text for element in tree.iter() for text in (element.text, *element.attrib.values()) if text]
    used: set[str] = set()
    for text in texts:
        for expression in re.findall(r"\$\{([^}]*)\}", text):
            bare = re.sub(r"'[^']*'|\"[^\"]*\"", "", expression)
            used |= {
                name for name in re.findall(r"(?<![\w:.])([A-Za-z_][\w.]*)(?!\s*\(|[\w:.])", bare) if name not in _WORDS
            }
    return used
