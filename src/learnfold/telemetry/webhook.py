"""Sends JSON to an address of the operator's; never to a machine's own metadata service, however its name is resolved."""

from __future__ import annotations

import http.client
import ipaddress
import json
import socket
import ssl
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from learnfold.errors import StorageError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

SECONDS = 10.0

_METADATA = {ipaddress.ip_address("fd00:ec2::254"), ipaddress.ip_address("100.100.100.200")}
"""Services that hand out a machine's keys, beside those at link-local addresses."""

_GOOD = range(200, 300)


def post_json(url: str, content: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> None:
    """Sends the content; redirects aren't followed.

    Raises UsageError for an address that is none, or that isn't allowed; StorageError where nobody takes it. Neither shows more of the
    address than its host: it may hold a key.
    """
    parts = urlsplit(url)
    try:
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if parts.scheme not in {"http", "https"} or not host:
        raise UsageError("an address to send to begins with http:// or https:// and a host")
    if any(ord(char) <= ord(" ") or ord(char) > ord("~") for char in url):
        raise UsageError(f"the address at {host} has characters that no address has")
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    options: dict[str, Any] = {"context": ssl.create_default_context()} if parts.scheme == "https" else {}
    connection = kind(host, port, timeout=SECONDS, **options)
    connection.__dict__["_create_connection"] = (
        _connect  # the peer is looked at once it is connected: a name can change
    )
    try:
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        data = json.dumps(content, ensure_ascii=False).encode()
        connection.request("POST", path, data, {"Content-Type": "application/json", **(headers or {})})
        answer = connection.getresponse()
        body = answer.read(500).decode("utf-8", "replace")
    except (OSError, http.client.HTTPException) as error:
        raise StorageError(f"{host} can't be reached: {error}") from error
    finally:
        connection.close()
    if answer.status not in _GOOD:
        raise StorageError(f"{host} answered {answer.status}: {' '.join(body.split())}")


def _connect(address: tuple[str, int], *args: Any, **options: Any) -> socket.socket:
    """A connection, but not to what gives away a machine's keys."""
    connected = socket.create_connection(address, *args, **options)
    peer = ipaddress.ip_address(connected.getpeername()[0].partition("%")[0])
    peer = getattr(peer, "ipv4_mapped", None) or peer
    if peer.is_link_local or peer in _METADATA:
        connected.close()
        raise UsageError(f"{address[0]} is {peer}, where a machine's keys are given out; nothing is sent there")
    return connected
