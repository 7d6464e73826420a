"""What release.toml says of the monthly drill."""

from __future__ import annotations

import re
from typing import Annotated

import msgspec

from evidence.errors import InputError

SIZES = {"kB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
TIMES = {"s": 1, "min": 60, "h": 3600}
Size = Annotated[str, msgspec.Meta(pattern=r"^\d+(\.\d+)? (kB|MB|GB|TB)$")]
Time = Annotated[str, msgspec.Meta(pattern=r"^\d+(\.\d+)? (s|min|h)$")]


class Dr(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[backup.dr]`: where the dated records are kept, who is told, and for what size a time is wanted.

    `webhook_env` and `heartbeat_env` name the variables that hold addresses: of a webhook that takes what Slack's take,
    and of a dead man's switch that is pinged by a drill that passed.
    """

    records: str = "docs/dr"
    webhook_env: str = ""
    heartbeat_env: str = ""
    size: Size | None = None
    target: Time = "30 min"


def amount(text: str) -> float:
    """Read a size in bytes, or a time in seconds."""
    number, unit = re.split(r" ", text)
    if (factor := {**SIZES, **TIMES}.get(unit)) is None:
        msg = f"{text!r}: is neither a size like '200 GB' nor a time like '30 min'"
        raise InputError(msg)
    return float(number) * factor
