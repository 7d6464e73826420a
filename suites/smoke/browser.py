"""Find a Chromium to look with, or get one. Where there is none the checks are ERRORED, never passed."""

from __future__ import annotations

import fcntl
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from shutil import which
from typing import Any

from playwright.sync_api import Playwright, sync_playwright

from evidence.errors import CannotTell, InputError
from suites.smoke.process import run

VARIABLE = "RELEASE_CHROMIUM"
# First what Playwright itself starts where nobody watches: it has no window, and needs a third less of the processor.
SHELL = "chromium-headless-shell"
NAMES = (SHELL, "google-chrome", "google-chrome-stable", "chromium", "chromium-browser")
APPLICATIONS = tuple(
    Path("/Applications", f"{name}.app", "Contents", "MacOS", name) for name in ("Google Chrome", "Chromium")
)
INSTALL_WITHIN_S = 600.0
DOWNLOAD_WITHIN_S = 240.0
OPTIONAL_DOWNLOAD_WITHIN_S = 25.0
"""Named waits: for system packages, for Playwright's browser, for it where another browser would do."""
APT = ("env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-o", "DPkg::Lock::Timeout=120")
INSTALL = ("install", "-y", "--no-install-recommends")
REMEMBERED_S = 24 * 3600.0
MARKER, LOCK = ".playwright-browser-not-available", ".browser-search.lock"
# Playwright itself already keeps Chromium from updating, syncing and reporting.
QUIET = ("--no-pings", "--disable-domain-reliability", "--disable-sync")
# Chrome's address bar keeps two pages of its own ready in every window: they cost several times what the page that is
# looked at costs, while it is timed. Playwright's own browser has no window. Of two such options Chrome heeds the last
# alone, so that what Playwright switches off is said again.
ADDRESS_BAR = ("WebUIOmniboxPopup", "WebUIOmniboxAimPopup")
SWITCHED_OFF = (
    "AimEnabled",
    "AvoidCorsURLLoaderRestartOnRedirect",
    "AvoidUnnecessaryBeforeUnloadCheckSync",
    "DestroyProfileOnBrowserClose",
    "HttpsFirstBalancedModeAutoEnable",
    "HttpsUpgrades",
    "LensOverlay",
    "MediaRouter",
    "NetworkTimeServiceQuerying",
    "OptimizationHints",
    "PaintHolding",
    "PreconnectToSearch",
    "TcpPortRandomizationWin",
    "ThirdPartyStoragePartitioning",
    "msEdgeUpdateLaunchServicesPreferredVersion",
    "msForceBrowserSignIn",
)


class NoBrowser(CannotTell):
    """There is no Chromium and none could be got; the message says what was tried and how to mend it."""


@dataclass(frozen=True, kw_only=True)
class Machine:
    """What the search looks at and does. `run` returns why a command failed, or an empty text."""

    environment: Mapping[str, str]
    root: bool
    folder: Path
    own: Callable[[], Path]
    which: Callable[[str], str | None]
    is_file: Callable[[Path], bool]
    run: Callable[[Sequence[str], float], str]
    say: Callable[[str], None]


def launch_options(machine: Machine) -> dict[str, Any]:
    """Return Playwright's launch options for the browser that was found, as plain data."""
    path = find(machine)
    options: dict[str, Any] = {"args": [*QUIET, *(["--no-sandbox"] if machine.root else [])]}
    if path != machine.own():
        options["executable_path"] = str(path)
        options["args"].append(f"--disable-features={','.join((*SWITCHED_OFF, *ADDRESS_BAR))}")
    return options


def find(machine: Machine) -> Path:
    """Find a browser, best first; InputError where the named one is not one, NoBrowser where there is none."""
    if named := machine.environment.get(VARIABLE):
        return _named(machine, named)
    tried = []
    # Parallel stages must not install side by side: the second one finds what the first one got.
    with _alone(machine.folder):
        for step in (_playwrights_own, _downloaded, _of_this_machine, _debians):
            answer = step(machine)
            if isinstance(answer, Path):
                return answer
            tried.append(answer)
    msg = f"no Chromium: {'; '.join(tried)}. Install Chrome or Chromium, or name one in {VARIABLE}"
    raise NoBrowser(msg)


def this_machine(say: Callable[[str], None], playwright: Playwright | None = None) -> Machine:
    """The real one; `say` shows progress of what takes long. Without a running `playwright` one is started to ask."""
    return Machine(
        environment=os.environ,
        root=os.geteuid() == 0,
        folder=Path(sys.prefix),
        own=(lambda: Path(playwright.chromium.executable_path)) if playwright else _own_path,
        which=which,
        is_file=Path.is_file,
        run=_run,
        say=say,
    )


def _named(machine: Machine, named: str) -> Path:
    found = machine.which(named)
    if found is None:
        msg = f"{VARIABLE}: {named!r} is not an executable file; correct it, or unset it to have a browser found"
        raise InputError(msg)
    return Path(found)


def _playwrights_own(machine: Machine) -> Path | str:
    path = machine.own()
    # Playwright leaves this file last: without it a download is under way, or was broken off.
    if machine.is_file(path) and any(machine.is_file(parent / "INSTALLATION_COMPLETE") for parent in path.parents):
        return path
    return "Playwright's own is not installed"


def _downloaded(machine: Machine) -> Path | str:
    marker = machine.folder / MARKER
    if marker.exists() and time.time() - marker.stat().st_mtime < REMEMBERED_S:
        return f"{marker.read_text(encoding='utf-8')} (tried within the last day; remove {marker} to try again)"
    spare = isinstance(_of_this_machine(machine), Path)
    within_s = OPTIONAL_DOWNLOAD_WITHIN_S if spare else DOWNLOAD_WITHIN_S
    machine.say(f"downloading Playwright's Chromium (at most {within_s:g} s)")
    problem = machine.run((sys.executable, "-m", "playwright", "install", "chromium"), within_s)
    if not problem and not spare and machine.root and machine.which("apt-get"):
        machine.say("installing the libraries that it needs")
        problem = machine.run((sys.executable, "-m", "playwright", "install-deps", "chromium"), INSTALL_WITHIN_S)
    if not problem and isinstance(path := _playwrights_own(machine), Path):
        return path
    answer = f"`playwright install chromium`: {problem or 'it left no browser'}"
    marker.write_text(answer, encoding="utf-8")
    return answer


def _of_this_machine(machine: Machine) -> Path | str:
    for name in NAMES:
        if found := machine.which(name):
            return Path(found)
    for path in APPLICATIONS:
        if machine.is_file(path):
            return path
    return f"none of {', '.join(NAMES)} is on the PATH"


def _debians(machine: Machine) -> Path | str:
    if not machine.root or not machine.which("apt-get"):
        return "`apt-get install chromium` needs root and Debian"
    machine.say("installing Debian's chromium")
    if problem := machine.run((*APT, "update"), INSTALL_WITHIN_S):
        return f"`apt-get update`: {problem}"
    for package in (SHELL, "chromium"):  # not every Debian has the first
        if not (problem := machine.run((*APT, *INSTALL, package), INSTALL_WITHIN_S)):
            return _of_this_machine(machine)
    return f"`apt-get install`: {problem}"


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    with (folder / LOCK).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@cache
def _own_path() -> Path:
    with sync_playwright() as playwright:
        return Path(playwright.chromium.executable_path)


def _run(command: Sequence[str], within_s: float) -> str:
    try:
        done = run(command, within_s)
    except OSError as error:
        return str(error)
    if done.code is None:
        return f"took longer than {within_s:g} s"
    if done.code == 0:
        return ""
    problems = (line for line in done.output.splitlines() if line.startswith(("Error", "E:")))
    return next(problems, f"exit code {done.code}")
