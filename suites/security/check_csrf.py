"""Mutations by cookie, which browsers send by themselves, need a proof that the page itself asked for them."""

from __future__ import annotations

import json
from collections.abc import Callable

import httpx

from checks.claim import check
from checks.findings import Findings
from evidence.errors import CannotTell
from evidence.release import Release
from evidence.variables import resolve
from suites.api import Client, Request, as_declared, needed
from suites.security.conftest import document_of, hidden_field, signed_out, token_of
from suites.security.contract import Account, CrossSite, Csrf
from suites.security.operations import cookie_schemes, operations

MUTATIONS = "[security.csrf] mutations"
FOREIGN = "https://evil.example"
SignIn = Callable[[], httpx.Client]


@check("CSRF-001", needs="write")
def check_mutation_without_token_is_refused(csrf: Csrf, member: httpx.Client) -> None:
    """A mutation by cookie without the CSRF token is refused with 403."""
    mutations = needed(csrf.mutations, MUTATIONS)
    seen = {mutation.send(member).status_code for mutation in mutations}
    if seen == {403}:
        _are_there(member, csrf)

    assert {403} == seen


@check("CSRF-002", needs="write")
def check_mutation_with_another_token_is_refused(
    csrf: Csrf, member: httpx.Client, signed_in: SignIn, findings: Findings
) -> None:
    """A token that is empty, made up, cut, or of another session is refused with 403; the session's own is taken."""
    mutations = needed(csrf.mutations, MUTATIONS)
    http, other = member, signed_in()
    own = token_of(http, csrf)
    wrong = {"empty": "", "made up": "made-up", "cut": own[:-1], "of another session": token_of(other, csrf)}
    for mutation in mutations:
        place = f"{mutation.method} {mutation.path}"
        for name, token in wrong.items():
            status = mutation.send(http, headers={csrf.header: token}).status_code
            if status != 403:
                findings.add(f"{place} {name}", f"a token that is {name} is answered {status}, not 403")
        taken = mutation.send(http, headers={csrf.header: own}).status_code
        assert mutation.expect == taken, f"{place}: the session's own token is answered {taken}"


@check("CSRF-003", needs="write")
def check_mutation_from_another_site_is_refused(csrf: Csrf, member: httpx.Client, findings: Findings) -> None:
    """A mutation that a browser says comes from another site is refused with 403, even with the session's token."""
    mutations = needed(csrf.mutations, MUTATIONS)
    token = token_of(member, csrf)
    origins = {"another site": FOREIGN, "nowhere": "null", "a site of like name": f"{member.base_url}.evil.example"}
    for mutation in mutations:
        for name, origin in origins.items():
            status = mutation.send(member, headers={csrf.header: token, "Origin": origin}).status_code
            if status != 403:
                findings.add(f"{mutation.method} {mutation.path} {name}", f"from {name} it is answered {status}")
    if not findings.found:
        _are_there(member, csrf)


@check("CSRF-004", needs="write")
def check_token_dies_with_its_session(account: Account, csrf: Csrf, signed_in: SignIn, findings: Findings) -> None:
    """A token that was used before signing out opens nothing afterwards, neither with the old session nor a new one."""
    needed(account.sign_out, "[security.account] sign_out")
    mutations = needed(csrf.mutations, MUTATIONS)
    cookie, token = signed_out(signed_in(), account, csrf)
    fresh = signed_in()
    for mutation in mutations:
        with Client(apart=True, headers={"Cookie": cookie}) as thief:
            seen = {
                "old session": mutation.send(thief, headers={csrf.header: token}).status_code,
                "new session": mutation.send(fresh, headers={csrf.header: token}).status_code,
            }
        for name, status in seen.items():
            if status not in {401, 403}:
                findings.add(f"{mutation.method} {mutation.path} {name}", f"a used token is answered {status} there")
    if not findings.found:
        _are_there(fresh, csrf)


@check("CSRF-005", needs="write")
def check_every_operation_asks_for_the_token(
    release: Release, csrf: Csrf, signed_in: SignIn, findings: Findings, measure: Callable[..., None]
) -> None:
    """Every operation of the OpenAPI document that changes something by cookie is refused without the token."""
    http = signed_in()
    (document, at), token = document_of(release, http), token_of(http, csrf)
    named = [each for each in operations(document, at) if each.mutates and each.schemes & cookie_schemes(document)]
    undecided = []
    for operation in named:
        # Nothing is there to be changed: with the token the answer is that, and without it must be another.
        without = operation.send(http, {}).status_code
        if without == 403:
            continue
        with_token = operation.send(http, {csrf.header: token}).status_code
        if without == with_token or without < 400:
            findings.add(operation.name, f"without a token it is answered {without}, as with one")
        else:
            undecided.append(f"{operation.name}: {without} without a token, {with_token} with it")
    measure(operations_total=len(named))
    if undecided:
        message = f"neither refused nor let through: {'; '.join(undecided)}"
        raise CannotTell(message)


@check("CSRF-006", needs="write")
def check_changes_without_a_session_are_not_for_other_sites(
    release: Release, findings: Findings, measure: Callable[..., None]
) -> None:
    """A change that asks for no session is made from the release's own page, and refused from one of another site."""
    declared, undecided = release.section("security.cross_site", CrossSite), []
    measure(mutations_total=len(declared.mutations))
    for mutation in needed(declared.mutations, "[security.cross_site] mutations"):
        with Client(apart=True) as visitor, Client(apart=True) as lured:
            own, foreign = from_its_own_page(visitor, declared, mutation), from_another_site(lured, mutation)
        if foreign < 400:
            what = f"sent from {FOREIGN} it is answered {foreign}: any page makes its visitors do this"
            findings.add(f"{mutation.method} {mutation.path}", what)
        elif own != mutation.expect or foreign == 429 or foreign >= 500:
            undecided.append(f"{mutation.method} {mutation.path}: {own} from its own page, {foreign} from another site")
    if undecided and not findings.found:
        message = f"neither made nor refused as declared: {'; '.join(undecided)}"
        raise CannotTell(message)


def _are_there(http: httpx.Client, csrf: Csrf) -> None:
    """Send each with the session's own token: what nobody may do, or is not there, is refused without one, too."""
    token = token_of(http, csrf)
    for mutation in csrf.mutations:
        as_declared(mutation.send(http, headers={csrf.header: token}), mutation.expect, MUTATIONS)


def from_its_own_page(http: httpx.Client, declared: CrossSite, mutation: Request) -> int:
    """Send it as the release's own page does, hidden field included."""
    origin = {"Origin": str(http.base_url).rstrip("/")}
    if not declared.page:
        return mutation.send(http, headers=origin).status_code
    token = hidden_field(http.get(declared.page).text, declared.csrf_field)
    form = {name: token if value == "{csrf}" else resolve(value) for name, value in mutation.form.items()}
    return mutation.send(http, data=form, headers=origin).status_code


def from_another_site(http: httpx.Client, mutation: Request) -> int:
    """Send it as a page of another site can: without a token, and JSON as plain text, for which nothing is asked."""
    headers, path = {"Origin": FOREIGN}, resolve(mutation.path)
    if mutation.json is not None:
        content = json.dumps(resolve(mutation.json))
        return http.post(path, content=content, headers={**headers, "Content-Type": "text/plain"}).status_code
    form = {name: resolve(value) for name, value in mutation.form.items() if value != "{csrf}"}
    return http.post(path, data=form, headers=headers).status_code
