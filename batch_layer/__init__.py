"""The seed's own commands: doorways to learnfold."""
