"""Any S3 as storage: MinIO, SeaweedFS, AWS and what speaks like them, through obstore."""

from learnfold.storage.s3.storage import S3Storage

__all__ = ["S3Storage"]
