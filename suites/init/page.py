"""What an HTML page says of links, forms and files; read in bounds, since anybody can write one."""

from __future__ import annotations

import re
import time
from html.parser import HTMLParser

import msgspec

from suites.init.text import clean

LARGEST = 300_000
PIECE = 8_192
READ_WITHIN_S = 2.0
MOST = 300
"""Links, and fields, of one page."""
FIELD_NAME = re.compile(r"[A-Za-z0-9_.:\[\]-]{1,60}")
CSRF = re.compile(r"csrf|xsrf|authenticity|_token|nonce", re.IGNORECASE)
TYPED = ("text", "email", "tel", "search", "")


class Field(msgspec.Struct, frozen=True):
    """An input of a form: its name and type, never its value."""

    name: str
    kind: str


class Form(msgspec.Struct, kw_only=True):
    """A form: where it goes, how, and its fields."""

    action: str
    method: str
    fields: list[Field] = msgspec.field(default_factory=list)

    @property
    def password(self) -> str | None:
        """The field for a password, where there is exactly one: with two somebody registers."""
        named = self._named("password")
        return named[0] if len(named) == 1 else None

    @property
    def user(self) -> str | None:
        """The first field that somebody types text into."""
        return next(iter(self._named(*TYPED)), None)

    @property
    def csrf(self) -> str | None:
        """The hidden field that looks like a CSRF token."""
        return next((name for name in self._named("hidden") if CSRF.search(name)), None)

    @property
    def hidden(self) -> list[str]:
        """The names of the other hidden fields."""
        return [name for name in self._named("hidden") if name != self.csrf]

    def _named(self, *kinds: str) -> list[str]:
        return [field.name for field in self.fields if field.kind in kinds]


class Page(HTMLParser):
    """`Page.read(text)`: `links` and `files` as they stand there, `forms`, and `odd` field names that were left out."""

    def __init__(self) -> None:
        """Begin with nothing."""
        super().__init__(convert_charrefs=True)
        self.links: list[str] = []
        self.files: list[str] = []
        self.forms: list[Form] = []
        self.odd = 0
        self._open = False

    @classmethod
    def read(cls, text: str) -> Page:
        """Read a page, as far as its size and our time allow; broken markup ends it early."""
        page, deadline = cls(), time.monotonic() + READ_WITHIN_S
        # Piece by piece and never closed: what is left unfinished at the end is not searched again and again.
        for start in range(0, min(len(text), LARGEST), PIECE):
            try:
                page.feed(text[start : start + PIECE])
            except (AssertionError, ValueError):
                break
            if time.monotonic() > deadline:
                break
        return page

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what matters of a tag."""
        told = {name: given or "" for name, given in reversed(attrs)}
        if tag == "a" and "download" not in told and len(self.links) < MOST:
            self.links.append(told.get("href", ""))
        elif tag == "link" and "stylesheet" in told.get("rel", "").lower():
            self.files.append(told.get("href", ""))
        elif tag == "script" and told.get("src"):
            self.files.append(told["src"])
        elif tag == "form" and len(self.forms) < MOST:
            self.forms.append(Form(action=told.get("action", ""), method=told.get("method", "get").lower()))
            self._open = True
        elif tag == "input" and self._open:
            self._field(told)

    def handle_endtag(self, tag: str) -> None:
        """Note the end of a form."""
        self._open = self._open and tag != "form"

    def _field(self, told: dict[str, str]) -> None:
        fields, name = self.forms[-1].fields, told.get("name", "")
        if name and not FIELD_NAME.fullmatch(name):
            self.odd += 1
        elif name and len(fields) < MOST:
            fields.append(Field(name, clean(told.get("type", "").lower(), 20)))
