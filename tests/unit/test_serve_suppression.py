"""What small groups would tell isn't told by any two answers together: batches, filters, orders, counts, files, explanations."""

from __future__ import annotations

import contextlib
import csv
import io
import re
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest
from serving import Client, served
from small_place import Place

from learnfold.catalog import Topic, load
from learnfold.cli import main
from learnfold.serve.forms import can_withhold
from learnfold.serve.small_groups import SUPPRESSED
from promises.messages import TYPES

if TYPE_CHECKING:
    from collections.abc import Iterator

VIEWS = {view.name: view for view in load().views.values() if can_withhold(view)}
GROUPS = {"v": 22, "w": 12, "x": 2, "y": 4}
"""So many people did the same with each of these, all in one course."""

Answer = tuple[str, int, str]
"""An address, the answer's status, and its text without what every batch has anew."""


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Answer], list[Answer]]:
    """What the public is answered of a day on which every topic had these groups, and after one person more was in ``x``."""
    place = Place(tmp_path_factory.mktemp("groups"))
    people = [(group, f"{group}{number}") for group, many in GROUPS.items() for number in range(many)]
    found = []
    for who, seconds in ((people, 1000), ([("x", "one")], 1)):
        for topic in load().topics.values():
            rows = [row for group, person in who for row in events(topic, group, person, seconds)]
            place.add(topic.name, pa.Table.from_pylist(rows))
        place.run(*load().jobs)
        found.append(asked_as_public(place))
    return found[0], found[1]


def events(topic: Topic, group: str, person: str, seconds: int) -> Iterator[dict[str, object]]:
    """One event of each type of the topic: what the person did with what is called as the group."""
    for kind in dict.fromkeys(TYPES[topic.name]):
        event: dict[str, object] = {
            one.name: group if one.type == "VARCHAR" else [group] for one in topic.sent if "VARCHAR" in one.type
        }
        event |= {one.name: person for one in topic.sent if one.names == "owner"}
        event |= {one.name: None for one in topic.sent if one.names == "anyone"}
        event |= {one.name: seconds for one in topic.sent if one.type == "INTEGER"}
        event |= {"event_id": f"{topic.name}-{kind}-{person}", "event_type": kind, "timestamp": "2025-12-01 10:00:00"}
        yield event | {
            "role": None,
            "course_id": "c",
            "session_id": person,
            "notification_id": person,
            "post_id": person,
        }


def asked_as_public(place: Place) -> list[Answer]:
    """Every kind of question that may be asked of what is about groups of five, and its answer."""
    folder = place.root
    (folder / "access.toml").write_text('[[rules]]\nrole = "public"\nviews = ["*"]\nrows = "all"\nleast_people = 5\n')
    tokens = folder / "tokens.json"
    tokens.unlink(missing_ok=True)
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        main(["serve", "token", "--tokens", str(tokens), "--name", "public", "--role", "public"])
    access = {"open": False, "tokens": str(tokens), "access": str(folder / "access.toml")}
    with served(place.out, **access) as client:
        return [ask(client, address, said.getvalue().strip()) for address in addresses()]


def addresses() -> list[str]:
    """Addresses by which a withheld number could be looked for, in every view that can withhold one."""
    found = ["/v1/views", "/v1/freshness"]
    for name, view in VIEWS.items():
        found += [f"/v1/views/{name}?count=true", f"/v1/views/{name}/export?format=csv"]
        for column in view.columns:
            found.append(f"/v1/explain/{name}/{column.name}")
            found.append(f"/v1/views/{name}?count=true&order=-{column.name}")
            found.append(f"/v1/views/{name}?count=true&{column.name}.is_null=true")
            if column.type in {"BIGINT", "DOUBLE"}:
                found += [f"/v1/views/{name}?count=true&{column.name}.ge={number}" for number in (2, 4, 2000)]
    return found


def ask(client: Client, address: str, token: str) -> Answer:
    """The address, the answer's status, and its text."""
    answer = client.get(address, headers={"Authorization": f"Bearer {token}"})
    text = re.sub(r"\d{8}T\d{6}-[0-9a-f]{8}", "BATCH", answer.text)
    return address, answer.status_code, re.sub(r"\d{4}-\d{2}-\d{2}T[\d:.]+(Z|\+00:00)", "TIME", text)


def test_one_person_more_in_a_small_group_changes_no_answer(answers: tuple[list[Answer], list[Answer]]) -> None:
    """Whatever is asked of the batch before and of the batch after, of any view: they can't be told apart."""
    before, after = answers
    assert [pair for pair in zip(before, after, strict=True) if pair[0] != pair[1]] == []
    assert {status for _, status, _ in before} == {200}


@pytest.mark.parametrize("name", VIEWS)
def test_what_is_withheld_is_in_no_answer(name: str, answers: tuple[list[Answer], list[Answer]]) -> None:
    """Rows of the two small groups have their key and nothing else."""
    texts = {address: text for address, _, text in answers[1]}
    rows = list(csv.DictReader(io.StringIO(texts[f"/v1/views/{name}/export?format=csv"])))
    key = VIEWS[name].key
    assert rows
    for row in rows:
        small = {"x", "y"} & {row[part] for part in key}
        assert row[SUPPRESSED] == "true" or not small
        if row[SUPPRESSED] == "true":
            assert {value for part, value in row.items() if part not in {*key, SUPPRESSED}} == {""}
