"""Nothing is served that was never meant to be: secrets, and files that were left on the server."""

from __future__ import annotations

import os
from collections.abc import Callable

import httpx
import pytest

from checks.claim import check
from checks.findings import Findings
from suites.security import leaks
from suites.security.answers import Seen


@check("LEAK-002")
def check_answers_hold_no_secret(
    http: httpx.Client, answers: tuple[Seen, ...], findings: Findings, measure: Callable[..., None]
) -> None:
    """No page, script, API answer or metric has a secret in it, and no script comes with the map to its source."""
    known = {name: os.environ.get(name, "") for name in os.environ.get("RELEASE_SECRETS", "").split(",") if name}
    measure(answers_total=len(answers))
    for seen in answers:
        for rule, what in leaks.secrets(seen.answer.text, known):
            findings.add(f"{seen.place} {rule}", what)
        if seen.place == "file .js" and leaks.is_source_map(http.get(f"{seen.answer.url.path}.map")):
            findings.add("file .js.map", "the map of a script is served: the source with its comments")


@check("LEAK-003")
@pytest.mark.usefixtures("answers")
def check_no_file_is_left_on_the_server(http: httpx.Client, findings: Findings) -> None:
    """Nothing of the version control, the environment, backups or debugging is served."""
    for path in leaks.FILES:
        if leaks.served(path, http.get(path)):
            findings.add(path, "it is served, and has in it what its name promises")
