"""A page on a phone: nothing sticks out of it, so that nobody has to scroll sideways to read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from playwright.sync_api import Page

WIDTH, HEIGHT = 400, 800
PHONE: dict[str, Any] = {"viewport": {"width": WIDTH, "height": HEIGHT}, "is_mobile": True, "has_touch": True}
QUOTED = 3
# What scrolls in a box of its own does not stick out. Of nested elements the innermost is named.
OVERFLOW = """limit => {
  const root = document.scrollingElement ?? document.documentElement;
  const boxed = one => {
    for (let box = one.parentElement; box && box !== document.body && box !== root; box = box.parentElement)
      if (getComputedStyle(box).overflowX !== "visible") return true;
    return false;
  };
  const out = [...document.body.querySelectorAll("*")].filter(one => {
    const box = one.getBoundingClientRect();
    return box.width && box.height && box.right + scrollX > limit + 1 && one.checkVisibility() && !boxed(one);
  });
  const name = one => one.tagName.toLowerCase() + (one.id ? "#" + one.id : "")
    + [...one.classList].slice(0, 2).map(each => "." + each).join("");
  return {
    width: root.scrollWidth,
    scales: document.querySelector("meta[name=viewport]") !== null,
    elements: [...new Set(out.filter(one => !out.some(inner => inner !== one && one.contains(inner))).map(name))],
  };
}"""


def overflow(page: Page) -> Iterator[tuple[str, str]]:
    """Yield what is wider than the phone, where anything is."""
    told = page.evaluate(OVERFLOW, WIDTH)
    if told["width"] <= WIDTH + 1:
        return
    why = ", ".join(told["elements"][:QUOTED]) if told["scales"] else "it has no <meta name=viewport>"
    yield "width", f"is {told['width']} px wide on a screen of {WIDTH} px: {why}"
