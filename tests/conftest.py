"""How hard the tests try: ``LEARNFOLD_TRIES`` multiplies the modest number of random splits, orders and crashes."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, settings

import cost
from cost import pytest_addoption
from remarks import Remarks

__all__ = ["pytest_addoption"]

TRIES = float(os.environ.get("LEARNFOLD_TRIES", "1"))


def tries(modest: int) -> int:
    """``modest`` times the factor, at least 1."""
    return max(1, round(modest * TRIES))


settings.register_profile(
    "learnfold",
    deadline=None,
    max_examples=tries(15),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture, HealthCheck.data_too_large],
    print_blob=True,
)
settings.load_profile("learnfold")


def pytest_configure(config: pytest.Config) -> None:
    """What a run costs, and what it has to say beside its results."""
    cost.pytest_configure(config)
    config.pluginmanager.register(Remarks(config), "remarks")


@pytest.fixture(autouse=True)
def only_its_own_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test sees settings of the shell it was started from."""
    for name in list(os.environ):
        if name.startswith(("LEARNFOLD_", "AWS_", "MINIO_")) and name not in {"LEARNFOLD_TRIES", "LEARNFOLD_CACHE"}:
            monkeypatch.delenv(name)
