"""Text that would be a script where a page takes it for markup: does one run?

Only a browser knows: it alone decodes, repairs and runs. The content-security policy is left out of it, so that what
escapes nothing is found also where a policy happens to stop today's script; the policy itself is judged by CSP-001.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple
from urllib.parse import quote

from playwright.sync_api import BrowserContext, Error, Page

from suites.smoke.seen import is_releases_fault

PROBES = (
    '"><img src=x onerror=alert({})>',
    "<svg onload=alert({})>",
    "</script></textarea></title><script>alert({})</script>",
    "'-alert({})-'",
    '"-alert({})-"',
    "javascript:alert({})",
)
"""Out of an attribute, in the text, out of what holds text only, in a script's two kinds of strings, as an address."""
NUMBERS = itertools.count(7001)
REFUSED = {400, 413, 422}
"""Text that a page does not take does no harm there; a page that is not there was not looked at."""
WITHIN_MS = 10_000
WATCH = "window.ran = []; window.alert = text => { window.ran.push(String(text)); };"
FOLLOW = """async () => {
  const links = document.querySelectorAll("a[href^='javascript:' i]");
  for (const link of links) link.click();
  if (links.length) await new Promise(resolve => setTimeout(resolve, 100));
  return {ran: window.ran};
}"""
"""What a reader would do: addresses are scripts only once they are followed, and then run a moment later."""


class Probe(NamedTuple):
    """Text that would run, the number that it would call with, and the place that it is named by."""

    text: str
    number: str
    place: str


def probes(*paths: str, probes: Sequence[str] = PROBES) -> Iterator[tuple[str, Probe]]:
    """Yield every probe for every path; the number of each is its own, so that one that runs names its place."""
    for path, probe in itertools.product(paths, probes):
        number = str(next(NUMBERS))
        yield path, Probe(probe.format(number), number, f"{path} {probe.format('…')}")


def addresses(paths: Iterable[str], pages: Iterable[str]) -> dict[str, Probe]:
    """Put every probe at each `{probe}` of the paths, and markup behind the `#` of the pages."""
    fragments = (f"{page}#{{probe}}" for page in pages)
    # What a script of the page writes into it is never run as one, but an image that is not there is.
    placed = (*probes(*paths), *probes(*fragments, probes=PROBES[:1]))
    return {path.replace("{probe}", quote(probe.text, safe="")): probe for path, probe in placed}


def running(context: BrowserContext, target: str, looked_for: Mapping[str, Probe]) -> Iterator[tuple[Probe, str]]:
    """Open every address, in one page of a context that bypasses CSP; yield the probes that ran, or what went wrong.

    An address that does not load yields its fault: what did not come cannot be said to be harmless.
    """
    context.add_init_script(WATCH)
    page = context.new_page()
    for address, probe in looked_for.items():
        if "#" in address:
            # Another fragment of the page that shows already would load nothing.
            page.goto("about:blank")
        ran, fault = _ran(page, target + address)
        if fault or probe.number in ran:
            yield probe, fault
        if fault:
            # A page that is stuck would take the next one with it.
            page.close()
            page = context.new_page()
    page.close()


def _ran(page: Page, url: str) -> tuple[list[str], str]:
    """Load a page; give what has run, or what went wrong.

    Images that are not there fail before the load event, so all that would run by itself has run by then.
    """
    try:
        answer = page.goto(url, timeout=WITHIN_MS)
        if answer and answer.status >= 400 and answer.status not in REFUSED:
            return [], f"answers {answer.status}"
        # Unlike any `evaluate` this ends, also where a script of the page does not.
        followed = page.wait_for_function(FOLLOW, timeout=WITHIN_MS)
        return followed.json_value()["ran"], ""
    except Error as error:
        return [], _fault(error)


def _fault(error: Error) -> str:
    if not is_releases_fault(error):
        raise error
    return f"does not load: {error.message.splitlines()[0]}"
