"""What an answer must not tell: traces and paths of the inside, secrets, files that were never meant to be served."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

import httpx

Problem = tuple[str, str]
INSIDE = {
    "python-trace": r"Traceback \(most recent call last\)|File \"[^\"]+\.py\", line \d+",
    "java-trace": r"\bat [\w.$]+\([\w$]+\.(java|kt|scala):\d+\)|\b(java|javax|org\.\w+)(\.\w+)+Exception\b",
    "javascript-trace": r"\bat \S+ \(?(/|file:|node:)\S+:\d+:\d+\)?|node_modules/",
    "php-trace": r"(Fatal error|Warning|Notice)</?b?>?: .{1,200} on line|PHP Stack trace",
    "ruby-trace": r"\.rb:\d+:in [`']",
    "dotnet-trace": r"\bat [\w.]+\([^)]*\) in \S+\.cs:line \d+|Server Error in '/",
    "go-trace": r"goroutine \d+ \[running\]",
    "debug-page": r"You're seeing this error because you have <code>DEBUG|Werkzeug Debugger|Whoops, looks like",
    "sql": r"syntax error at or near|SQLSTATE\[|unterminated quoted string|an error in your SQL|ORA-\d{5}|sqlite3\.",
    "path": r"(?<![\w/.:-])/(home/\w+|usr/(local/)?lib|var/(www|lib|task)|srv|opt)/[\w.-]+/[\w./-]+|site-packages/",
}
"""What only the inside of a service knows, in the words of its language."""
SECRETS = {
    "private-key": r"-----BEGIN ([A-Z]+ )?PRIVATE KEY-----",
    "aws-key": r"\b(AKIA|ASIA)[A-Z0-9]{16}\b",
    "github-token": r"\bgh[pousr]_[A-Za-z0-9]{36,}\b|\bgithub_pat_\w{60,}",
    "slack-token": r"\bxox[abprs]-[A-Za-z0-9-]{20,}",
    "stripe-key": r"\b[rs]k_live_[A-Za-z0-9]{20,}",
    "google-key": r"\bAIza[A-Za-z0-9_-]{35}\b",
    "address-with-password": r"\b(postgres(ql)?|mysql|mongodb(\+srv)?|redis|amqp)://[^\s:/@\"']+:[^\s@\"']+@",
}
SECRET_NAME = re.compile(r"PASSWORD|SECRET|KEY|TOKEN")
SHORTEST_SECRET = 12
"""Characters: what is shorter may stand somewhere by chance."""
FILES = {
    "/.git/HEAD": r"\Aref: refs/",
    "/.git/config": r"\A\s*\[core\]",
    "/.env": r"(?m)\A(#.*\n|\s)*[A-Z][A-Z0-9_]*\s*=",
    "/.svn/entries": r"\A\d+\n",
    "/backup.sql": r"(PostgreSQL|MySQL|MariaDB) (database )?dump",
    "/server-status": r"Apache Server Status",
    "/actuator/env": r"\"propertySources\"",
    "/phpinfo.php": r"<title>(PHP [\d.]+ - )?phpinfo\(\)",
    "/debug/pprof/": r"Types of profiles available",
    "/console": r"Werkzeug|Interactive Console",
    "/docker-compose.yml": r"(?m)^services:",
    "/id_rsa": r"-----BEGIN ([A-Z]+ )?PRIVATE KEY-----",
}
"""Files that end up on servers by accident, and what they have in them: many applications answer 200 to any path."""


def inside(text: str) -> Iterator[Problem]:
    """What an answer tells of the inside of the service."""
    for rule, pattern in INSIDE.items():
        if found := re.search(pattern, text):
            yield rule, f"the answer tells of the inside: {found[0][:80]!r}"


def secrets(text: str, known: Mapping[str, str]) -> Iterator[Problem]:
    """Secrets in an answer: those of `known` by their names, and what looks like one; never the secret itself."""
    for name, value in known.items():
        if SECRET_NAME.search(name) and len(value) >= SHORTEST_SECRET and value in text:
            yield name, f"the answer has the value of {name} in it"
    for rule, pattern in SECRETS.items():
        if re.search(pattern, text):
            yield rule, f"the answer has something in it that is written like a secret ({rule})"


def served(path: str, answer: httpx.Response) -> bool:
    """Say whether a file is really served that was left there by accident."""
    return answer.status_code == 200 and re.search(FILES[path], answer.text) is not None


def is_source_map(answer: httpx.Response) -> bool:
    """Say whether an answer is the map of a script back to its source."""
    return answer.status_code == 200 and '"mappings"' in answer.text and '"sources"' in answer.text
