"""The release's own type checkers."""

from __future__ import annotations

from checks.claim import check
from evidence.release import Release
from suites.source.conftest import Clean


@check("TYPES-001")
def check_types_hold(release: Release, clean: Clean) -> None:
    """The release's own type checkers find nothing to say."""
    clean("types", release.source.types)
