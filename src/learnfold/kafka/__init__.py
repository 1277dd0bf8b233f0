"""Kafka: how it is reached, messages many at once, and looking into a topic."""
