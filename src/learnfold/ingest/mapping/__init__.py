"""Which statement of a learning platform is which of learnfold's events."""
