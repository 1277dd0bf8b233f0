"""Events in: from Kafka, from files, from learning platforms, into the master dataset."""
