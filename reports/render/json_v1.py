"""`gate.json`, version 1: for machines, and the source of every other report."""

from __future__ import annotations

import json

import msgspec

from reports.model import SCHEMA, Gate


def render(gate: Gate) -> str:
    """Write the gate as plain ASCII JSON in a stable order, so that no byte of a hostile text reaches its reader."""
    return json.dumps(json.loads(msgspec.json.encode(gate)), indent=2) + "\n"


def schema() -> str:
    """Write the JSON Schema that `render` keeps, made from the same types."""
    shape = msgspec.json.schema(Gate)
    shape = {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": SCHEMA, **shape}
    return json.dumps(shape, indent=2) + "\n"
