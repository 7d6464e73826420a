"""The source has no known-bad pattern, no vulnerable dependency and no secret; and a bill of its materials."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from checks.claim import check
from evidence.release import Release, Undeclared
from suites.source.advisories import Snapshot, served
from suites.source.command import FINDINGS, Done, ToolBroke, run, tool

Measure = Callable[..., None]
SNAPSHOT = "RELEASE_ADVISORIES"


@pytest.fixture
def requirements(release: Release) -> list[str]:
    """The release's requirements files; each must be there."""
    if not release.source.requirements:
        msg = f"{release.path}: [source] requirements names no file; name them, or say why not in [not_applicable]"
        raise Undeclared(msg)
    missing = [name for name in release.source.requirements if not (release.root / name).is_file()]
    assert not missing, f"{release.path}: [source] requirements: {', '.join(missing)}: no such file"
    return list(release.source.requirements)


@check("SAST-001")
def check_no_known_bad_pattern(release: Release, measure: Measure) -> None:
    """Bandit finds no pattern of medium or high severity in the source."""
    done = run(tool("bandit", "--quiet", "--recursive", "--format", "json", *release.source.paths), release.root)
    report = _decoded(done, "bandit")
    if report["errors"]:
        msg = f"bandit could not read: {report['errors']}"
        raise ToolBroke(msg)
    lines = report["metrics"]["_totals"]["loc"]
    serious = [found for found in report["results"] if found["issue_severity"] in {"MEDIUM", "HIGH"}]
    measure(lines_total=lines, findings_total=len(serious), minor_total=len(report["results"]) - len(serious))
    if not lines:
        msg = (
            f"bandit found no Python in {', '.join(release.source.paths)}; say so in [not_applicable] if that is right"
        )
        raise ToolBroke(msg)

    assert not serious, "\n".join(
        f"{found['filename']}:{found['line_number']}: {found['test_id']} {found['issue_text']}" for found in serious
    )


@check("DEPS-001")
def check_no_vulnerable_dependency(
    release: Release, requirements: list[str], measure: Measure, as_of: Callable[[dt.datetime], None]
) -> None:
    """No locked dependency has a known vulnerability, and every one of them was looked up."""
    path = os.environ.get(SNAPSHOT)
    snapshot = Snapshot(Path(path)) if path else None
    if snapshot:
        as_of(snapshot.as_of)
    with served(snapshot) if snapshot else contextlib.nullcontext() as url:
        service = ["--vulnerability-service", "osv", "--osv-url", url] if url else []
        files = [part for name in requirements for part in ("--requirement", name)]
        done = run(
            tool(
                "pip_audit", *files, "--no-deps", "--disable-pip", "--progress-spinner=off", "--format=json", *service
            ),
            release.root,
        )
    dependencies = _decoded(done, "pip-audit")["dependencies"]
    unaudited = [found["name"] for found in dependencies if "skip_reason" in found]
    vulnerable = [found for found in dependencies if found.get("vulns")]
    measure(dependencies_total=len(dependencies), unaudited_total=len(unaudited), vulnerable_total=len(vulnerable))

    assert not vulnerable, "\n".join(
        f"{found['name']} {found['version']}: {', '.join(known['id'] for known in found['vulns'])}"
        for found in vulnerable
    )
    if unaudited or not dependencies:
        msg = (
            f"{len(unaudited)} of {len(dependencies)} dependencies could not be audited: no advisory service in reach "
            f"knows {', '.join(unaudited[:5]) or 'any'}; name an offline snapshot with --advisories or {SNAPSHOT}"
        )
        raise ToolBroke(msg)


@check("SECRETS-001")
def check_no_secret_in_the_source(release: Release, measure: Measure) -> None:
    """No file of the source holds what looks like a password, token or private key."""
    done = run(tool("detect_secrets", "scan", "--all-files", "--no-verify", *release.source.paths), release.root)
    report = _decoded(done, "detect-secrets")
    found = [
        f"{name}:{secret['line_number']}: {secret['type']}"
        for name, secrets in report["results"].items()
        for secret in secrets
    ]
    measure(findings_total=len(found))

    assert not found, "\n".join(found)


@check("SBOM-001")
def check_bill_of_materials_is_complete(
    release: Release, requirements: list[str], measure: Measure, attach: Callable[..., None]
) -> None:
    """A CycloneDX bill of materials names every locked dependency with its version."""
    components: dict[str, str] = {}
    for name in requirements:
        # Its validation of its own output takes five times as long as the bill.
        arguments = ("requirements", "--no-validate", "--output-format", "JSON", name)
        done = run(tool("cyclonedx_py", *arguments), release.root)
        bill = _decoded(done, "cyclonedx-py")
        attach(f"{Path(name).stem}.cdx.json", json.dumps(bill, indent=2))
        components |= {found["name"]: found.get("version", "") for found in bill.get("components", [])}
    measure(components_total=len(components))
    loose = [name for name, version in components.items() if not version]

    assert components, "no requirements file locks anything"
    assert not loose, f"without a version: {', '.join(loose)}"


def _decoded(done: Done, name: str) -> dict[str, Any]:
    """Decode a tool's JSON, which may stand between lines of its log; ToolBroke where it could not look."""
    start, end = done.output.find("{"), done.output.rfind("}")
    if done.code in (0, FINDINGS) and start >= 0:
        with contextlib.suppress(msgspec.DecodeError):
            decoded: dict[str, Any] = msgspec.json.decode(done.output[start : end + 1])
            return decoded
    msg = f"{name} could not look (exit code {done.code}): {done.output[-2000:]}"
    raise ToolBroke(msg)
