"""All batch jobs, or one: ``python batch_layer/run_batch_jobs.py [JOB] IN OUT``."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT))  # there batch_layer/config.py is found
try:
    from learnfold.cli.predecessor import main
except ModuleNotFoundError:  # a clone that isn't installed
    sys.path.insert(0, str(ROOT / "src"))
    from learnfold.cli.predecessor import main

if __name__ == "__main__":
    sys.exit(main())
