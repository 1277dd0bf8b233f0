"""What learnfold reports of itself: progress, log lines, metrics, alerts, lineage."""
