"""How often one network may do what costs letters or work. Kept in memory: a restart forgets it, which harms nobody."""

from __future__ import annotations

import ipaddress
from collections import OrderedDict, deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from starlette.requests import Request

_MAX_NETWORKS: Final = 10_000  # the one unused for longest is forgotten first


@dataclass(slots=True)
class Limit:
    """At most ``times`` within ``span`` for each network; ``times`` of 0 is no limit."""

    times: int
    span: timedelta
    seen: OrderedDict[str, deque[datetime]] = field(default_factory=OrderedDict, repr=False)

    def allows(self, network: str, now: datetime) -> bool:
        """Count one more of ``network``, or say that it is too much."""
        moments = self.seen.setdefault(network, deque())
        self.seen.move_to_end(network)
        while moments and moments[0] <= now - self.span:
            moments.popleft()
        if len(self.seen) > _MAX_NETWORKS:
            self.seen.popitem(last=False)
        if self.times and len(moments) >= self.times:
            return False
        moments.append(now)
        return True


def network_of(request: Request) -> str:
    """The client's network: an IPv4 address, or the /64 of an IPv6 address."""
    host = request.client.host if request.client else ""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    mapped = getattr(address, "ipv4_mapped", None)
    if mapped is not None or address.version == 4:  # noqa: PLR2004 - the version of the protocol
        return str(mapped or address)
    return str(ipaddress.ip_network((address, 64), strict=False))
