"""The immutable events: how they lie, what is there, what is wrong with some."""
