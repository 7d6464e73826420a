"""The operations that an OpenAPI document names, each made into a request that changes nothing where it is refused."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import httpx

from suites.openapi import base_path

MUTATING = ("post", "put", "patch", "delete")
METHODS = ("get", *MUTATING)
NOWHERE = "999999999"
"""An id that nothing has: what is let through ends there."""


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One operation; `schemes` are the kinds of credentials that it takes, each alone, and `""` is none at all."""

    method: str
    path: str
    schemes: frozenset[str]
    has_body: bool
    base: str = ""

    @property
    def name(self) -> str:
        """How release.toml and findings name it: `PUT /api/estimates/{estimate_id}`."""
        return f"{self.method.upper()} {self.path}"

    @property
    def parameters(self) -> list[str]:
        """The names in its path."""
        return re.findall(r"\{([^}]+)\}", self.path)

    @property
    def mutates(self) -> bool:
        """Whether it may change something."""
        return self.method in MUTATING

    def is_at(self, method: str, path: str) -> bool:
        """Whether a request of this method and path, without a query, is for it."""
        parts = (re.escape(part) for part in re.split(r"\{[^}]+\}", f"{self.base}{self.path}"))
        return method.lower() == self.method and re.fullmatch("[^/]+".join(parts), path) is not None

    def send(
        self,
        http: httpx.Client,
        headers: Mapping[str, str],
        ids: Mapping[str, object] | None = None,
        body: object = None,
    ) -> httpx.Response:
        """Ask for it; of what no id is given, there is nothing."""
        path = self.base + re.sub(r"\{([^}]+)\}", lambda match: str((ids or {}).get(match[1], NOWHERE)), self.path)
        asked = {} if body is None else body
        return http.request(self.method, path, headers=headers, json=asked if self.has_body else None)


def operations(document: Mapping[str, Any], at: str) -> list[Operation]:
    """Every operation of a document that is served at a path, in its order."""
    found, base = [], base_path(document, at)
    for path, item in document.get("paths", {}).items():
        for method in METHODS:
            if isinstance(described := item.get(method), Mapping):
                asked = described.get("security", document.get("security"))
                found.append(
                    Operation(
                        method=method, path=path, schemes=_schemes(asked), has_body=_has_body(described), base=base
                    )
                )
    return found


def cookie_schemes(document: Mapping[str, Any]) -> set[str]:
    """The names of the security schemes that are a cookie, which browsers send by themselves."""
    schemes = document.get("components", {}).get("securitySchemes", {})
    return {name for name, scheme in schemes.items() if scheme.get("in") == "cookie"}


def _has_body(described: Mapping[str, Any]) -> bool:
    """Version 2.0 of OpenAPI knows a body as a parameter."""
    places = {parameter.get("in") for parameter in described.get("parameters", ())}
    return "requestBody" in described or bool(places & {"body", "formData"})


def _schemes(asked: Sequence[Mapping[str, Any]] | None) -> frozenset[str]:
    """Where nothing is asked for, or nothing is one of the ways, anybody is let in."""
    return frozenset(" ".join(sorted(way)) for way in asked) if asked else frozenset({""})
