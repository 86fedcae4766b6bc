"""What the pages can be told in ``[web]``."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class WebSettings:
    """``listen`` and ``staff_listen`` are ``host:port``; without ``staff_listen`` staff share the public listener.

    ``trusted_proxies`` are addresses or networks whose X-Forwarded-For and X-Forwarded-Proto are believed.
    """

    listen: str = "127.0.0.1:8080"
    staff_listen: str = ""
    trusted_proxies: tuple[str, ...] = ()
    #: Requests and sign-ups that one network (an IPv4 address, an IPv6 /64) may send through the forms in one hour.
    form_per_network_hour: int = 20
    #: Tries to sign in that one network may make in a quarter of an hour, before passwords are even looked at.
    logins_per_network: int = 30
