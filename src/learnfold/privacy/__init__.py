"""Finding and erasing a person, everywhere."""
