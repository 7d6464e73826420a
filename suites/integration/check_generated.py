"""The API answers as documented to requests that nobody wrote."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from checks.claim import check
from checks.findings import Findings
from evidence.errors import CannotTell
from evidence.variables import variable
from suites.api import needed
from suites.integration import generated
from suites.integration.contract import Api
from suites.openapi import base_path
from suites.touched import TOUCHED, rate


@pytest.fixture
def asked(http: httpx.Client, api: Api, tmp_path: Path) -> tuple[list[str], Path]:
    """The command that makes the requests, and schemathesis' own file for it."""
    declared = needed(api.generated, "[api.generated]")
    file, target = tmp_path / "schemathesis.toml", variable("TARGET_URL")
    file.write_text(generated.configuration(declared.headers), encoding="utf-8")
    served = target + base_path(http.get(api.openapi).raise_for_status().json(), api.openapi)
    return generated.command(declared, target + api.openapi, served, str(file), rate(target, os.environ)), file


@check("API-006", needs="attack")
def check_generated_requests_are_answered_as_documented(
    api: Api,
    asked: tuple[list[str], Path],
    measure: Callable[..., None],
    attach: Callable[[str, str], None],
    findings: Findings,
) -> None:
    """Requests generated from the document, valid and invalid, meet no server error and no undocumented answer."""
    declared, (command, file) = needed(api.generated, "[api.generated]"), asked
    seen, printed = generated.run(command, file.parent, declared.within_s)
    for request in seen.asked:
        TOUCHED.add(*request)
    # The command that makes the same requests again comes first; its file is attached, too.
    attach("schemathesis.txt", printed)
    attach("schemathesis.toml", file.read_text(encoding="utf-8"))
    unreached = [operation for operation in seen.unreached if operation not in declared.not_reached]
    measure(operations_total=len(seen.statuses), cases_total=seen.cases, unreached_total=len(seen.unreached))
    for (operation, name), what in seen.failures.items():
        findings.add(place=f"{operation} {name}", what=what)
    if not findings.found:
        _looked_everywhere(seen, unreached)


def _looked_everywhere(seen: generated.Seen, unreached: list[str]) -> None:
    if seen.stopped != "completed":
        msg = f"schemathesis did not come to its end ({seen.stopped}): [api.generated] within_s"
        raise CannotTell(msg)
    if unreached:
        msg = (
            f"nothing was seen but 401, 403, 404 or 429 of {', '.join(unreached)}: give [api.generated] headers that"
            " may ask them, or say under not_reached why not"
        )
        raise CannotTell(msg)
