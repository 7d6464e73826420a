"""Requests that schemathesis makes from the OpenAPI document, and what it saw of the answers."""

from __future__ import annotations

import base64
import json
import os
import shlex
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from evidence.errors import CannotTell
from suites.api import AGENT
from suites.integration.contract import Generated

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
    "ignored_auth",
)
READING = frozenset({"GET", "HEAD", "OPTIONS"})
"""Two operations at a time are asked where that is all: none changes what another then says."""
SHUT = frozenset({401, 403, 404, 405, 429})
"""Answers behind which nothing of an operation was seen."""
GRACE_S = 20
QUOTED = 150
"""Characters of a request's address, and of its body."""


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What one run saw."""

    cases: int
    statuses: Mapping[str, frozenset[int]]
    failures: Mapping[tuple[str, str], str]
    """By operation and by check, the first message."""
    stopped: str
    """Why it ended: "completed" where it saw everything."""
    asked: tuple[tuple[str, str, int], ...] = ()
    """Method, path and status of each request."""

    @property
    def unreached(self) -> list[str]:
        """Operations that answered nothing but that one may not, or that it is not there."""
        return sorted(operation for operation, statuses in self.statuses.items() if statuses <= SHUT)


def configuration(headers: Mapping[str, str]) -> str:
    """Write schemathesis' own file: `${NAME}` stays as it is, so that no secret stands in a file or a command.

    It would try methods that the document does not name, too: nobody knows what a DELETE there does.
    """
    named = {"User-Agent": AGENT, **headers}
    pairs = ", ".join(f"{json.dumps(name)} = {json.dumps(value)}" for name, value in named.items())
    return f"headers = {{ {pairs} }}\n\n[phases.coverage]\nunexpected-methods = []\n"


def command(declared: Generated, document: str, served: str, file: str, per_second: float | None = None) -> list[str]:
    """The command that makes the same requests again: `document` is its URL, `served` that of what it describes."""
    bounds = [f"--rate-limit={limit}"] if (limit := declared.rate_limit or _limit(per_second)) else []
    if declared.max_examples:
        bounds += [f"--max-examples={declared.max_examples}"]
    return [
        "schemathesis", f"--config-file={file}", "run", document, f"--url={served}",
        *(f"--include-method={method}" for method in declared.methods),
        f"--phases={'coverage,fuzzing' if declared.max_examples else 'coverage'}",
        f"--checks={','.join(CHECKS)}",
        f"--seed={declared.seed}",
        f"--max-time={declared.within_s}",
        "--generation-database=none",
        "--no-color",
        *(["--workers=2"] if set(declared.methods) <= READING else []),
        *bounds,
    ]  # fmt: skip


def run(asked: list[str], folder: Path, within_s: int) -> tuple[Seen, str]:
    """Run it in `folder`, where it may leave what it likes; return what it saw, and what it printed."""
    events = folder / "events.ndjson"
    program = str(Path(sys.executable).with_name(asked[0]))
    done = subprocess.run(  # noqa: S603 - our own environment's program
        [program, *asked[1:], "--report=ndjson", f"--report-ndjson-path={events}"],
        cwd=folder, capture_output=True, text=True, timeout=within_s + GRACE_S, check=False, env=_environment(),
    )  # fmt: skip
    printed = f"{shlex.join(asked)}\n\n{done.stdout}{done.stderr}"
    if done.returncode not in {0, 1} or not events.exists():
        msg = f"schemathesis ended with exit code {done.returncode}: {(done.stderr or done.stdout).strip()[-500:]}"
        raise CannotTell(msg)
    with events.open(encoding="utf-8") as lines:
        return read(lines), printed


def read(lines: Iterable[str]) -> Seen:
    """Read its events, one JSON object a line."""
    asked: list[tuple[str, str, int]] = []
    stopped = "broken off"
    statuses: dict[str, set[int]] = {}
    failures: dict[tuple[str, str], str] = {}
    for event in map(json.loads, lines):
        if "EngineFinished" in event:
            stopped = str(event["EngineFinished"]["stop_reason"])
        recorder = event.get("ScenarioFinished", {}).get("recorder", {})
        seen = statuses.setdefault(recorder["label"], set()) if recorder else set()
        for interaction in recorder.get("interactions", {}).values():
            status = (interaction.get("response") or {}).get("status_code", 0)
            seen.add(status)
            sent = interaction.get("request") or {}
            asked.append((sent.get("method", ""), urlsplit(sent.get("uri", "")).path, status))
        for case, checks in recorder.get("checks", {}).items():
            sent = _sent(recorder.get("interactions", {}).get(case, {}).get("request") or {})
            for each in (each for each in checks if each["status"] == "failure"):
                failure = each["failure_info"]["failure"]
                what = f"{sent}{failure['title']}: {failure['message']}"
                failures.setdefault((recorder["label"], each["name"]), what)
    frozen = {operation: frozenset(seen) for operation, seen in statuses.items()}
    return Seen(cases=len(asked), statuses=frozen, failures=failures, stopped=stopped, asked=tuple(asked))


def _limit(per_second: float | None) -> str:
    """A rate in schemathesis' words, which knows whole numbers only."""
    if not per_second:
        return ""
    return f"{int(per_second)}/s" if per_second >= 1 else f"{max(1, int(per_second * 60))}/m"


def _sent(request: Mapping[str, Any]) -> str:
    """Quote a request by which somebody can see it again; its headers may hold a credential."""
    if not request:
        return ""
    parts = urlsplit(str(request["uri"]))
    asked = f"{request['method']} {urlunsplit(('', '', parts.path, parts.query, ''))[:QUOTED]}"
    body = base64.b64decode((request.get("body") or {}).get("$base64", ""))
    return f"{asked} with the body {body.decode(errors='replace')[:QUOTED]!r}: " if body else f"{asked}: "


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONUTF8": "1", "COLUMNS": "120"}
