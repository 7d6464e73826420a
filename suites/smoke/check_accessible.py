"""Everybody can use the declared pages: with a screen reader, by the keyboard alone, on a phone."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page

from checks.claim import check
from checks.findings import Findings
from suites.smoke import accessible, keyboard, narrow, structure
from suites.smoke.opened import Opened
from suites.smoke.pictures import picture

# Getting a browser for the first time takes minutes.
pytestmark = pytest.mark.timeout(1800)

Measure = Callable[..., None]
Look = Callable[[Page], Iterator[tuple[str, str]]]


@check("SMOKE-005")
def check_pages_say_what_they_are(desk: Opened, findings: Findings, measure: Measure) -> None:
    """Every declared page has a title, a language, a main heading and a main landmark."""
    _look(desk, structure.lacking, findings, measure)


@check("SMOKE-006")
def check_pages_are_accessible(desk: Opened, findings: Findings, measure: Measure) -> None:
    """No declared page breaks a rule of axe-core that is serious or critical."""
    _look(desk, accessible.violations, findings, measure)


@check("SMOKE-007")
def check_pages_fit_a_phone(phone: Opened, findings: Findings, measure: Measure, attach: Callable[..., None]) -> None:
    """On a screen of 400 px no declared page has to be scrolled sideways."""
    for number, (path, page) in enumerate(phone, 1):
        if image := picture(page):
            attach(f"{number}{path}.png", image)
    _look(phone, narrow.overflow, findings, measure)


@check("SMOKE-008")
def check_pages_work_by_keyboard(desk: Opened, findings: Findings, measure: Measure) -> None:
    """On every declared page the Tab key reaches everything, shows where it is, and is caught nowhere."""
    _look(desk, keyboard.barriers, findings, measure)


def _look(opened: Opened, look: Look, findings: Findings, measure: Measure) -> None:
    measure(pages_total=len(opened.pages))
    for path, page in opened:
        for place, what in look(page):
            findings.add(f"{path} {place}", what)
    opened.settle(findings)
