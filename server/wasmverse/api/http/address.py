"""What counts as one address, where limits are by address."""

from __future__ import annotations

import ipaddress
from functools import lru_cache

PREFIX_BITS = 64
"""One customer has an IPv6 network of at least this size, so its single addresses cost nothing."""


@lru_cache(4096)
def counted_address(host: str) -> str:
    """An IPv4 address as it is, also one mapped into IPv6; of other IPv6 addresses the /64; anything else as it is."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    if address.is_loopback:
        return str(address)
    # A zone index is this machine's, not part of the address.
    return str(ipaddress.IPv6Network((int(address), PREFIX_BITS), strict=False))
