"""A run: plan, fold, refresh, check, publish, read in that order."""
