"""What may be done to a running release: anything on loopback, elsewhere only what release.toml allows.

Reading needs no permission. Of `[target] allow`, `write` leaves objects, if only for a moment; `attack` sends hostile
input, or asks more than is polite; `load` asks as much as release.toml declares.
"""

from __future__ import annotations

import ipaddress
from typing import Literal
from urllib.parse import urlsplit

from evidence.release import Release

Need = Literal["write", "attack", "load"]


def refusal(release: Release, need: Need, url: str) -> str | None:
    """Say why this may not be done to the deployment at `url`, and how to allow it; None where it may."""
    allowed = release.target.get("allow", [])
    if is_loopback(url) or need in allowed:
        return None
    host = urlsplit(url).hostname
    return f'{release.path}: [target] allow does not have "{need}", so {host} was not touched; add it where it is safe'


def is_loopback(url: str) -> bool:
    """Say whether a URL is of this machine."""
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
