"""Which checks there are, read from their source: nothing is imported, so that the gate needs no stage's libraries."""

from __future__ import annotations

import ast
from collections.abc import Collection
from difflib import get_close_matches
from pathlib import Path

import msgspec

from evidence.errors import InputError
from evidence.release import Release

TREE = Path(__file__).parents[1]
STAGES = {
    "lint": "suites/source/check_lint.py",
    "types": "suites/source/check_types.py",
    "security": "suites/source/check_security.py",
    "unit": "suites/source/check_unit.py",
    "integration": "suites/integration",
    "live_security": "suites/security",
    "smoke": "suites/smoke",
    "load": "load",
    "drill": "restore_drills",
}
"""Every stage, in the order in which it runs, and where its checks are."""
LIVE = ("integration", "live_security", "smoke", "load", "drill")
"""The stages that look at the running release."""


class CheckInfo(msgspec.Struct, frozen=True, kw_only=True):
    """A check as its source states it."""

    identifier: str
    claim: str
    stage: str
    where: str


def read(tree: Path) -> dict[str, CheckInfo]:
    """Find every function marked `@check("AREA-001")`; InputError where an id is given twice or a file is broken."""
    found: dict[str, CheckInfo] = {}
    for stage, place in STAGES.items():
        top = tree / place
        for path in sorted(top.rglob("*.py")) if top.is_dir() else filter(Path.exists, [top]):
            for info in _checks(path, tree, stage):
                if other := found.get(info.identifier):
                    msg = f"{info.where}: the check id {info.identifier} is taken by {other.where}"
                    raise InputError(msg)
                found[info.identifier] = info
    return found


def refuse_unknown(release: Release, planned: Collection[str]) -> None:
    """InputError where `[not_applicable]` names what is no check, of ours or planned: it would leave nothing out."""
    if set(release.not_applicable) <= set(planned):
        return
    known = {*read(TREE), *planned}
    for name in release.not_applicable:
        if name not in known:
            near = get_close_matches(name, known, n=1)
            mend = f"did you mean {near[0]}?" if near else "policy.toml lists them"
            msg = f"{release.path}: [not_applicable] {name}: no check has this id; {mend}"
            raise InputError(msg)


def _checks(path: Path, tree: Path, stage: str) -> list[CheckInfo]:
    where = path.relative_to(tree).as_posix()
    try:
        module = ast.parse(path.read_text(encoding="utf-8"), filename=where)
    except SyntaxError as error:
        msg = f"{where}:{error.lineno}: {error.msg}"
        raise InputError(msg) from None
    return [
        CheckInfo(
            identifier=identifier,
            claim=" ".join((ast.get_docstring(node) or "").split()),
            stage=stage,
            where=f"{where}:{node.lineno}",
        )
        for node in ast.walk(module)
        if isinstance(node, ast.FunctionDef)
        for identifier in map(_identifier, node.decorator_list)
        if identifier
    ]


def _identifier(decorator: ast.expr) -> str | None:
    match decorator:
        case ast.Call(func=ast.Name(id="check"), args=[ast.Constant(value=str(identifier))]):
            return identifier
    return None
