"""All batch jobs, or one: ``python batch_layer/run_batch_jobs.py [JOB] IN OUT``."""

import sys
from pathlib import Path

try:
    from learnfold.cli.doorway import main
except ModuleNotFoundError:  # a clone that isn't installed
    sys.path[:0] = [str(Path(__file__).resolve().parents[1] / folder) for folder in ("src", "")]
    from learnfold.cli.doorway import main

if __name__ == "__main__":
    sys.exit(main())
