"""Ask other tools about a running release, each as its own documentation says; what differs is said beside it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from benchmarks.peers import read
from benchmarks.peers.front import certificate, front
from fixtures.target import Ready

WITHIN_S, THOROUGHLY_WITHIN_S = 300.0, 1500.0
"""Named waits: for one look of a tool; for all examples of schemathesis, which took more than 300 s on busy cores."""
OBSERVATORY, CSP_EVALUATOR, LIGHTHOUSE_CI = "1.4.8", "1.1.8", "0.15.1"
PACKAGES = {
    "http-observatory": f"@mdn/mdn-http-observatory@{OBSERVATORY}",
    "csp-evaluator": f"csp_evaluator@{CSP_EVALUATOR}",
    "Lighthouse CI": f"@lhci/cli@{LIGHTHOUSE_CI}",
}
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
# Its page on the web fetches a policy and evaluates it; the package only evaluates.
EVALUATE = """
const {CspEvaluator} = require("csp_evaluator/dist/evaluator.js"), {CspParser} = require("csp_evaluator/dist/parser.js")
const {Severity, Type} = require("csp_evaluator/dist/finding.js")
const found = new CspEvaluator(new CspParser(process.argv[1]).csp).evaluate()
console.log(JSON.stringify(found.map((one) => (
    {kind: Type[one.type], severity: Severity[one.severity], directive: one.directive}))))
"""


@dataclass(frozen=True)
class Bench:
    """Where the tools are, an empty folder, and the release that they are asked about.

    `thorough`: a tool that is bounded for time is not, so that what it can say of the good release is known.
    """

    tools: Path
    scratch: Path
    ready: Ready
    thorough: bool = False


@dataclass(frozen=True)
class Peer:
    """A tool of one version; `command` is what a person would type, for the table."""

    name: str
    version: str
    command: str
    ask: Callable[[Bench], frozenset[str]]


def installed(tools: Path) -> tuple[list[Peer], dict[str, str]]:
    """Install what npm has, and say why a tool is absent."""
    absent: dict[str, str] = {}
    npm = shutil.which("npm")
    for name, package in PACKAGES.items():
        if not npm:
            absent[name] = "there is no npm here"
        elif not (tools / "node_modules" / package.rpartition("@")[0]).is_dir():
            # Scripts after an install fetch lists and browsers from elsewhere; none of them is needed.
            done = subprocess.run(
                [npm, "install", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", tools, package],
                capture_output=True, text=True, check=False,
            )  # fmt: skip
            if done.returncode:
                absent[name] = f"npm could not install {package}: {done.stderr.strip()[-200:]}"
    if not browser():
        absent["Lighthouse CI"] = f"there is none of {', '.join(BROWSERS)} here"
    if not schemathesis_path():
        absent["schemathesis"] = "it is not beside this Python: run in the environment of the group dev"
    return [peer for peer in PEERS if peer.name not in absent], absent


def browser() -> str | None:
    """Find Chromium."""
    return next(filter(None, map(shutil.which, BROWSERS)), None)


def schemathesis_path() -> str | None:
    """Find schemathesis beside the Python that runs this."""
    return shutil.which("schemathesis", path=str(Path(sys.executable).parent))


def observatory(bench: Bench) -> frozenset[str]:
    """Scan `/`, with TLS in front; the list of preloaded hosts, which the install would fetch, is empty."""
    package = bench.tools / "node_modules" / "@mdn" / "mdn-http-observatory"
    (package / "conf" / "hsts-preload.json").write_text("{}", encoding="ascii")
    pem = certificate(bench.scratch)
    # Not by its own wrapper, which replaces the certificates that Node trusts.
    with front(bench.ready.url, pem) as host:
        trusted = {"NODE_EXTRA_CA_CERTS": str(pem)}
        return read.observatory(run(("node", package / "src" / "scan.js", host), bench.scratch, trusted))


def csp_evaluator(bench: Bench) -> frozenset[str]:
    """Evaluate the enforced policy of `/`."""
    with urllib.request.urlopen(f"{bench.ready.url}/", timeout=10) as answer:  # noqa: S310 - a release of our own
        policy = answer.headers["Content-Security-Policy"] or ""
    return read.csp_evaluator(run(("node", "-e", EVALUATE, policy), bench.tools))


def lighthouse(bench: Bench) -> frozenset[str]:
    """Collect one run of `/`, and assert the recommended preset."""
    lhci, folder = bench.tools / "node_modules" / ".bin" / "lhci", bench.scratch
    flags = ("--numberOfRuns=1", "--settings.chromeFlags=--headless=new --no-sandbox")
    chrome = {"CHROME_PATH": browser() or "", "CI": "1"}
    run((lhci, "collect", f"--url={bench.ready.url}/", *flags), folder, chrome)
    path = folder / ".lighthouseci" / "assertion-results.json"
    path.unlink(missing_ok=True)
    said = run((lhci, "assert", "--preset=lighthouse:recommended"), folder, chrome, (0, 1))
    return read.lighthouse(path.read_text(encoding="utf-8") if path.exists() else said)


def schemathesis(bench: Bench) -> frozenset[str]:
    """Run it with a key that is not limited, one seed, and, where it is not thorough, a tenth of its examples."""
    url, key = f"{bench.ready.url}/api/openapi.json", bench.ready.env["REFERENCE_KEY_LOAD"]
    path = bench.scratch / "report.json"
    bounded = ("--header", f"Authorization: Bearer {key}", "--seed", "1")
    examples = () if bench.thorough else ("--max-examples", "10")
    report = ("--report", "json", "--report-json-path", path)
    command = (schemathesis_path() or "", "run", url, *bounded, *examples, *report)
    within_s = THOROUGHLY_WITHIN_S if bench.thorough else WITHIN_S
    said = run(command, bench.scratch, accepted=(0, 1), within_s=within_s)
    return read.schemathesis(path.read_text(encoding="utf-8") if path.exists() else said)


def run(
    command: Sequence[str | Path],
    folder: Path,
    more: Mapping[str, str] | None = None,
    accepted: Sequence[int] = (0,),
    within_s: float = WITHIN_S,
) -> str:
    """Run one; Unreadable where it did not do its work."""
    environment = {**os.environ, **(more or {})}
    try:
        done = subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=within_s
        )
    except subprocess.TimeoutExpired:
        msg = f"{command[0]} was not over after {within_s:g} s"
        raise read.Unreadable(msg) from None
    if done.returncode not in accepted:
        msg = f"{command[0]} ended with {done.returncode}: {(done.stdout + done.stderr).strip()[-300:]}"
        raise read.Unreadable(msg)
    return done.stdout


PEERS = (
    Peer("http-observatory", OBSERVATORY, "mdn-http-observatory-scan HOST", observatory),
    Peer("csp-evaluator", CSP_EVALUATOR, "new CspEvaluator(new CspParser(POLICY).csp).evaluate()", csp_evaluator),
    Peer(
        "Lighthouse CI",
        LIGHTHOUSE_CI,
        "lhci collect --url=URL/ --numberOfRuns=1 && lhci assert --preset=lighthouse:recommended",
        lighthouse,
    ),
    Peer(
        "schemathesis",
        version("schemathesis"),
        "schemathesis run URL/api/openapi.json --header 'Authorization: Bearer KEY' --seed 1 --max-examples 10",
        schemathesis,
    ),
)
