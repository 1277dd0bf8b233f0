"""What the S3 servers have in common: credentials, buckets, clients."""

import datetime as dt
import hashlib
import hmac
import secrets
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from obstore.store import S3Store

from .service import Service, ServiceError, free_ports


class S3Server(Service):
    """An S3 server on 127.0.0.1 with credentials of its own; objects are addressed by path, not by host name."""

    region = "us-east-1"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.data = self.folder / "data"
        self.data.mkdir(exist_ok=True)
        self.access_key = secrets.token_hex(10)
        self.secret_key = secrets.token_hex(20)
        (self.port,) = free_ports(1)

    @property
    def endpoint(self) -> str:
        """Where clients go."""
        return f"http://127.0.0.1:{self.port}"

    def store(self, bucket: str, prefix: str | None = None, **settings: Any) -> S3Store:
        """A client of one bucket, below `prefix`; `settings` are obstore's."""
        return S3Store(
            bucket,
            prefix=prefix,
            endpoint=self.endpoint,
            region=self.region,
            access_key_id=self.access_key,
            secret_access_key=self.secret_key,
            virtual_hosted_style_request=False,
            client_options={"allow_http": True},
            **settings,
        )

    def create_bucket(self, bucket: str) -> str:
        """The bucket's name; it exists now, if it didn't before."""
        request = urllib.request.Request(
            f"{self.endpoint}/{bucket}", method="PUT", headers=self.signed("PUT", f"/{bucket}")
        )
        try:
            with urllib.request.urlopen(request, timeout=10):
                return bucket
        except urllib.error.HTTPError as error:
            with error:
                answer = error.read().decode(errors="replace")
            if error.code == 409 and ("BucketAlreadyOwnedByYou" in answer or "BucketAlreadyExists" in answer):
                return bucket
            raise ServiceError(f"{self.name} refused to make the bucket {bucket}: {answer}") from error

    def new_bucket(self) -> str:
        """The name of a new bucket that nobody else uses."""
        return self.create_bucket(f"bucket-{secrets.token_hex(6)}")

    def aws_environment(self) -> dict[str, str]:
        """The variables by which AWS's own clients find this server."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_REGION": self.region,
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret_key,
        }

    def serves(self) -> bool:
        """Whether it answers a signed request; some servers say that they are ready before they can."""
        request = urllib.request.Request(f"{self.endpoint}/", headers=self.signed("GET", "/"))
        try:
            with urllib.request.urlopen(request, timeout=10):
                return True
        except OSError:
            return False

    def signed(self, method: str, path: str, body: bytes = b"", service: str = "s3") -> dict[str, str]:
        """The headers of a request, signed by AWS's signature version 4."""
        time = dt.datetime.now(dt.UTC).strftime("%Y%m%dT%H%M%SZ")
        content = hashlib.sha256(body).hexdigest()
        headers = {"host": f"127.0.0.1:{self.port}", "x-amz-content-sha256": content, "x-amz-date": time}
        names = ";".join(headers)
        canonical = "\n".join(
            [method, path, "", *(f"{name}:{value}" for name, value in headers.items()), "", names, content]
        )
        scope = f"{time[:8]}/{self.region}/{service}/aws4_request"
        text = "\n".join(["AWS4-HMAC-SHA256", time, scope, hashlib.sha256(canonical.encode()).hexdigest()])
        key = f"AWS4{self.secret_key}".encode()
        for part in scope.split("/"):
            key = hmac.digest(key, part.encode(), "sha256")
        signature = hmac.digest(key, text.encode(), "sha256").hex()
        credential = f"AWS4-HMAC-SHA256 Credential={self.access_key}/{scope}"
        return {**headers, "authorization": f"{credential}, SignedHeaders={names}, Signature={signature}"}
