"""The tables of `[security]`: what the deployment was seen to do, and what it must be asked about."""

from __future__ import annotations

import re
from http.cookies import CookieError, SimpleCookie

from suites.init import places, unseen
from suites.init.client import Answer
from suites.init.look import STRANGER, Login, Seen
from suites.init.text import clean, question, saw, table, value

Lines = list[str]
COOKIE_NAME = re.compile(r"[A-Za-z0-9_.-]{1,80}")
SESSION = re.compile(r"sess|sid|auth|login", re.IGNORECASE)
CSRF = re.compile(r"csrf|xsrf", re.IGNORECASE)
"""A cookie that is there before anybody signs in, and is no session."""
NONCE = re.compile(r"'nonce-[^']*'")
FLAGS = ("secure", "httponly", "samesite", "path", "domain")


def blocks(seen: Seen, variable: str) -> list[Lines]:
    """Write them all."""
    return [
        ["# Security of the running release"],
        *_headers(seen),
        *_cors(seen),
        *_account(seen, variable),
        *_keys(seen, variable),
        *_limits(seen),
        *_injection(seen, variable),
        *unseen.blocks(variable),
    ]


def _headers(seen: Seen) -> list[Lines]:
    answers = {answer.path: answer for answer in (*seen.health, *seen.examples)}
    api = [answer for answer in answers.values() if answer.status == 200 and "json" in answer.kind]
    if not seen.pages and not api:
        return [
            question(
                "which pages and answers must carry the security headers?", table("security.headers", {"pages": ["/"]})
            )
        ]
    first = (seen.pages or api)[0]
    told = [f"{first.path}: {name}: {_header(first, name)}" for name in places.HEADERS]
    if seen.file is not None and seen.file.status == 200:
        told.append(f"{seen.file.path}: cache-control: {_header(seen.file, 'cache-control')}")
    entries = {
        "pages": [answer.path for answer in seen.pages],
        "api": [{"path": answer.path} for answer in api] or None,
    }
    return [[*saw(*told), *table("security.headers", entries)]]


def _header(answer: Answer, name: str) -> str:
    given = answer.headers.get(name)
    return "none" if given is None else clean(NONCE.sub("'nonce-…'", given), 300)


def _cors(seen: Seen) -> list[Lines]:
    if seen.cors is None or not seen.cors.status:
        return []
    granted = seen.cors.headers.get("access-control-allow-origin")
    credentials = ", with credentials" if "access-control-allow-credentials" in seen.cors.headers else ""
    told = f"is answered {clean(granted)}{credentials}" if granted else "is answered nothing"
    expect = None if seen.cors.status == 200 else seen.cors.status
    return [
        [
            *saw(f"{seen.cors.path}: the origin {STRANGER} {told}"),
            *question("which other origins may read it from a browser? As it stands: none."),
            *table("security.cors", {"path": seen.cors.path, "expect": expect, "allowed": []}),
        ]
    ]


def _account(seen: Seen, variable: str) -> list[Lines]:
    cookies = {name: line for answer in seen.answers for name, line in _cookies(answer)}
    names = [name for name in cookies if not CSRF.search(name)]
    session = next((name for name in names if SESSION.search(name)), next(iter(names), "session"))
    account: dict[str, object]
    if seen.login is None:
        ask = "how does somebody sign in? No page with a form for a password was found."
        account = {
            "page": "/login",
            "form": {"email": f"${{{variable}_USER}}", "password": f"${{{variable}_PASSWORD}}"},
        }
    else:
        ask = "which path answers 200 only to who is signed in, what does it answer others, and how does one sign out?"
        account = {"page": seen.login.page.path, **_form(seen.login, variable)}
    account |= {
        "session_cookie": session,
        "signed_in": {"path": "/account"},
        "signed_out": 401,
        "sign_out": {"path": "/logout", "method": "POST", "form": {}, "expect": 303},
    }
    csrf = {"source": "/account", "token": '<meta name="csrf-token" content="([^"]+)">', "header": "X-CSRF-Token"}
    mutation = table("[security.csrf.mutations]", {"path": "/api/account", "method": "PUT", "json": {"name": "x"}})
    return [
        [*saw(*cookies.values(), *_login(seen.login)), *question(ask, table("security.account", account))],
        question(
            "where does a signed-in page have its CSRF token, and which requests need it?",
            table("security.csrf", csrf),
            mutation,
        ),
    ]


def _form(login: Login, variable: str) -> dict[str, object]:
    user, password = str(login.form.user), str(login.form.password)
    return {
        "csrf_field": login.form.csrf,
        "form": {user: f"${{{variable}_USER}}", password: f"${{{variable}_PASSWORD}}"},
        "wrong": {password: "not the password"},
    }


def _login(login: Login | None) -> list[str]:
    if login is None:
        return []
    action = login.action or "another address"
    goes = "itself" if action == login.page.path else f"{action}, which `page` is not: the form is sent to `page`"
    told = [f"{login.page.path}: a form that goes to {goes}; fields {login.form.user} and {login.form.password}"]
    told += (
        [f"{login.page.path}: a hidden field {login.form.csrf}, new to every visitor or not"] if login.form.csrf else []
    )
    told += [f"{login.page.path}: other hidden fields: {', '.join(login.form.hidden)}"] if login.form.hidden else []
    return told


def _cookies(answer: Answer) -> list[tuple[str, str]]:
    """The cookies of an answer by name, and what is said of each; their values are nobody's business."""
    found = []
    for header in answer.headers.get_list("set-cookie"):
        try:
            morsels = SimpleCookie(header)
        except CookieError:
            continue
        for name, morsel in morsels.items():
            flags = [
                f"{flag}={morsel[flag]}" if isinstance(morsel[flag], str) else flag for flag in FLAGS if morsel[flag]
            ]
            if COOKIE_NAME.fullmatch(name):
                found.append((name, f"{answer.path} sets the cookie {name}: {clean(', '.join(flags)) or 'no flag'}"))
    return found


def _keys(seen: Seen, variable: str) -> list[Lines]:
    names = seen.document.keys if seen.document else ()
    header = names[0] if names else "Authorization"
    way = "Bearer " if header == "Authorization" else ""
    keys = {
        "header": header,
        "read": f"{way}${{{variable}_KEY_READ}}",
        "write": f"{way}${{{variable}_KEY_WRITE}}",
        "refused": [f"{way}${{{variable}_KEY_REVOKED}}"],
        "reading": {"path": "/api/items"},
        "writing": {"path": "/api/items", "method": "POST", "json": {"name": "x"}, "expect": 201},
    }
    return [
        [
            *saw(*(f"the OpenAPI document says that keys go in {name}" for name in names)),
            *question("which API keys are there, and what may each do?", table("security.keys", keys)),
        ]
    ]


def _limits(seen: Seen) -> list[Lines]:
    told = {
        name: (answer, answer.headers[name])
        for answer in seen.answers
        for name in places.LIMITS
        if name in answer.headers
    }
    number = next((int(given) for _, given in told.values() if re.fullmatch(r"[1-9]\d{0,5}", given)), 60)
    limit = {"per_minute": number, "burst": number, "request": {"path": seen.root.path}}
    return [
        [
            *saw(*(f"{answer.path}: {name}: {clean(given, 100)}" for name, (answer, given) in told.items())),
            *question(
                "how many requests a minute may one client send, and how many at once?",
                table("security.rate_limit", limit),
            ),
        ]
    ]


def _injection(seen: Seen, variable: str) -> list[Lines]:
    api = list(seen.document.searched[:5]) if seen.document else []
    if not api and not seen.searches:
        ask = "where does text that somebody typed go to, and which text finds something there? No parameter was found."
        entries = {"api": ["/api/items?q={probe}"], "pages": ["/search?q={probe}"], "harmless": "wall"}
        return [question(ask, table("security.injection", entries))]
    told = [f"the OpenAPI document has {path}" for path in api]
    told += [f"a page has a form for {path}" for path in seen.searches]
    lines = table("security.injection", {"api": api or None, "pages": seen.searches or None})
    ask = (
        "which text finds something there, where one that nobody has finds nothing? By path, where it is not the same."
    )
    lines += question(ask, ['harmless = "wall"'])
    if api:
        header = (*(seen.document.keys if seen.document else ()), "Authorization")[0]
        headers = value({header: f"Bearer ${{{variable}_KEY_READ}}"})
        lines += question("with which key may the paths of `api` be asked?", [f"headers = {headers}"])
    return [[*saw(*told), *lines, *question("where else does text that somebody typed go to?")]]
