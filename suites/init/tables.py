"""Write what was seen as release.toml: every guess under what was seen, every gap as a question beside its table."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from suites.init import defence, operations, places
from suites.init.client import Answer
from suites.init.look import Seen
from suites.init.text import clean, comment, left_out, question, saw, table, value

Lines = list[str]
HEAD = """\
A first release.toml, written by looking at a running deployment. Every entry is a guess; "seen" says what it rests on.
Every QUESTION is something that was not found: answer it in the table below it, or say under [not_applicable], with a
reason, that the release has no such thing. What stays open is reported as not verified. `${NAME}` is an environment
variable: no secret belongs in this file."""
END = """\
[not_applicable] is yours to write, never ours: only you know that the release has no such thing. For example:"""


def write(seen: Seen, *, has_sources: bool) -> str:
    """Write the whole file."""
    variable = _variable(seen)
    blocks: list[Lines] = [
        comment(HEAD),
        *_identity(seen),
        *_source(has_sources=has_sources),
        *_target(seen),
        *_health(seen),
        *_api(seen, variable),
        *defence.blocks(seen, variable),
        *_browser(seen),
        *operations.blocks(seen, variable),
        _not_asked(seen),
        [*comment(END), *left_out(["[not_applicable]", 'TYPES-001 = "plain JavaScript"'])],
    ]
    return "\n\n".join("\n".join(block) for block in blocks if block) + "\n"


def _not_asked(seen: Seen) -> Lines:
    if not seen.left_out:
        return []
    return question(f"what else is there? Enough was asked: {seen.left_out} requests were not sent.")


def _name(seen: Seen) -> str:
    host = urlsplit(seen.url).hostname or ""
    labels = [label for label in host.split(".") if label not in {"www", "staging", "stage", "test", "dev", "preview"}]
    word = labels[0] if labels and not re.fullmatch(r"[\d:]+", labels[0]) else "service"
    return re.sub(r"[^a-z0-9-]", "-", word.lower())


def _variable(seen: Seen) -> str:
    """How the names of environment variables begin."""
    word = re.sub(r"[^A-Z0-9]", "_", _name(seen).upper())
    return word if word[0].isalpha() else f"R_{word}"


def _identity(seen: Seen) -> list[Lines]:
    build = next(iter(seen.builds), None)
    asked = "which version is it that you want to promote? Every live stage holds it against what the deployment says."
    if build:
        return [
            [f"name = {value(_name(seen))}"],
            [
                *saw(f"the deployment says {build.build}"),
                *question(asked),
                f"version = {value(build.build)}",
            ],
        ]
    return [[f"name = {value(_name(seen))}"], [*question(asked), 'version = "0.0.0"']]


def _source(*, has_sources: bool) -> list[Lines]:
    ask = (
        "where is the source, and which commands check it? Exit code 1 is a finding. {junit} is a file for JUnit's XML."
    )
    commands = {
        "requirements": ["requirements.txt"],
        "lint": [["npm", "run", "lint"]],
        "types": [["npx", "tsc", "--noEmit"]],
        "unit": ["npm", "test", "--", "--reporter=junit", "--output={junit}"],
    }
    seen = saw("a folder `src` beside this file") if has_sources else []
    return [
        [*seen, "[source]", f"paths = {value(['src'] if has_sources else [])}", *question(ask, table("", commands)[1:])]
    ]


def _target(seen: Seen) -> list[Lines]:
    healthy = next((answer.path for answer in seen.health), None)
    build = next(iter(seen.builds), None)
    lines = [*saw(seen.root, *seen.tls, *_plain(seen))]
    told = {"path": build.path, **_way(build.header, build.field)} if build else None
    lines += saw(
        *(f"{each.path} says {each.build} ({each.header or each.field or 'all of it'})" for each in seen.builds)
    )
    lines += table("target", {"url": seen.url, "health": healthy or seen.root.path, "build": told})
    if not healthy and seen.root.status != 200:
        lines += question("which path answers 200 once the release serves? `health` above does not.")
    if not build:
        lines += question(
            "where does the deployment tell its version or commit? Without it every live stage verifies nothing.",
            ['build = { path = "/version", field = "commit" }'],
        )
    lines += question(
        "what may be done to it? Only reading, until you say so; never allow anything on production.",
        ['allow = ["write", "attack", "load"]'],
    )
    return [lines]


def _way(header: str | None, field: str | None) -> Mapping[str, str]:
    return {"header": header} if header else {"field": field} if field else {}


def _plain(seen: Seen) -> Lines:
    if seen.plain is None:
        return []
    to = urlsplit(seen.plain.headers.get("location", "")).scheme
    return [f"without TLS: {seen.plain.status or seen.plain.problem}" + (f", sent on to {clean(to, 10)}" if to else "")]


def _health(seen: Seen) -> list[Lines]:
    unwell = saw(*seen.unwell)
    if not seen.health:
        ask = "which paths tell whether it is well? None of the usual ones does."
        return [[*unwell, *question(ask, table("health", {"paths": ["/health"]}))]]
    paths = [answer.path for answer in seen.health]
    alive = [path for path in paths if any(word in path for word in places.HEALTH_WORDS)]
    lines = [*saw(*seen.health), *unwell, *table("health", {"paths": paths})]
    ask = "which of them stay at 200 while a dependency is gone, so that nobody restarts the release for it?"
    lines += question(ask, [f"alive = {line}" for line in value(alive or [paths[0]]).splitlines()])
    follows = {name: path for end, name in places.DEPENDENCIES.items() for path in paths if path.endswith(end)}
    ask = (
        "which of them follows which dependency? To see it happen there must be commands, [target.hooks], that stop it "
        "and bring it back."
    )
    commands = {
        f"{name}_{way}": ["./stage.sh", name, way] for name in follows or ["database"] for way in ("down", "up")
    }
    tables = (table("health.dependencies", follows or {"database": paths[0]}), table("target.hooks", commands))
    return [lines, question(ask, *tables)]


def _api(seen: Seen, variable: str) -> list[Lines]:
    found = seen.document
    if not found:
        ask = "where is the OpenAPI document? It is at none of the usual paths."
        return [question(ask, table("api", {"openapi": "/openapi.json"}))]
    lines = saw(
        f"{found.path}: {found.flavour}, {found.operations} operations, {found.mutations} of them change something"
    )
    keeps = question(
        "where is the document of the last promoted release? It is an attachment of that run.",
        ['openapi_before = "promoted/openapi.json"'],
    )
    return [
        [*lines, *table("api", {"openapi": found.path}), *keeps],
        *(_example(answer) for answer in seen.examples),
        [
            *question(f"with which key may it be asked? {_keys(found.keys)}", []),
            *table("api.generated", {"within_s": 60, "rate_limit": "10/s"}),
            *left_out([f'headers = {{ {(found.keys or ("Authorization",))[0]} = "Bearer ${{{variable}_KEY_READ}}" }}']),
        ],
        question(
            "which objects can be made, changed and removed again?",
            table("[api.resources]", {"name": "item", "id_field": "id"}),
            table("api.resources.create", {"path": "/items", "method": "POST", "json": {"name": "x"}, "expect": 201}),
            table("api.resources.read", {"path": "/items/{id}"}),
            table("api.resources.update", {"path": "/items/{id}", "method": "PUT", "json": {"name": "y"}}),
            table("api.resources.delete", {"path": "/items/{id}", "method": "DELETE", "expect": 204}),
        ),
    ]


def _keys(names: tuple[str, ...]) -> str:
    return f"The document says that keys go in {', '.join(names)}." if names else "The document names no kind of key."


def _example(answer: Answer) -> Lines:
    expected = None if answer.status == 200 else answer.status
    lines = table("[api.examples]", {"path": answer.path, "expect": expected})
    if answer.status in {200, 401, 403}:
        return [*saw(answer), *lines]
    return [*saw(answer), *question("what should it answer?", table("[api.examples]", {"path": answer.path}))]


def _browser(seen: Seen) -> list[Lines]:
    ask = "where are the journeys that must work, as pytest-playwright tests?"
    journeys = ['journeys = ["tests/journeys"]']
    if not seen.pages:
        return [question("which pages must load? No page was found.", table("smoke", {"pages": ["/"]}), journeys)]
    pages = [answer.path for answer in seen.pages]
    return [[*saw(*seen.pages), *table("smoke", {"pages": pages}), *question(ask, journeys)]]
