"""What an OpenAPI document (2.0, 3.0 or 3.1) says of an answer: which operation it belongs to, and how it may look."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import httpx
import jsonschema
from openapi_schema_validator import OAS30Validator, OAS31Validator

Document = Mapping[str, Any]


def operation(document: Document, method: str, path: str) -> Document | None:
    """The operation that a path, without the base path, belongs to."""
    # A path without parameters goes before a template that would match it too.
    for template in sorted(document["paths"], key=lambda text: text.count("{")):
        pattern = "[^/]+".join(re.escape(part) for part in re.split(r"\{[^}]+\}", template))
        found: Document | None = document["paths"][template].get(method.lower())
        if found and re.fullmatch(pattern, path):
            return found
    return None


def mismatches(document: Document, asked: Document, answer: httpx.Response) -> Iterator[str]:
    """What of an answer its operation does not document."""
    documented = _response(document, asked, answer.status_code)
    if documented is None:
        yield f"the status {answer.status_code} is not documented"
        return
    kinds = _kinds(document, asked, documented)
    if not answer.content and not kinds:
        return
    told = answer.headers.get("content-type", "").split(";")[0].strip().lower()
    kind = next((each for each in (told, f"{told.split('/')[0]}/*", "*/*") if each in kinds), None)
    if kind is None:
        yield f"{answer.headers.get('content-type')} is not documented"
    elif kinds[kind] is not None and "json" in told:
        for error in _validator(document, kinds[kind]).iter_errors(answer.json()):
            yield f"{error.json_path}: {error.message[:200]}"


def _response(document: Document, asked: Document, status: int) -> Document | None:
    responses = {str(name).upper(): each for name, each in asked.get("responses", {}).items()}
    names = (str(status), f"{status // 100}XX", "DEFAULT")
    found: Document | None = next((responses[name] for name in names if name in responses), None)
    while found and "$ref" in found:
        target: Any = document
        for part in str(found["$ref"]).removeprefix("#/").split("/"):
            target = target[part.replace("~1", "/").replace("~0", "~")]
        found = target
    return found


def _kinds(document: Document, asked: Document, documented: Document) -> dict[str, Any]:
    """Media types, each with its schema; None where nothing is said of how it looks."""
    if "swagger" in document:
        if "schema" not in documented:
            return {"*/*": None}
        produced = asked.get("produces", document.get("produces", ["*/*"]))
        return {str(kind).split(";")[0].strip().lower(): documented["schema"] for kind in produced}
    content = documented.get("content", {})
    return {str(kind).split(";")[0].strip().lower(): each.get("schema") for kind, each in content.items()}


def _validator(document: Document, schema: object) -> Any:  # noqa: ANN401 - jsonschema's own
    """Judge by the dialect of the document's version, in which null has a word of its own."""
    named = {name: document[name] for name in ("components", "definitions") if name in document}
    if "swagger" in document:
        return jsonschema.Draft4Validator({"allOf": [schema], **named})
    dialect = OAS30Validator if str(document.get("openapi")).startswith("3.0") else OAS31Validator
    return dialect({"allOf": [schema], **named})
