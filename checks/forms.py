"""What a page's form holds, as a browser reads it."""

from __future__ import annotations

from html.parser import HTMLParser


class _Inputs(HTMLParser):
    """The inputs of a page, by name; the first of a name counts."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.values: dict[str, str] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = dict(reversed(attrs))  # of an attribute that is there twice the first counts
        if tag == "input" and told.get("name"):
            self.values.setdefault(str(told["name"]), told.get("value") or "")


def input_value(page: str, name: str) -> str | None:
    """Find the value of an input by its name, however it is quoted; None where the page has none."""
    inputs = _Inputs()
    inputs.feed(page)
    inputs.close()
    return inputs.values.get(name)
