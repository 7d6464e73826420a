#!/usr/bin/env -S uv run --script

# /// script
# requires-python = ">=3.11"
# dependencies = ["nox[uv]>=2026.2"]
# ///

"""May this release be promoted?  `nox` looks at the release from every side and ends in PROMOTE, HOLD or BLOCK.

nox                              verify the release that release.toml describes, by the rules of policy.toml
nox --parallel 2                 the same, stages side by side
nox -s smoke gate                one stage, judged alone: HOLD, since the others did not run
nox -s load gate -- --run PATH   run one stage again in an existing run, and judge the whole run again
nox -s load -- --processes 4     send the load by four processes; by several machines: --master, --worker HOST
nox -s init -- URL               write a first release.toml by looking at a running release
nox -s accept -- --run PATH      print what a run found, for a person to accept some of it until a date
nox -s backup -- --help          make, keep, prove and restore backups of PostgreSQL, as backup.toml says
nox -s dr_drill                  rehearse the whole disaster, as once a month, and leave a report and a dated record
nox -t dev                       this repository's own format, lint, types, import contracts and tests
nox -s matrix                    prove that every bad release is caught by exactly the checks that it names

After `--`: --run PATH (default: a new folder under reports/runs), --release PATH (release.toml), --policy PATH
(policy.toml), --waivers PATH (what `waivers` of release.toml names), --baseline RUN (the last promoted one),
--advisories PATH (an offline snapshot of OSV records); everything else goes to the stage's own runner.
Exit code 0 means PROMOTE; gate.json has the verdict.
"""

from __future__ import annotations

import argparse
import atexit
import datetime as dt
import os
import tempfile
from pathlib import Path

import nox

nox.needs_version = ">=2026.2"
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.reuse_venv = "yes"

HERE = Path(__file__).parent
# Compiled once, also where the environment says never, and not beside the source: a release's tree stays as it is.
BYTECODE = {"PYTHONPYCACHEPREFIX": str(HERE / ".nox" / "bytecode"), "PYTHONDONTWRITEBYTECODE": None}
# What the gate is told of what follows `--`.
GATE = ("run", "policy", "release", "waivers", "baseline")
# Ctrl-C reaches a stage too: it has this long to take its servers down before it is killed.
INTERRUPTED_WITHIN_S = 30
# Nox runs parallel sessions in processes of their own: the name of the run reaches them through the environment.
RUN = os.environ.setdefault("RELEASE_RUN_NAME", f"{dt.datetime.now(dt.UTC):%Y%m%dT%H%M%S}-{os.getpid()}")
# Nox prints its own summary after the gate's. The line that people look for comes last, from whichever process.
if "RELEASE_LAST_WORD" not in os.environ:
    os.environ["RELEASE_LAST_WORD"] = str(Path(tempfile.gettempdir(), f"release-verification-{RUN}"))
    atexit.register(lambda: print_last(Path(os.environ["RELEASE_LAST_WORD"])))


@nox.session(tags=["release", "source"], allow_parallel=True)
def lint(session: nox.Session) -> None:
    """The source is clean under the release's own linters."""
    gather(session, "suites/source/check_lint.py")


@nox.session(tags=["release", "source"], allow_parallel=True)
def types(session: nox.Session) -> None:
    """The source type-checks under the release's own type checkers."""
    gather(session, "suites/source/check_types.py")


@nox.session(tags=["release", "source"], allow_parallel=True)
def security(session: nox.Session) -> None:
    """The source has no known-bad pattern, vulnerable dependency or secret."""
    gather(session, "suites/source/check_security.py")


@nox.session(tags=["release", "source"], allow_parallel=True)
def unit(session: nox.Session) -> None:
    """The release's own unit tests ran, and passed."""
    gather(session, "suites/source/check_unit.py")


@nox.session(tags=["release", "live"], allow_parallel=True)
def integration(session: nox.Session) -> None:
    """The running release keeps its API contract, and its database is in order."""
    gather(session, "suites/integration", live=True)


@nox.session(tags=["release", "live"], allow_parallel=True)
def live_security(session: nox.Session) -> None:
    """The running release defends itself: headers, CSRF, rate limit, sessions, keys, injection, webhooks, audit."""
    gather(session, "suites/security", live=True)


@nox.session(tags=["release", "live"], allow_parallel=True)
def smoke(session: nox.Session) -> None:
    """The critical journeys work in a real browser."""
    gather(session, "suites/smoke", live=True)


# Load and drill measure time: nothing else runs beside them.
@nox.session(tags=["release", "live"], allow_parallel=False)
def load(session: nox.Session) -> None:
    """The running release is fast enough under its declared load, by Locust."""
    gather(session, "python", "-m", "load", live=True)


@nox.session(tags=["release", "live"], allow_parallel=False)
def drill(session: nox.Session) -> None:
    """The release's backups come back, whole and in time."""
    gather(session, "restore_drills", live=True)


# No `requires=`: Nox aborts what requires a failed session, and the gate must run exactly then.
@nox.session(tags=["release"], allow_parallel=False)
def gate(session: nox.Session) -> None:
    """Judge the evidence of this run by the policy: PROMOTE, HOLD or BLOCK, and the report."""
    options, _ = arguments(session)
    install(session, "gate")
    Path(os.environ["RELEASE_LAST_WORD"]).write_text(str(options.run / "report.html"), encoding="utf-8")
    chosen = [f"--{name}={value}" for name in GATE if (value := getattr(options, name))]
    session.run("python", "-m", "reports", *chosen, env=environment(session, options))


@nox.session(default=False)
def init(session: nox.Session) -> None:
    """Write a first release.toml by looking at a running release."""
    install(session, "init")
    session.chdir(session.invoked_from)
    session.run("python", "-m", "suites.init", *session.posargs, env={"PYTHONPATH": str(HERE), **BYTECODE})


@nox.session(default=False)
def accept(session: nox.Session) -> None:
    """Print what a judged run found, as entries that a person may accept until a date."""
    options, _ = arguments(session)
    install(session, "gate")
    session.run("python", "-m", "reports", "accept", f"--run={options.run}", env=environment(session, options))


@nox.session(default=False)
def backup(session: nox.Session) -> None:
    """Make, keep, prove and restore backups as backup.toml says: `-- full`, `-- verify --restore`, `-- --help`."""
    install(session, "backup")
    session.chdir(session.invoked_from)
    session.run("python", "-m", "restore_drills.backups", *session.posargs, env={"PYTHONPATH": str(HERE), **BYTECODE})


@nox.session(default=False)
def dr_drill(session: nox.Session) -> None:
    """The monthly rehearsal of the whole disaster; leaves a report, and the dated record that the gate asks for."""
    options, rest = arguments(session)
    install(session, "dr_drill")
    command = ("python", "-m", "fixtures.target", "--", "python", "-m", "restore_drills.dr", *rest)
    session.run(*command, env=environment(session, options), interrupt_timeout=INTERRUPTED_WITHIN_S)


@nox.session(tags=["dev"], default=False, allow_parallel=True)
def style(session: nox.Session) -> None:
    """This repository's own format, lint, types and import contracts."""
    install(session, "dev")
    session.run("ruff", "format", "--check", ".")
    session.run("ruff", "check", ".")
    session.run("mypy", ".")
    session.run("lint-imports")


@nox.session(tags=["dev"], default=False, allow_parallel=True)
def tests(session: nox.Session) -> None:
    """This repository's own tests."""
    install(session, "dev")
    session.run("python", "-m", "pytest", "tests", "-n", "2", "--dist", "loadfile", *session.posargs, env=BYTECODE)


@nox.session(tags=["proof"], default=False, allow_parallel=False)
def matrix(session: nox.Session) -> None:
    """Every bad release is blocked by exactly the checks that it names."""
    install(session, "dev")
    session.run("python", "-m", "tests.matrix", *session.posargs, env=BYTECODE)


# Helpers


def arguments(session: nox.Session) -> tuple[argparse.Namespace, list[str]]:
    """Split what follows `--`: ours, with paths made absolute from where Nox was called, and the stage runner's."""
    called_from = Path(session.invoked_from)
    parser = argparse.ArgumentParser(prog="nox --", allow_abbrev=False, add_help=False)
    parser.add_argument("--run", type=called_from.joinpath, default=called_from / "reports" / "runs" / RUN)
    parser.add_argument("--release", type=called_from.joinpath, default=HERE / "release.toml")
    parser.add_argument("--policy", type=called_from.joinpath, default=HERE / "policy.toml")
    parser.add_argument("--waivers", type=called_from.joinpath)
    parser.add_argument("--baseline")
    parser.add_argument("--advisories", type=called_from.joinpath, default=os.environ.get("RELEASE_ADVISORIES"))
    return parser.parse_known_args(session.posargs)


def environment(session: nox.Session, options: argparse.Namespace) -> dict[str, str | None]:
    """Tell a stage which release it looks at and where its evidence goes; commands find this tree's packages."""
    return {
        "RELEASE_FILE": str(options.release),
        "RELEASE_RUN": str(options.run),
        "RELEASE_STAGE": session.name,
        "RELEASE_ADVISORIES": str(options.advisories or ""),
        "PYTHONPATH": str(HERE),
        **BYTECODE,
    }


def gather(session: nox.Session, *command: str, live: bool = False) -> None:
    """Run one stage's checks into its own, emptied evidence file; a live stage with its target up."""
    options, rest = arguments(session)
    install(session, session.name)
    # What an earlier try saw is never judged.
    try:
        (options.run / "evidence" / f"{session.name}.jsonl").unlink(missing_ok=True)
    except OSError as error:
        session.error(f"{options.run}: the run folder cannot be written ({error.strerror})")
    if command[0] != "python":
        command = ("python", "-m", "pytest", "-p", "checks.plugin", *command)
    target = ("python", "-m", "fixtures.target", "--") if live else ()
    # 1 is "it looked, and something is wrong": evidence for the gate, not an accident.
    session.run(
        *target,
        *command,
        *rest,
        env=environment(session, options),
        success_codes=[0, 1],
        interrupt_timeout=INTERRUPTED_WITHIN_S,
    )


def install(session: nox.Session, group: str) -> None:
    """Install a dependency group at the pinned versions."""
    session.install("-q", "--group", f"{HERE / 'pyproject.toml'}:{group}", "-c", str(HERE / "constraints.txt"))


def print_last(word: Path) -> None:
    """Print the path of the report, where the gate left one."""
    if word.exists():
        report = Path(word.read_text(encoding="utf-8"))
        word.unlink()
        if report.exists():
            print(report, flush=True)  # noqa: T201 - this line is the interface


if __name__ == "__main__":
    nox.main()
