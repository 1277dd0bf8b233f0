"""Kafka: how it is reached, messages many at once, and reading a topic."""
