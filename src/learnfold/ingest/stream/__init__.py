"""Kafka into the master dataset: any number of processes that share the partitions."""
