"""The search for a browser takes the best there is, gets one where it can, and never gives up quietly."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from playwright.sync_api import Browser

from evidence.errors import InputError
from suites.smoke.browser import MARKER, REMEMBERED_S, Machine, NoBrowser, find, launch_options
from suites.smoke.process import run

OWN = Path("/browsers/chromium-1/chrome")
COMPLETE = Path("/browsers/chromium-1/INSTALLATION_COMPLETE")


class Bench:
    """A machine on paper: what is on it, and what was run there."""

    def __init__(self, folder: Path) -> None:
        """Nothing is on it."""
        self.programs: dict[str, str] = {}
        self.files: set[Path] = set()
        self.ran: list[tuple[str, float]] = []
        self.said: list[str] = []
        self.effects: dict[str, Callable[[], object]] = {}
        self.machine = Machine(
            environment={},
            root=False,
            folder=folder,
            own=lambda: OWN,
            which=self.programs.get,
            is_file=self.files.__contains__,
            run=self.run,
            say=self.said.append,
        )

    def run(self, command: Sequence[str], within_s: float) -> str:
        """Do what `effects` says for the command's key word; everything else fails, as without a network."""
        text = " ".join(command)
        self.ran.append((text, within_s))
        effect = next((effect for word, effect in self.effects.items() if word in f"{text} "), None)
        if effect is None:
            return "no network"
        effect()
        return ""

    def complete(self) -> None:
        """Playwright's own browser is there, whole."""
        self.files |= {OWN, COMPLETE}


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """A machine without any browser, without a network, and not as root."""
    return Bench(tmp_path)


def test_the_named_browser_goes_first(bench: Bench) -> None:
    """RELEASE_CHROMIUM wins over everything that is there."""
    bench.complete()
    bench.programs["/opt/mine"] = "/opt/mine"

    assert Path("/opt/mine") == find(replace(bench.machine, environment={"RELEASE_CHROMIUM": "/opt/mine"}))


def test_a_wrong_name_is_said_and_not_worked_around(bench: Bench) -> None:
    """A RELEASE_CHROMIUM that is no program is an error of the caller, even where other browsers are there."""
    bench.complete()

    with pytest.raises(InputError, match="RELEASE_CHROMIUM: '/opt/gone' is not an executable file"):
        find(replace(bench.machine, environment={"RELEASE_CHROMIUM": "/opt/gone"}))


def test_playwrights_own_goes_before_the_systems(bench: Bench) -> None:
    """What Playwright was built for is taken where it is there, without running anything."""
    bench.complete()
    bench.programs["chromium"] = "/usr/bin/chromium"

    assert OWN == find(bench.machine)
    assert [] == bench.ran


def test_half_a_download_is_no_browser(bench: Bench) -> None:
    """A download that was broken off leaves a file, which is not taken."""
    bench.files.add(OWN)
    bench.programs["chromium"] = "/usr/bin/chromium"

    assert Path("/usr/bin/chromium") == find(bench.machine)


def test_playwrights_own_is_downloaded_where_that_works(bench: Bench) -> None:
    """A bare machine with a network gets Playwright's own, and is told that this takes a while."""
    bench.effects["playwright install chromium"] = bench.complete

    assert OWN == find(bench.machine)
    assert ["downloading Playwright's Chromium (at most 240 s)"] == bench.said


def test_a_failed_download_is_remembered_for_a_day(bench: Bench) -> None:
    """The second run does not wait again; a day later it tries again."""
    bench.programs["google-chrome"] = "/usr/bin/google-chrome"
    marker = bench.machine.folder / MARKER

    assert {Path("/usr/bin/google-chrome")} == {find(bench.machine) for _ in range(2)}
    assert 1 == len(bench.ran)
    a_day_ago = time.time() - REMEMBERED_S - 1
    os.utime(marker, (a_day_ago, a_day_ago))
    find(bench.machine)
    assert 2 == len(bench.ran)


def test_the_download_is_short_where_another_browser_would_do(bench: Bench) -> None:
    """With a system Chrome nobody waits long for a better one."""
    bench.programs["google-chrome"] = "/usr/bin/google-chrome"
    find(bench.machine)

    assert [25.0] == [within_s for _, within_s in bench.ran]


@pytest.mark.parametrize(
    ("package", "tried"),
    [
        ("chromium-headless-shell", ["update", "chromium-headless-shell"]),
        ("chromium", ["update", "chromium-headless-shell", "chromium"]),
    ],
)
def test_debians_package_is_the_last_resort(bench: Bench, package: str, tried: list[str]) -> None:
    """Root on a bare Debian gets the package that it has, the one without a window first."""
    bench.programs["apt-get"] = "/usr/bin/apt-get"
    bench.effects["apt-get -o DPkg::Lock::Timeout=120 update"] = lambda: None
    bench.effects[f"recommends {package} "] = lambda: bench.programs.update({package: f"/usr/bin/{package}"})

    assert Path("/usr/bin", package) == find(replace(bench.machine, root=True))
    assert tried == [text.split()[-1] for text, _ in bench.ran if "apt-get" in text]


def test_debians_package_is_not_tried_without_root(bench: Bench) -> None:
    """Nobody else is asked for a password, and nothing is installed behind their back."""
    bench.programs["apt-get"] = "/usr/bin/apt-get"

    with pytest.raises(NoBrowser):
        find(bench.machine)
    assert [] == [text for text, _ in bench.ran if "apt-get" in text]


def test_no_browser_says_what_was_tried(bench: Bench) -> None:
    """The error names every attempt, why it failed, and the mend."""
    with pytest.raises(
        NoBrowser,
        match=r"no network.*none of chromium-headless-shell, .*apt-get.*name one in RELEASE_CHROMIUM",
    ):
        find(bench.machine)


def test_launch_options(bench: Bench) -> None:
    """A path is given only where it is not Playwright's own; root launches without the sandbox."""
    bench.complete()
    named = replace(bench.machine, environment={"RELEASE_CHROMIUM": "mine"}, root=True)
    bench.programs["mine"] = "/opt/mine"

    assert "executable_path" not in launch_options(bench.machine)
    assert "--no-sandbox" not in launch_options(bench.machine)["args"]
    assert "/opt/mine" == launch_options(named)["executable_path"]
    assert "--no-sandbox" in launch_options(named)["args"]


def test_nothing_of_chromes_own_is_drawn_beside_a_page(chromium: Browser) -> None:
    """The browser that loads are timed in has the page, with its tab, and no page of its own address bar."""
    with chromium.new_context() as context:
        context.new_page()
        told = chromium.new_browser_cdp_session().send("Target.getTargets", {"filter": [{}]})

    assert {"page"} == {each["type"] for each in told["targetInfos"]} - {"tab"}


@pytest.mark.usefixtures("chromium")
def test_what_playwright_switches_off_stays_off() -> None:
    """Chrome heeds the last list of features alone: ours, where there is one, has all of Playwright's."""
    for process in psutil.Process().children(recursive=True):
        lists = [each.partition("=")[2] for each in process.cmdline() if each.startswith("--disable-features=")]
        if "--remote-debugging-pipe" in process.cmdline() and not process.cmdline()[1].startswith("--type="):
            assert set(lists[0].split(",")) <= set(lists[-1].split(","))
            break
    else:
        pytest.fail("there is no browser among our processes")


def test_a_command_that_hangs_is_ended_with_its_children(tmp_path: Path) -> None:
    """The time limit holds, for what the command started, too."""
    started = time.monotonic()
    done = run(["sh", "-c", "echo begun; (sleep 1; touch late) & sleep 60"], 0.3, cwd=tmp_path)
    took_s = time.monotonic() - started
    time.sleep(1.2)

    assert (None, "begun\n") == (done.code, done.output)
    assert took_s < 10
    assert not (tmp_path / "late").exists()
