"""The release is configured for where it runs."""

from __future__ import annotations

import subprocess
from collections.abc import Callable

from checks.claim import check
from checks.findings import Findings
from evidence.errors import CannotTell
from evidence.release import Release
from suites.integration import configuration
from suites.integration.contract import Configuration

SHOWN_WITHIN_S = 30


@check("CONFIG-001")
def check_the_configuration_can_go_into_production(
    release: Release, measure: Callable[..., None], findings: Findings
) -> None:
    """Every required variable is set, no secret is a default, and no database elsewhere is spoken to in clear text."""
    declared = release.section("security.configuration", Configuration)
    shown = subprocess.run(  # noqa: S603 - the release's own command
        declared.show, cwd=release.root, capture_output=True, text=True, timeout=SHOWN_WITHIN_S, check=False
    )
    variables = configuration.read(shown.stdout)
    if shown.returncode or not variables:
        # What it printed may be secrets: it is not repeated.
        msg = f"{release.path}: [security.configuration] show: exit code {shown.returncode}, {len(variables)} variables"
        raise CannotTell(msg)
    measure(secrets_total=len(declared.secrets), required_total=len(declared.required))
    for place, what in configuration.problems(variables, declared):
        findings.add(place=place, what=what)
