"""`gate.json`, version 1: for machines, and the source of every other report."""

from __future__ import annotations

import json
import re

import msgspec

from reports.model import SCHEMA, Gate

BEYOND_ASCII = re.compile(r"[^\x00-\x7e]")


def render(gate: Gate) -> str:
    """Write the gate as plain ASCII JSON in a stable order, so that no byte of a hostile text reaches its reader."""
    text = msgspec.json.format(msgspec.json.encode(gate), indent=2).decode("utf-8", "surrogatepass")
    plain = text.isascii() and "\x7f" not in text  # to look is fifty times as fast as to replace nothing
    return f"{text if plain else BEYOND_ASCII.sub(_escape, text)}\n"


def schema() -> str:
    """Write the JSON Schema that `render` keeps, made from the same types."""
    shape = msgspec.json.schema(Gate)
    shape = {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": SCHEMA, **shape}
    return json.dumps(shape, indent=2) + "\n"


def _escape(match: re.Match[str]) -> str:
    """Write a character by its code in UTF-16, as JSON does: only strings hold such characters."""
    return json.dumps(match[0])[1:-1]
