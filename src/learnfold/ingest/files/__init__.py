"""Files into the master dataset: for backfills, and for those without Kafka."""
