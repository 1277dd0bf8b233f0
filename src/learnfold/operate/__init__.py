"""What operators do with published batches: status, diff, verify, rollback."""
