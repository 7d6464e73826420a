"""Where an OpenAPI document (2.0, 3.0 or 3.1) says that its paths are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urljoin, urlsplit


def base_path(document: Mapping[str, Any], at: str) -> str:
    """The path below which all of its paths are: `basePath` (2.0), or that of the first server, from where `at` is."""
    if "swagger" in document:
        return "/".join(["", *filter(None, str(document.get("basePath", "")).split("/"))])
    server = (document.get("servers") or [{}])[0]
    url = str(server.get("url", "/"))
    for name, variable in server.get("variables", {}).items():
        url = url.replace(f"{{{name}}}", str(variable.get("default", "")))
    return urlsplit(urljoin(at, url)).path.rstrip("/")
