"""What the target wrote down while it was asked: its log is read by more people than its database."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from checks.claim import check
from checks.findings import Findings
from evidence.errors import CannotTell, NotApplicable
from evidence.release import Release
from evidence.variables import VARIABLE, resolve
from suites.api import Client
from suites.security import leaks
from suites.security.conftest import submit, token_of
from suites.security.contract import Account, Csrf, Keys

NOT_THERE = "/no-such-page-of-the-release-verification"


@pytest.fixture
def used(release: Release, account: Account, csrf: Csrf, member: httpx.Client) -> dict[str, str]:
    """Use what nobody may write down, in requests that work and in such that fail; what was made for it, by name."""
    made = {"SESSION_TOKEN": str(member.cookies[account.session_cookie]), "CSRF_TOKEN": token_of(member, csrf)}
    member.get(NOT_THERE)
    with Client(apart=True) as nobody:
        submit(nobody, account, **resolve(account.wrong))
        if release.security.get("keys"):
            keys = release.section("security.keys", Keys)
            for path in (keys.reading.path, NOT_THERE):
                nobody.get(path, headers={keys.header: resolve(keys.read)})
    return made


@check("LEAK-004", needs="write")
def check_log_holds_no_secret(
    release: Release, used: dict[str, str], findings: Findings, measure: Callable[..., None]
) -> None:
    """The target's log has no password, key, session or token in it, of requests that work and of those that fail."""
    if release.target.get("url"):
        message = f"{release.path}: the target is already running, and its log is not to be read from here"
        raise NotApplicable(message)
    log = _log()
    measure(bytes_total=len(log))
    for rule, _ in leaks.secrets(log, {**known(release), **used}):
        findings.add(f"target.log {rule}", f"the log has it in clear ({rule}): whoever reads logs can use it")


def known(release: Release) -> dict[str, str]:
    """The variables that release.toml names, and those that the target told, with what is in them."""
    named = {*VARIABLE.findall(release.path.read_text(encoding="utf-8"))}
    named |= set(filter(None, os.environ.get("RELEASE_SECRETS", "").split(",")))
    return {name: os.environ.get(name, "") for name in sorted(named)}


def _log() -> str:
    """What the target wrote so far."""
    run, stage = os.environ.get("RELEASE_RUN", ""), os.environ.get("RELEASE_STAGE", "")
    file = Path(run, "attachments", stage, "target.log")
    text = file.read_text(encoding="utf-8", errors="replace") if run and file.exists() else ""
    if not text:
        message = "the target has written nothing to its output: what it logs, if it does, is elsewhere"
        raise CannotTell(message)
    return text
