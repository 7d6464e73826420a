"""What release.toml declares for the smoke checks."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

NO_PAGE = "[smoke] pages declares no page: list the paths that must load"
PagePath = Annotated[str, msgspec.Meta(pattern="^/")]


class Lighthouse(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[smoke.lighthouse]`: the pages to be scored, Lighthouse's settings for a desk or a phone, and how many runs."""

    pages: Annotated[tuple[PagePath, ...], msgspec.Meta(min_length=1)]
    preset: Literal["desktop", "mobile"] = "desktop"
    runs: Annotated[int, msgspec.Meta(ge=3)] = 3


class Smoke(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[smoke]`: pages by path, folders of pytest-playwright tests, refusals that are meant.

    `expected_requests` are requests that a journey makes fail on purpose, as SMOKE-002 writes them:
    `401 POST /api/session`. A page that a journey opens may answer 4xx without being listed.
    """

    pages: tuple[PagePath, ...] = ()
    journeys: tuple[str, ...] = ()
    expected_requests: tuple[str, ...] = ()
    lighthouse: Lighthouse | None = None
