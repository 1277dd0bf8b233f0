"""Views give the rows that their authors wrote beside some events."""

from __future__ import annotations

from pathlib import Path

import pytest

from learnfold.settings import Settings
from promises.examples import FOLDER, disagreements, example

FILES = sorted(FOLDER.iterdir())


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_view_gives_the_rows_of_its_example(file: Path, tmp_path: Path) -> None:
    """Events that come in two runs and two shapes; every row, and no other."""
    said = example(file)
    assert disagreements(said, tmp_path, Settings()) == [], said.title


def test_an_example_that_is_wrong_is_told(tmp_path: Path) -> None:
    """Another number, and a row that isn't there, are differences; so an example that fails can be seen to."""
    said = example(FOLDER / "video_popularity.json")
    said.rows[0]["unique_viewers"] = 3
    said.rows.append(said.rows[1] | {"video_id": "v3"})
    assert len(disagreements(said, tmp_path, Settings())) == 2


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("video_popularty.json", "{}", "no video_popularty"),
        ("video_popularity.json", '{"events": {"film_topic": []}, "rows": []}', "not so: title, film_topic"),
        ("video_popularity.more.json", '{"title": "", "events": {}, "rows": [], "note": 1}', "not so: note"),
    ],
)
def test_a_file_that_is_no_example_is_refused(name: str, text: str, told: str, tmp_path: Path) -> None:
    """Never passed over: an example that nobody runs proves nothing."""
    (tmp_path / name).write_text(text, "utf-8")
    with pytest.raises(ValueError, match=told):
        example(tmp_path / name)
