"""Walk through a page by the Tab key alone, as people do who cannot use a mouse."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import msgspec
from playwright.sync_api import FloatRect, JSHandle, Page

from evidence.errors import CannotTell

SCRIPT = Path(__file__).with_suffix(".js").read_text(encoding="utf-8")
MOST_STOPS = 600
SAME_STOPS = 12
"""A date has several stops inside; who is still at one element after so many is caught in it."""
MARGIN_PX = 8
"""How far around an element a mark of the focus is looked for."""


class Box(msgspec.Struct, frozen=True):
    """Where an element is, relative to what shows."""

    left: float
    top: float
    right: float
    bottom: float


class Target(msgspec.Struct, frozen=True):
    """An element, by a place that stays the same and by what it reads."""

    place: str
    text: str


class Stop(Target, frozen=True):
    """Where the focus is. `plain`: an outline or a caret shows it; `left` counts what is still to be reached."""

    seen: Literal["new", "same", "first", "inside", "again"]
    plain: bool
    left: int
    box: Box


def barriers(page: Page) -> Iterator[tuple[str, str]]:
    """Yield each thing in the way: a trap, an element that Tab does not reach, a focus that nothing shows."""
    walk = page.evaluate_handle(SCRIPT)
    caught = None
    for stop in _stops(page, walk):
        if stop.seen != "new":
            caught = stop
        elif not stop.plain and not _shows(page, walk, stop.box):
            yield f"focus {stop.place}", f"nothing shows that {stop.text!r} has the focus"
    unreached = msgspec.convert(walk.evaluate("walk => walk.unreached()"), list[Target])
    if caught and unreached:
        yield f"trap {caught.place}", f"Tab does not leave {caught.text!r}: {len(unreached)} elements are not reached"
        return
    for target in unreached:
        yield f"reach {target.place}", f"{target.text!r} is not reached by Tab"


def _stops(page: Page, walk: JSHandle) -> Iterator[Stop]:
    """Press Tab until everything is reached or the focus has been around; yield new stops, and one that catches it."""
    outside, same = 0, 0
    for _ in range(MOST_STOPS):
        page.keyboard.press("Tab")
        stop = msgspec.convert(walk.evaluate("walk => walk.step()"), Stop | None)
        if stop is None:
            # A page may begin in its middle: once around is from outside to outside.
            outside += 1
            if outside == 2:
                return
            continue
        same = same + 1 if stop.seen == "same" else 0
        caught = same > SAME_STOPS or (stop.seen == "again" and not outside)
        if stop.seen == "new" or caught:
            yield stop
        if caught or not stop.left or (stop.seen == "first" and not outside):
            return
    msg = f"{page.url}: the focus was not around the page after {MOST_STOPS} stops"
    raise CannotTell(msg)


def _shows(page: Page, walk: JSHandle, box: Box) -> bool:
    """Tell whether the element, or what is around it, looks another way when the focus has gone."""
    size = page.evaluate("({ width: innerWidth, height: innerHeight })")
    left, top = max(0.0, box.left - MARGIN_PX), max(0.0, box.top - MARGIN_PX)
    width, height = min(size["width"], box.right + MARGIN_PX) - left, min(size["height"], box.bottom + MARGIN_PX) - top
    if width <= 0 or height <= 0:
        return False
    clip: FloatRect = {"x": left, "y": top, "width": width, "height": height}
    focused = page.screenshot(clip=clip, animations="disabled")
    walk.evaluate("walk => walk.blur()")
    blurred = page.screenshot(clip=clip, animations="disabled")
    walk.evaluate("walk => walk.back()")
    return focused != blurred
