"""Who a proxy says asks: by headers that it sets, believed from its addresses alone."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING

from learnfold.errors import UsageError
from learnfold.serve.callers import Caller

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class Proxy:
    """A proxy that signs people in."""

    def __init__(
        self, addresses: Sequence[str], user: str = "X-Forwarded-User", roles: str = "X-Forwarded-Groups"
    ) -> None:
        """Raises UsageError for what is no address or network."""
        try:
            self._networks = [ip_network(address) for address in addresses]
        except (ValueError, TypeError) as error:
            raise UsageError(f"[proxy] addresses: {error}") from error
        if not self._networks:
            raise UsageError("[proxy] needs addresses, such as ['10.0.0.5', '10.1.0.0/16']")
        self._user, self._roles = user.lower(), roles.lower()
        self._secret = secrets.token_bytes(16)

    def caller(self, peer: str, headers: Mapping[str, str]) -> Caller | None:
        """Who asks; None where it isn't the proxy that says so, or it says nothing."""
        try:
            address = ip_address(peer)
        except ValueError:
            return None
        user = headers.get(self._user, "").strip()
        if not user or not any(address in network for network in self._networks):
            return None
        label = hmac.new(self._secret, user.encode("utf-8", "replace"), hashlib.sha256).hexdigest()[:8]
        roles = tuple(part.strip() for part in headers.get(self._roles, "").split(",") if part.strip())
        return Caller(f"proxy:{label}", roles or ("",), {"sub": (user,)})
