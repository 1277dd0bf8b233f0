"""The configuration of the batch layer, by the seed's keys; ``python batch_layer/config.py`` prints it.

``SETTINGS`` is the place to set anything for the commands in this folder, such as ``{"executor_memory": "8g"}``: any setting of
learnfold by its name. The environment (``LEARNFOLD_EXECUTOR_MEMORY=8g``) and flags win over it. Everything below it is derived.
Keys of the storage belong in the environment (``MINIO_ACCESS_KEY``, ``MINIO_SECRET_KEY``, or AWS's own variables), not in a file.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

try:
    from learnfold.settings import Settings
except ModuleNotFoundError:  # a clone that isn't installed
    sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))
    from learnfold.settings import Settings

from learnfold.schedule import frequency

SETTINGS: dict[str, object] = {}

FREQUENCIES = {choice.name: choice.oozie for choice in frequency.FREQUENCIES.values()}
"""How often the coordinator may run, in Oozie's words."""


def config(environment: dict[str, str] | None = None) -> dict[str, Any]:
    """The configuration as the settings and the catalogue have it; secrets are objects that print as ``***``."""
    from learnfold import catalog

    set_here = {f"LEARNFOLD_{name.upper()}": str(value) for name, value in SETTINGS.items()}
    settings = Settings.read({**set_here, **(dict(os.environ) if environment is None else environment)})
    jobs = catalog.load().jobs.values()
    return {
        "minio": {
            "endpoint": settings.s3_endpoint or "http://minio:9000",
            "access_key": Secret(settings.s3_access_key),
            "secret_key": Secret(settings.s3_secret_key),
            "ssl_enabled": settings.s3_endpoint.startswith("https://"),
            "path_style_access": settings.s3_path_style,
        },
        "paths": {
            "input": "s3a://bucket-0/master_dataset",
            "output": "s3a://bucket-0/batch_views",
            "checkpoint": "s3a://bucket-0/checkpoints/batch",
        },
        "spark": {
            "executor_memory": settings.executor_memory,
            "executor_cores": settings.executor_cores,
            "num_executors": settings.num_executors,
            "driver_memory": settings.driver_memory,
            "shuffle_partitions": settings.shuffle_partitions,
            "default_parallelism": settings.default_parallelism,
        },
        "schedule": {"frequency": FREQUENCIES["daily"], "timezone": "UTC", "choices": FREQUENCIES},
        "topics": {job.name: [topic.name for topic in job.topics] for job in jobs},
        "batch_views": {job.name: [view.name for view in job.views] for job in jobs},
    }


class Secret(str):
    """A text that doesn't show itself when it is printed within something."""

    __slots__ = ()

    def __repr__(self) -> str:
        """Stars, or nothing where nothing is set."""
        return "'***'" if self else "''"


def __getattr__(name: str) -> Any:
    """``CONFIG``: the configuration as of now."""
    if name == "CONFIG":
        return config()
    raise AttributeError(name)


def show() -> int:
    """Prints the configuration."""
    import pprint

    pprint.pprint(config(), sort_dicts=False, width=100)  # noqa: T203 - this is what it is for
    return 0


if __name__ == "__main__":
    from learnfold.cli import main_of

    sys.exit(main_of("config.py", show))
