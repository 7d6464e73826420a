"""The pytest plugin that runs checks: `pytest -p checks.plugin suites/smoke`.

An `assert` that fails means that the release broke the claim (FAILED). Any other exception, a broken fixture or a
timeout means that we could not tell (ERRORED). Without the stage's environment nothing is written: for trying a check
by hand.
"""

from __future__ import annotations

import datetime as dt
import importlib.metadata
import os
import sys
from collections.abc import Callable, Generator
from pathlib import Path

import msgspec
import pytest

from checks import catalogue
from checks.claim import claim_of, identifier_of, needs_of
from checks.findings import Findings, Found
from checks.permission import refusal
from checks.stage import Result, Stage, from_environment
from evidence import release as releases
from evidence.errors import CannotTell, InputError, NotApplicable, PassedOnRetry
from evidence.model import Outcome, worst
from evidence.release import Undeclared
from evidence.run import now

STAGE = pytest.StashKey[Stage]()
NOT_APPLICABLE = pytest.StashKey[str]()
MEASURED = pytest.StashKey[dict[str, float]]()
ATTACHED = pytest.StashKey[list[str]]()
AS_OF = pytest.StashKey[dt.datetime]()
FINDINGS = pytest.StashKey[Findings]()
SETTLED = pytest.StashKey[bool]()
MEANINGS: dict[type[Exception], tuple[Outcome, tuple[str, ...]]] = {
    NotApplicable: (Outcome.NOT_APPLICABLE, ("setup", "call")),
    Undeclared: (Outcome.SKIPPED, ("setup", "call", "teardown")),
    PassedOnRetry: (Outcome.FLAKY, ("call",)),
    AssertionError: (Outcome.FAILED, ("call",)),
}
"""What an exception of a check means, and in which phases; any other one means that we could not tell."""
PHASES = pytest.StashKey[list[tuple[Outcome, str, float]]]()


def pytest_configure(config: pytest.Config) -> None:
    """Open the stage before anything is collected, so that a wrong release.toml is the first thing said."""
    if "RELEASE_STAGE" not in os.environ:
        return
    try:
        stage = from_environment()
    except InputError as error:
        raise pytest.UsageError(str(error)) from None
    stage.tools["pytest"] = pytest.__version__
    config.stash[STAGE] = stage


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Plan what was collected; a check without an id is refused by file and line."""
    for item in items:
        if _identifier(item) is None:
            path, line, name = item.location
            msg = f'{path}:{(line or 0) + 1}: {name} has no id; decorate it with @check("AREA-001")'
            raise pytest.UsageError(msg)
    if stage := config.stash.get(STAGE, None):
        planned = [str(_identifier(item)) for item in items]
        stage.plan(planned)
        try:
            catalogue.refuse_unknown(stage.release, planned)
        except InputError as error:
            raise pytest.UsageError(str(error)) from None


def pytest_deselected(items: list[pytest.Item]) -> None:
    """A check that the command line left out is planned, and SKIPPED."""
    for item in items:
        stage, identifier = item.config.stash.get(STAGE, None), _identifier(item)
        if stage and identifier:
            stage.plan([identifier])
            stage.add(_result(item, Outcome.SKIPPED, "deselected on the command line"))


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Leave out what release.toml declares not applicable, or does not allow, before any fixture runs."""
    stage = item.config.stash.get(STAGE, None)
    if stage and (reason := stage.release.not_applicable.get(str(_identifier(item)))):
        item.stash[NOT_APPLICABLE] = reason
        pytest.skip(reason)
    if why := _refusal(item):
        pytest.skip(why)


def will_run(item: pytest.Item) -> bool:
    """Say whether release.toml lets a check run: who begins early with what a check asks for must know."""
    stage = item.config.stash.get(STAGE, None)
    return not (stage and (_identifier(item) in stage.release.not_applicable or _refusal(item)))


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, object, object]:
    """A check that found something ends as broken, and by nothing but its findings."""
    result = yield
    if FINDINGS in pyfuncitem.stash:
        pyfuncitem.stash[FINDINGS].settle()
    return result


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Combine the phases of one item to the worst, and hand the result in when the last one is over."""
    report = yield
    if call.excinfo and call.excinfo.errisinstance(Found):
        item.stash[SETTLED] = True
    if stage := item.config.stash.get(STAGE, None):
        outcome, detail = _outcome(item, call, report)
        phases = item.stash.setdefault(PHASES, [])
        phases.append((outcome, detail, call.duration))
        if call.when == "teardown":
            bad = worst(phase[0] for phase in phases)
            details = "\n".join(text for kind, text, _ in phases if kind in {bad, Outcome.FAILED} and text)
            result = _result(item, bad, details, sum(seconds for _, _, seconds in phases))
            failed = any(kind is Outcome.FAILED for kind, _, _ in phases)
            stage.add(msgspec.structs.replace(result, failed=failed))
    if call.excinfo and call.when != "teardown" and isinstance(call.excinfo.value, Undeclared | NotApplicable):
        # One line in the terminal, as of anything that is skipped; the evidence has its outcome already.
        path, line, _ = item.location
        report.outcome, report.longrepr = "skipped", (path, (line or 0) + 1, str(call.excinfo.value))
    return report


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Write the stage's file, also after an accident: the exit code then says so."""
    if stage := session.config.stash.get(STAGE, None):
        try:
            stage.finish(int(exitstatus))
        except InputError as error:
            sys.stderr.write(f"{error}\n")
            session.exitstatus = pytest.ExitCode.USAGE_ERROR


@pytest.fixture(scope="session")
def release(pytestconfig: pytest.Config) -> releases.Release:
    """The release being verified."""
    if stage := pytestconfig.stash.get(STAGE, None):
        return stage.release
    return releases.load(Path(os.environ.get("RELEASE_FILE", "release.toml")))


@pytest.fixture
def measure(request: pytest.FixtureRequest) -> Callable[..., None]:
    """Record numbers for the gate: `measure(p95_ms=87.2)`. Names end in their unit."""
    measured: dict[str, float] = request.node.stash.setdefault(MEASURED, {})
    return measured.update


@pytest.fixture
def findings(request: pytest.FixtureRequest) -> Findings:
    """Report what is wrong, each at its place, so that a team may accept it alone: `findings.add(place, what)`."""
    found: Findings = request.node.stash.setdefault(FINDINGS, Findings())
    return found


@pytest.fixture
def as_of(request: pytest.FixtureRequest) -> Callable[[dt.datetime], None]:
    """Say when the data that the check rests on was current: `as_of(snapshot.date)`."""

    def remember(moment: dt.datetime) -> None:
        request.node.stash[AS_OF] = moment

    return remember


@pytest.fixture
def attach(request: pytest.FixtureRequest) -> Callable[[str, bytes | str | Path], None]:
    """Keep a file beside the evidence: `attach("screenshot.png", data)`."""

    def keep(name: str, content: bytes | str | Path) -> None:
        if stage := request.config.stash.get(STAGE, None):
            request.node.stash.setdefault(ATTACHED, []).append(stage.attach(f"{request.node.name}-{name}", content))

    return keep


@pytest.fixture(scope="session")
def keep(pytestconfig: pytest.Config) -> Callable[[str, bytes | str | Path], None]:
    """Keep a file of the whole stage, which is no single check's: `keep("touched.json", data)`."""

    def attach(name: str, content: bytes | str | Path) -> None:
        if stage := pytestconfig.stash.get(STAGE, None):
            stage.attach(name, content)

    return attach


@pytest.fixture(scope="session")
def tool(pytestconfig: pytest.Config) -> Callable[..., None]:
    """Record the version of a library that the stage relies on, `tool("httpx")`, or of a program that told its own."""

    def remember(name: str, version: str | None = None) -> None:
        if stage := pytestconfig.stash.get(STAGE, None):
            stage.tools[name] = version or importlib.metadata.version(name)

    return remember


def _identifier(item: pytest.Item) -> str | None:
    return identifier_of(item.function) if isinstance(item, pytest.Function) else None


def _refusal(item: pytest.Item) -> str | None:
    stage = item.config.stash.get(STAGE, None)
    need = needs_of(item.function) if isinstance(item, pytest.Function) else None
    return refusal(stage.release, need, os.environ.get("TARGET_URL", "")) if stage and need else None


def _outcome(item: pytest.Item, call: pytest.CallInfo[None], report: pytest.TestReport) -> tuple[Outcome, str]:
    if call.excinfo is None:
        # A strict xfail that passed has no exception, but its report failed.
        return (Outcome.PASSED, "") if report.passed else (Outcome.ERRORED, report.longreprtext)
    error = call.excinfo.value
    if NOT_APPLICABLE in item.stash:
        return Outcome.NOT_APPLICABLE, item.stash[NOT_APPLICABLE]
    if report.skipped:
        return Outcome.SKIPPED, str(error)
    for kind, (outcome, phases) in MEANINGS.items():
        if isinstance(error, kind) and call.when in phases:
            return outcome, str(error)
    # Our own refusals are whole sentences; of anything else the kind matters, too.
    is_sentence = isinstance(error, InputError | CannotTell)
    return Outcome.ERRORED, str(error) if is_sentence else f"{type(error).__name__}: {error}"


def _result(item: pytest.Item, outcome: Outcome, detail: str, seconds: float = 0.0) -> Result:
    assert isinstance(item, pytest.Function)
    path, line, _ = item.location
    parameters = getattr(item, "callspec", None)
    attached = item.stash.get(ATTACHED, None) or []
    return Result(
        check=str(_identifier(item)),
        claim=claim_of(item.function),
        outcome=outcome,
        started=now() - dt.timedelta(seconds=seconds),
        seconds=seconds,
        detail=f"[{parameters.id}] {detail}" if parameters and detail else detail,
        measured=item.stash.get(MEASURED, {}),
        attachments=tuple(attached),
        where=f"{path}:{(line or 0) + 1}",
        as_of=item.stash.get(AS_OF, None),
        findings=tuple(item.stash[FINDINGS].found.values()) if SETTLED in item.stash else (),
    )
