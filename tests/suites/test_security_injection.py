"""Hostile text is found where it is run, and an answer that broke is no pass."""

from __future__ import annotations

import string
from collections.abc import Callable

import httpx
import pytest

from checks.findings import Findings
from evidence.errors import CannotTell
from evidence.release import Release, Source
from suites.security import check_injection as checks

RELEASE = Release(name="shop", version="1", source=Source(paths=()), security={"injection": {"pages": ["/?q={probe}"]}})


def served(answer: Callable[[str], str], status: int = 200) -> httpx.Client:
    """A release that answers what was searched for, made into a page by `answer`."""

    def respond(request: httpx.Request) -> httpx.Response:
        return httpx.Response(status, text=answer(request.url.params["q"]))

    return httpx.Client(transport=httpx.MockTransport(respond), base_url="http://release")


def found(http: httpx.Client, check: Callable[..., None], *more: object) -> list[str]:
    """The places of what a check finds."""
    findings = Findings()
    check(http, RELEASE, findings, *more)
    return list(findings.found)


def unmeasured(**_: float) -> None:
    """Forget what is measured."""


@pytest.mark.parametrize(
    ("run", "expected"),
    [
        (lambda text: text, []),
        (lambda text: text.replace("{{1337*7331}}", "9801547"), ["/?q={probe} {{1337*7331}}"]),
        (lambda text: text.replace("<%= 1337*7331 %>", "9,801,547"), ["/?q={probe} <%= 1337*7331 %>"]),
        (lambda text: text + string.digits + "1337*7331", []),
    ],
)
def test_a_template_that_is_run_is_found(run: Callable[[str], str], expected: list[str]) -> None:
    """The product tells which syntax is run; the text itself, and other numbers, tell nothing."""
    assert expected == found(served(run), checks.check_templates_in_parameters_are_text, unmeasured)


def test_markup_is_found_at_its_place() -> None:
    """Each probe that comes back as it was sent is a finding of its own."""
    escaped = served(lambda text: text.replace("<script>", "&lt;script&gt;").replace('"', "&quot;"))

    assert ["/?q={probe} <svg/onload=rv7q>"] == found(escaped, checks.check_markup_in_parameters_is_text)


@pytest.mark.parametrize(
    ("check", "more"),
    [
        (checks.check_markup_in_parameters_is_text, ()),
        (checks.check_templates_in_parameters_are_text, (unmeasured,)),
    ],
)
def test_an_answer_that_broke_tells_nothing(check: Callable[..., None], more: tuple[object, ...]) -> None:
    """A server's error has neither markup nor product in it, and is no pass."""
    with pytest.raises(CannotTell, match="no page came back"):
        found(served(str, 500), check, *more)
