"""learnfold: batch views of learning events."""

__version__ = "0.1.0"
