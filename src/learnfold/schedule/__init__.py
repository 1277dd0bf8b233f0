"""Runs by the clock, without Oozie: when one is due, one at a time, what was missed caught up."""
