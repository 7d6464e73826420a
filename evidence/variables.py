"""`${NAME}` in release.toml: the value of an environment variable, so that no secret stands in the file."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any

from evidence.errors import InputError

VARIABLE = re.compile(r"\$\{([A-Z][A-Z0-9_]*)\}")


def resolve(value: Any, environment: Mapping[str, str] = os.environ) -> Any:  # noqa: ANN401 - any TOML value
    """Replace `${NAME}` in every string of a TOML value; InputError where the variable is not set."""
    if isinstance(value, str):
        return VARIABLE.sub(lambda match: variable(match[1], environment), value)
    if isinstance(value, dict):
        return {key: resolve(inner, environment) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [resolve(inner, environment) for inner in value]
    return value


def variable(name: str, environment: Mapping[str, str] = os.environ) -> str:
    """Read an environment variable; InputError names it where it is not set."""
    try:
        return environment[name]
    except KeyError:
        msg = f"release.toml names the environment variable {name}, which is not set"
        raise InputError(msg) from None
