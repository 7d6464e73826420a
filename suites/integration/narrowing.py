"""Whether a later JSON schema still takes, or still gives, what an earlier one did: pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

Schema = dict[str, Any]
Problem = tuple[str, str]
"""Where, and what; alike in every run."""
LOWER = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
UPPER = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")
OTHER = ("pattern", "multipleOf", "uniqueItems")


def resolve(document: Schema, schema: object) -> Schema:
    """Follow `$ref` inside the document, and merge `allOf`; what is elsewhere, or no schema, says nothing."""
    for _ in range(20):
        if not isinstance(schema, dict) or not str(schema.get("$ref", "")).startswith("#/"):
            break
        target: Any = document
        for part in schema["$ref"][2:].split("/"):
            target = target.get(part.replace("~1", "/").replace("~0", "~"), {})
        schema = target
    if not isinstance(schema, dict):
        return {}
    merged: Schema = {key: value for key, value in schema.items() if key != "allOf"}
    for each in schema.get("allOf", ()):
        part = resolve(document, each)
        together = {
            "properties": {**merged.get("properties", {}), **part.get("properties", {})},
            "required": [*merged.get("required", ()), *part.get("required", ())],
        }
        merged = {**merged, **part, **{key: value for key, value in together.items() if value}}
    return merged


def variants(document: Schema, schema: object) -> list[Schema]:
    """Every kind of value that a schema allows, each with one type: of `anyOf`, `oneOf`, lists of types, `nullable`."""
    one = resolve(document, schema)
    for word in ("anyOf", "oneOf"):
        if word in one:
            rest = {key: value for key, value in one.items() if key not in {word, "discriminator"}}
            return [
                {**rest, **variant} for choice in one[word] for variant in variants(document, resolve(document, choice))
            ]
    types = one.get("type", [])
    types = list(types) if isinstance(types, list) else [types]
    if one.get("nullable") and types:
        types.append("null")
    return [{**one, "type": name} for name in types] if types else [one]


@dataclass
class Comparison:
    """Two documents; `taken` schemas describe what clients send, the others what they get."""

    before: Schema
    after: Schema
    taken: bool
    _open: list[tuple[object, object]] = field(default_factory=list)

    def problems(self, before: object, after: object, where: str) -> Iterator[Problem]:
        """Tell what no longer holds. A schema that contains itself is looked at once."""
        names = tuple(each.get("$ref") if isinstance(each, dict) else None for each in (before, after))
        if None not in names and names in self._open:
            return
        self._open.append((names[0], names[1]))
        yield from self._variants(variants(self.before, before), variants(self.after, after), where)
        self._open.pop()

    def _variants(self, before: list[Schema], after: list[Schema], where: str) -> Iterator[Problem]:
        if len(before) == len(after) == 1:
            yield from self._plain(before[0], after[0], where)
            return
        for one in before if self.taken else after:
            pairs = [(one, other) if self.taken else (other, one) for other in (after if self.taken else before)]
            alike = [pair for pair in pairs if pair[0].get("type") == pair[1].get("type")]
            if any(not list(self._plain(*pair, where)) for pair in pairs):
                continue
            if len(alike) == 1:
                yield from self._plain(*alike[0], where)
            elif self.taken:
                yield where, f"{_kind(one)} is no longer taken"
            else:
                yield where, f"it can now be {_kind(one)}"

    def _plain(self, before: Schema, after: Schema, where: str) -> Iterator[Problem]:
        inner, outer = (before, after) if self.taken else (after, before)
        wide = _type(outer)
        if wide and _type(inner) not in ({wide, "integer"} if wide == "number" else {wide}):
            yield where, f"the type was {_kind(before)}, and is {_kind(after)}"
            return
        if _formats_differ(before, after):
            yield where, f"the format was {before['format']}, and is {after['format']}"
        yield from _values(before, after, where, taken=self.taken)
        yield from self._limits(before, after, where)
        yield from self._fields(before, after, where)
        if "items" in before and "items" in after:
            yield from self.problems(before["items"], after["items"], f"{where}[]")

    def _limits(self, before: Schema, after: Schema, where: str) -> Iterator[Problem]:
        if not self.taken:
            return
        for words, sign in ((LOWER, 1), (UPPER, -1)):
            for word in words:
                if word in after and (word not in before or sign * after[word] > sign * before[word]):
                    yield where, f"{word} is now {after[word]}, and was {before.get(word, 'not given')}"
        for word in OTHER:
            if after.get(word) and after[word] != before.get(word):
                yield where, f"{word} is now {after[word]}, and was {before.get(word, 'not given')}"

    def _fields(self, before: Schema, after: Schema, where: str) -> Iterator[Problem]:
        had, has = before.get("properties", {}), after.get("properties", {})
        needed, needs = set(before.get("required", ())), set(after.get("required", ()))
        for name in had.keys() - has.keys():
            yield f"{where}.{name}", "the field is no longer taken" if self.taken else "the field is gone"
        for name in (needs - needed) if self.taken else (needed - needs) & has.keys():
            yield f"{where}.{name}", "the field is required now" if self.taken else "the field may be missing now"
        for name in had.keys() & has.keys():
            yield from self.problems(had[name], has[name], f"{where}.{name}")


def _values(before: Schema, after: Schema, where: str, *, taken: bool) -> Iterator[Problem]:
    """Tell which values of an enumeration are gone. New ones in an answer are no break: clients must expect them."""
    had, has = _enumerated(before), _enumerated(after)
    if taken and has is not None and had is None:
        yield where, f"only these values are taken now: {', '.join(map(str, has))}"
    elif had is not None and has is not None and (taken or not set(map(repr, had)) & set(map(repr, has))):
        for value in had:
            if value not in has:
                yield where, f"the value {value!r} is gone"


def _enumerated(schema: Schema) -> list[object] | None:
    return [schema["const"]] if "const" in schema else schema.get("enum")


def _type(schema: Schema) -> str | None:
    if isinstance(schema.get("type"), str):
        return str(schema["type"])
    return "object" if "properties" in schema else None


def _formats_differ(before: Schema, after: Schema) -> bool:
    return bool(before.get("format") and after.get("format")) and before["format"] != after["format"]


def _kind(schema: Schema) -> str:
    return _type(schema) or "anything"
