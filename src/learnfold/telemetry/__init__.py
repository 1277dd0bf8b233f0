"""What learnfold says of itself: progress, log lines and metrics."""
