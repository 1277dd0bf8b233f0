"""The names of the subjects: all that is needed to refuse a misspelt one before SQL is read."""

COMMON = "event"
"""The script whose one table holds the columns of every topic."""

JOBS = ("auth", "assessment", "video", "course", "profile_notification")
"""The subjects in the order they run and are listed."""
