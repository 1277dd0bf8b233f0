"""What came since the batch, added to its states within a tick: the same numbers, a tenth of a second old."""
