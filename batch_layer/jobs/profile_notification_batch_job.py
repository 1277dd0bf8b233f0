"""Profile and notification analytics: ``python batch_layer/jobs/profile_notification_batch_job.py IN OUT``, or by spark-submit with ``--py-files dist/learnfold.zip``."""

import sys
from pathlib import Path

try:
    from learnfold.cli.doorway import main
except ModuleNotFoundError:  # a clone that isn't installed
    sys.path[:0] = [str(Path(__file__).resolve().parents[2] / folder) for folder in ("src", "")]
    from learnfold.cli.doorway import main

if __name__ == "__main__":
    sys.exit(main("profile_notification"))
