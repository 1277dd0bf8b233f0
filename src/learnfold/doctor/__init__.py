"""What is installed here, and what can be reached with the settings as they are."""

from learnfold.doctor.installed import Part, installed
from learnfold.doctor.reachable import Check, check_input, check_kafka, check_output

__all__ = ["Check", "Part", "check_input", "check_kafka", "check_output", "installed"]
