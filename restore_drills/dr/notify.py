"""Tell people by a webhook that takes what Slack's take, and a dead man's switch that all is well.

httpx, which other stages have already: what Slack, Mattermost, Rocket.Chat and Teams' workflows share is one POST of
`{"text": …}`; a library for each of a hundred services (apprise) would bring eight more packages for it.
"""

from __future__ import annotations

import os

import httpx

WITHIN_S = 10.0
TRIES = 3
ESCAPED = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
"""As Slack asks for: otherwise a text could call everybody (`<!channel>`) or show a link for another."""


def post(variable: str, text: str) -> str:
    """Send a message to the webhook whose address the variable holds; say what kept it from arriving, or nothing."""
    for character, written in ESCAPED.items():
        text = text.replace(character, written)
    return _sent(variable, "POST", {"text": text})


def ping(variable: str) -> str:
    """Tell the dead man's switch that the drill passed: it raises the alarm where nobody does so in time."""
    return _sent(variable, "GET", None)


def _sent(variable: str, method: str, body: dict[str, str] | None) -> str:
    if not (address := os.environ.get(variable)):
        return f"the variable {variable}, which [backup.dr] names, is not set"
    problem = ""
    for _ in range(TRIES):
        try:
            answer = httpx.request(method, address, json=body, timeout=WITHIN_S)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            # Its address is a secret: only the kind of what went wrong is told.
            problem = f"the address in {variable} was not reached ({type(error).__name__})"
            continue
        if answer.is_success:
            return ""
        problem = f"the address in {variable} answers {answer.status_code}"
        if answer.status_code < 500:
            break
    return problem
