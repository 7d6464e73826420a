"""The release's own linters."""

from __future__ import annotations

from checks.claim import check
from evidence.release import Release
from suites.source.conftest import Clean


@check("LINT-001")
def check_linters_find_nothing(release: Release, clean: Clean) -> None:
    """The release's own linters and formatters find nothing to say."""
    clean("lint", release.source.lint)
