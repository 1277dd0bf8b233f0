"""A small dataset and the places to run from, made once."""

from __future__ import annotations

from pathlib import Path

import pytest

from promises.growing import grow
from seed.place import Place, bare_clone, repository


@pytest.fixture(scope="session")
def master(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """20 events of each topic on 1 December 2025, and as many on the 2nd."""
    folder = tmp_path_factory.mktemp("seed") / "master_dataset"
    grow(folder, 0)
    grow(folder, 1)
    return folder


@pytest.fixture(scope="session")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """A bare copy of the tree."""
    return bare_clone(tmp_path_factory.mktemp("bare"))


@pytest.fixture(params=["repository", "bare clone"])
def place(request: pytest.FixtureRequest) -> Place:
    """Both."""
    found: Place = request.getfixturevalue("clone") if request.param == "bare clone" else repository()
    return found
