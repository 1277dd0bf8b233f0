"""A job a subject."""
