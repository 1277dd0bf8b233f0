"""What small groups would tell isn't told by any two answers together: batches, filters, orders, counts, files, explanations."""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path

import pytest
from serving import Client, served
from small_place import Place

from learnfold.catalog import load
from learnfold.cli import main
from learnfold.serve.forms import can_withhold

VIEWS = {view.name: view for view in load().jobs["video"].views if can_withhold(view)}


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """A day on which 22 people watched ``v``, 12 ``w``, 2 ``x`` and 4 ``y``, all in one course."""
    made = Place(tmp_path)
    for video, count in (("v", 22), ("w", 12), ("x", 2), ("y", 4)):
        made.watch(1, *(f"{video}{number}" for number in range(count)), seconds=1000, video_id=video)
    made.run()
    return made


def asked_as_public(place: Place) -> list[tuple[str, int, str]]:
    """Every kind of question that may be asked of what is about groups of five, and its answer without the batch's name and times."""
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
    """Addresses by which a withheld number could be looked for."""
    found = ["/v1/views", "/v1/freshness"]
    for name, view in VIEWS.items():
        found += [f"/v1/views/{name}?count=true", f"/v1/views/{name}/export?format=csv"]
        for column in view.columns:
            found.append(f"/v1/explain/{name}/{column.name}")
            found += [f"/v1/views/{name}?count=true&order={sign}{column.name}" for sign in ("-",)]
            found.append(f"/v1/views/{name}?count=true&{column.name}.is_null=true")
            if column.type in {"BIGINT", "DOUBLE"}:
                found += [f"/v1/views/{name}?count=true&{column.name}.ge={number}" for number in (2, 4, 2000)]
    return found


def ask(client: Client, address: str, token: str) -> tuple[str, int, str]:
    """The address, the answer's status, and its text without what every batch has anew."""
    answer = client.get(address, headers={"Authorization": f"Bearer {token}"})
    text = re.sub(r"\d{8}T\d{6}-[0-9a-f]{8}", "BATCH", answer.text)
    return address, answer.status_code, re.sub(r"\d{4}-\d{2}-\d{2}T[\d:.]+(Z|\+00:00)", "TIME", text)


def test_one_person_more_in_a_small_group_changes_no_answer(place: Place) -> None:
    """Whatever is asked of the batch before and of the batch after: they can't be told apart."""
    before = asked_as_public(place)
    place.watch(1, "one", seconds=1, video_id="x")
    place.run()
    after = asked_as_public(place)
    assert [pair for pair in zip(before, after, strict=True) if pair[0] != pair[1]] == []
    assert {status for _, status, _ in before} == {200}


def test_what_is_withheld_is_in_no_answer(place: Place) -> None:
    """No answer tells the watch time or the number of people of the two small groups, nor what is left of a total without the others."""
    answers = asked_as_public(place)
    for address, _, text in answers:
        if "/explain/" not in address and "video_popularity" in address and "export" in address:
            rows = [line.split(",") for line in text.splitlines()]
            withheld = [row for row in rows[1:] if row[0] in {"x", "y"}]
            assert len(withheld) == 2
            assert all(set(row[2:-1]) == {""} for row in withheld)
    totals = [
        text
        for address, _, text in asked_as_public(place)
        if address.endswith("video_course_metrics/export?format=csv")
    ]
    assert totals
    assert "6" not in totals[0].splitlines()[1].split(",")
