"""What is installed here, and what can be reached with the settings as they are."""

from learnfold.doctor.installed import Component, installed
from learnfold.doctor.reachable import Check, check_input, check_kafka, check_output

__all__ = ["Check", "Component", "check_input", "check_kafka", "check_output", "installed"]
