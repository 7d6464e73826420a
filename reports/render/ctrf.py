"""`ctrf.json`: the Common Test Report Format (https://ctrf.io, schema 0.0), for dashboards that read it."""

from __future__ import annotations

import datetime as dt
from typing import Any

import msgspec

from reports.model import Gate
from reports.render.cases import Case, Result, cases
from reports.render.text import visible

STATUS = {
    Result.PASSED: "passed",
    Result.FAILED: "failed",
    Result.ERROR: "other",
    Result.SKIPPED: "skipped",
}
"""CTRF has no error: what we could not tell is `other`, and `rawStatus` says so."""


def render(gate: Gate) -> str:
    """Write the report; times are whole milliseconds, and a commit that is not known is left out."""
    found = cases(gate)
    statuses = [STATUS[case.result] for case in found]
    started = [stage.started for stage in gate.stages if stage.started]
    release = gate.release
    environment = {"appName": release.name, "appVersion": release.version, "buildId": gate.run}
    if release.commit:
        environment["commit"] = release.commit
    report = {
        "reportFormat": "CTRF",
        "specVersion": "0.0.0",
        "timestamp": gate.judged_at.isoformat(),
        "generatedBy": "release verification suite",
        "results": {
            "tool": {"name": "release verification suite"},
            "summary": {
                "tests": len(found),
                **{status: statuses.count(status) for status in ("passed", "failed", "skipped", "pending", "other")},
                "start": _milliseconds(min(started, default=gate.judged_at)),
                "stop": _milliseconds(gate.judged_at),
            },
            "tests": list(map(_test, found)),
            "environment": {name: visible(text) for name, text in environment.items()},
            "extra": {"verdict": str(gate.verdict), "digest": visible(release.digest)},
        },
    }
    return msgspec.json.format(msgspec.json.encode(report)).decode() + "\n"


def _test(case: Case) -> dict[str, Any]:
    test: dict[str, Any] = {
        "name": case.name,
        "status": STATUS[case.result],
        "duration": round(case.seconds * 1000),
        "suite": [case.suite],
        "rawStatus": str(case.result),
        "message": case.message,
    }
    if case.detail:
        test["trace"] = case.detail
    if case.started:
        test["start"] = _milliseconds(case.started)
    if case.line:
        test |= {"filePath": case.path, "line": case.line}
    return test


def _milliseconds(moment: dt.datetime) -> int:
    return round(moment.timestamp() * 1000)
