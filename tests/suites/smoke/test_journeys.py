"""The release's own journeys are run as they are, watched, and told apart by whose fault it was."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from evidence import release as releases
from evidence.errors import InputError
from evidence.model import Outcome
from suites.smoke.journeys import Folder
from tests.suites.smoke.shop import ONCE, RunFolder


def test_the_journeys_get_our_browser_and_are_watched(ran: RunFolder, launch: dict[str, Any]) -> None:
    """The plugin's launch options reach the release's own tests, and what their pages do wrong is written down."""
    launch["args"] = [*launch["args"], "--user-agent=release-verification-of-this-test"]
    seen = ran(
        "def test_looks(page, new_context):\n"
        "    page.goto('/broken', wait_until='networkidle')\n"
        "    assert page.evaluate('navigator.userAgent') == 'release-verification-of-this-test'\n"
        "    new_context().new_page().goto('/members')\n"
    ).seen

    assert [Outcome.PASSED] == [journey.outcome for journey in seen.journeys]
    assert 2 == seen.pages
    assert {"journeys/test_shop.py::test_looks[chromium]"} == {problem.where for problem in seen.problems}
    assert [
        "404 GET /gone.png",
        "console error: boom",
        "exception: undefined_name is not defined",
    ] == sorted(problem.what for problem in seen.problems)


def test_whose_fault_a_journey_was(ran: RunFolder) -> None:
    """Only a failed assert, or a page that does not do what was asked, is the release's fault."""
    one = ran(
        "import pytest\n"
        "@pytest.fixture\ndef broken(): assert 0\n"
        "@pytest.fixture\ndef untidy():\n    yield\n    raise OSError\n"
        "def test_good(): pass\n"
        "def test_assert(): assert 1 == 2\n"
        "def test_click(page):\n    page.goto('/')\n    page.get_by_role('button').click(timeout=100)\n"
        "def test_refused(page): page.goto('http://127.0.0.1:1/')\n"
        "def test_untidy(untidy): assert 0\n"
        "def test_bug(): raise KeyError('MAIL')\n"
        "def test_fixture(broken): pass\n"
        "def test_later(): pytest.skip('later')\n"
    )
    found: dict[Outcome, list[str]] = {}
    for journey in one.seen.journeys:
        found.setdefault(journey.outcome, []).append(journey.test.partition("::test_")[2].partition("[")[0])

    assert {
        Outcome.PASSED: ["good"],
        Outcome.FAILED: ["assert", "click", "refused", "untidy"],
        Outcome.ERRORED: ["bug", "fixture"],
        Outcome.SKIPPED: ["later"],
    } == found
    assert "journeys/test_shop.py::test_bug: KeyError: 'MAIL'" in one.unseen
    assert ["journeys/test_shop.py::test_later: Skipped: later"] == one.skipped


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("def test_it(): pass", "no journey opened a page"),
        ("def buys(): pass", "exit code 5"),
        ("import nothing_of_that_name", "No module named 'nothing_of_that_name'"),
        ("import os\ndef test_it(): os._exit(0)", "no journey that pytest can find"),
    ],
)
def test_a_folder_that_was_not_seen_is_no_pass(ran: RunFolder, source: str, why: str) -> None:
    """A folder without a test, without a page, that cannot be read or whose run breaks off is told as unseen."""
    assert why in ran(source).unseen


def test_a_deselected_journey_is_skipped(ran: RunFolder, folder: Path) -> None:
    """What the folder's own options leave out is not taken for run."""
    (folder / "pytest.ini").write_text("[pytest]\naddopts = -k other\n")

    assert ["test_shop.py::test_it: deselected", "test_shop.py::test_it2: deselected"] == ran(
        "def test_it(): pass\ndef test_it2(): pass\ndef test_other(): pass"
    ).skipped


def test_a_module_that_skips_itself_is_skipped(ran: RunFolder, folder: Path) -> None:
    """A module that pytest leaves out as a whole, with exit code 0, is not taken for run."""
    (folder / "test_later.py").write_text("import pytest\npytest.importorskip('nothing_of_that_name')\n")

    (skipped,) = ran("def test_it(): pass").skipped
    assert skipped.startswith("journeys/test_later.py: ")
    assert "nothing_of_that_name" in skipped


def test_a_journey_that_passes_on_a_retry_is_no_pass(ran: RunFolder, folder: Path) -> None:
    """What a plugin for retries calls `rerun` is told apart from a pass."""
    (folder / "conftest.py").write_text(
        "import pytest\n"
        "@pytest.hookimpl(wrapper=True, tryfirst=True)\n"
        "def pytest_runtest_makereport():\n"
        "    report = yield\n"
        "    report.outcome = 'rerun' if report.failed else report.outcome\n"
        "    return report\n"
        "def pytest_report_teststatus(report):\n"
        "    return ('rerun', 'R', 'RERUN') if report.outcome == 'rerun' else None\n"
    )
    one = ran("def test_it(): assert 0")

    assert [] == one.failed
    assert ["journeys/test_shop.py::test_it: assert 0"] == one.flaky
    assert ["1"] == [path.name for path in one.kept.iterdir()], "what was tried again is not tried again by us"


def test_a_missing_folder_is_named(release_file: Path, tmp_path: Path) -> None:
    """A folder that release.toml names and that is not there is a mistake in release.toml."""
    with pytest.raises(InputError, match=r"release.toml: \[smoke\] journeys: 'gone' does not exist"):
        Folder(name="gone", release=releases.load(release_file), launch={}, scratch=tmp_path).run()


def test_what_failed_is_tried_once_more(ran: RunFolder, folder: Path) -> None:
    """A journey that passes the second time is flaky, and only it is tried again; one that fails twice has failed."""
    one = ran(ONCE + "def test_bad(page): assert 0\ndef test_note(page): open('note', 'a').write('.')\n")

    assert ["journeys/test_shop.py::test_once[chromium]: assert False"] == one.flaky
    assert ["journeys/test_shop.py::test_bad[chromium]: assert 0"] == one.failed
    assert "." == (folder.parent / "note").read_text()
    assert ["1", "2"] == sorted(path.name for path in one.kept.iterdir())


def test_a_retry_that_breaks_mends_nothing(ran: RunFolder, folder: Path) -> None:
    """Where the second try cannot run, what failed has failed."""
    (folder / "conftest.py").write_text(
        "import os, pathlib\nif pathlib.Path(__file__).with_name('tried').exists(): os._exit(0)\n"
    )

    assert ["journeys/test_shop.py::test_once[chromium]: assert False"] == ran(ONCE).failed
