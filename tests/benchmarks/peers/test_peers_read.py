"""What other tools say is read as they say it: samples recorded from the versions that docs/peers.md names."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from benchmarks.peers import read as peers_read

SCAN = """{
  "scan": {"algorithmVersion": 4, "grade": "C+", "error": null, "score": 60, "statusCode": 200},
  "tests": {
    "content-security-policy": {
      "expectation": "csp-implemented-with-no-unsafe", "pass": true,
      "result": "csp-implemented-with-no-unsafe-default-src-none", "scoreModifier": 10
    },
    "redirection": {
      "expectation": "redirection-to-https", "pass": false, "result": "redirection-missing", "scoreModifier": -20
    },
    "strict-transport-security": {"pass": false, "result": null, "scoreModifier": 0}
  }
}"""
WEAKNESSES = """[
  {"kind": "MISSING_DIRECTIVES", "severity": "HIGH", "directive": "script-src"},
  {"kind": "SCRIPT_ALLOWLIST_BYPASS", "severity": "HIGH", "directive": "script-src"},
  {"kind": "STRICT_DYNAMIC", "severity": "STRICT_CSP", "directive": "script-src"},
  {"kind": "IGNORED", "severity": "NONE", "directive": "script-src"}
]"""
ASSERTIONS = """[
  {"name": "minScore", "expected": 0.9, "actual": 0, "values": [0], "operator": ">=", "passed": false,
   "auditId": "link-text", "level": "error", "url": "http://127.0.0.1:41293/",
   "auditTitle": "Links do not have descriptive text"},
  {"name": "maxLength", "expected": 0, "actual": 1, "values": [1], "operator": "<=", "passed": false,
   "auditId": "render-blocking-resources", "level": "warn"},
  {"name": "minScore", "expected": 0.9, "actual": 1, "values": [1], "operator": ">=", "passed": true,
   "auditId": "document-title", "level": "error"}
]"""
REPORT = """{
  "schemathesis_version": "4.32.5", "seed": 1, "stop_reason": "completed", "complete": true, "exit_code": 1,
  "failures": [
    {"type": "AllowHeaderMismatch", "code": "ST205", "title": "Allow header mismatch", "severity": "medium",
     "count": 2, "operations": ["OPTIONS /api/estimates", "OPTIONS /api/keys"]},
    {"type": "UndefinedStatusCode", "code": "ST103", "title": "Undocumented status code", "severity": "medium",
     "count": 1, "operations": ["POST /api/keys"]}
  ],
  "errors": [], "warnings": {"missing_auth": ["GET /api/audit"]}
}"""
READERS = (peers_read.observatory, peers_read.csp_evaluator, peers_read.lighthouse, peers_read.schemathesis)


def test_observatory_names_what_failed() -> None:
    """A failed test is named by how it ended, or by itself where that is not told; a passed one is no finding."""
    assert {"redirection-missing", "strict-transport-security"} == peers_read.observatory(SCAN)


def test_csp_evaluator_names_directive_and_kind() -> None:
    """Each weakness counts, how severe it may be; a remark of severity NONE does not."""
    assert {
        "script-src MISSING_DIRECTIVES",
        "script-src SCRIPT_ALLOWLIST_BYPASS",
        "script-src STRICT_DYNAMIC",
    } == peers_read.csp_evaluator(WEAKNESSES)


def test_lighthouse_names_audits_below_the_limit() -> None:
    """Errors and warnings count, what passed does not."""
    assert {"link-text", "render-blocking-resources"} == peers_read.lighthouse(ASSERTIONS)


def test_schemathesis_names_failure_and_operation() -> None:
    """One kind of failure at two operations is two findings; a warning is none."""
    assert {
        "Allow header mismatch: OPTIONS /api/estimates",
        "Allow header mismatch: OPTIONS /api/keys",
        "Undocumented status code: POST /api/keys",
    } == peers_read.schemathesis(REPORT)


def test_a_run_that_was_cut_short_tells_nothing() -> None:
    """What schemathesis left unfinished is not read as all that there is."""
    with pytest.raises(peers_read.Unreadable, match="did not come to its end"):
        peers_read.schemathesis(REPORT.replace('"complete": true', '"complete": false'))


@pytest.mark.parametrize("reader", READERS, ids=lambda reader: reader.__name__)
@pytest.mark.parametrize("text", ["", "null", '{"error": "The site seems to be down."}', "npm warn config"])
def test_what_is_no_answer_is_not_silence(reader: Callable[[str], frozenset[str]], text: str) -> None:
    """A tool that says something else than its answer is unreadable: it has not found nothing."""
    with pytest.raises(peers_read.Unreadable):
        reader(text)
