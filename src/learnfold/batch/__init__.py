"""A run: plan, fold, ask, check, publish, read in that order."""
