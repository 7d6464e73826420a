"""Judge security headers and a content-security policy: pure functions from headers to what is wrong with them.

The expectations follow OWASP ASVS 5.0 (3.4.1 to 3.4.6) and the CSP Level 3 recommendation.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

ONE_YEAR_S = 31_536_000
REFERRER_POLICIES = {"no-referrer", "same-origin", "strict-origin", "strict-origin-when-cross-origin"}
UNSAFE = ("'unsafe-inline'", "'unsafe-eval'", "'unsafe-hashes'")
WILDCARDS = ("*", "http:", "https:", "data:", "blob:")


def page_problems(headers: Mapping[str, str]) -> list[str]:
    """What an HTML answer's headers lack."""
    problems = [*common_problems(headers)]
    if headers.get("referrer-policy", "").split(",")[-1].strip() not in REFERRER_POLICIES:
        problems.append(f"referrer-policy is {headers.get('referrer-policy')!r}")
    if not headers.get("permissions-policy"):
        problems.append("permissions-policy is missing")
    if "frame-ancestors" not in directives(headers.get("content-security-policy", "")):
        problems.append("content-security-policy has no frame-ancestors")
    return problems


def api_problems(headers: Mapping[str, str]) -> list[str]:
    """What an API answer's headers lack."""
    problems = [*common_problems(headers)]
    if "no-store" not in headers.get("cache-control", ""):
        problems.append(f"cache-control is {headers.get('cache-control')!r}, not no-store")
    return problems


def common_problems(headers: Mapping[str, str]) -> list[str]:
    """What any answer's headers lack."""
    problems = []
    age = re.search(r"max-age=(\d+)", headers.get("strict-transport-security", ""))
    if not age or int(age[1]) < ONE_YEAR_S:
        problems.append(f"strict-transport-security is {headers.get('strict-transport-security')!r}, under a year")
    if headers.get("x-content-type-options", "").lower() != "nosniff":
        problems.append(f"x-content-type-options is {headers.get('x-content-type-options')!r}, not nosniff")
    return problems


def csp_problems(headers: Mapping[str, str]) -> list[str]:
    """What lets injected script through a content-security policy."""
    if "content-security-policy" not in headers:
        reported = " (report-only enforces nothing)" if "content-security-policy-report-only" in headers else ""
        return [f"content-security-policy is missing{reported}"]
    policy = directives(headers["content-security-policy"])
    problems = [f"{name} is missing" for name in ("base-uri", "frame-ancestors") if name not in policy]
    scripts = policy.get("script-src", policy.get("default-src"))
    objects = policy.get("object-src", policy.get("default-src"))
    styles = policy.get("style-src", policy.get("default-src"))
    if scripts is None:
        return [*problems, "neither script-src nor default-src: any script runs"]
    problems += [f"script-src allows {source}" for source in scripts if source in (*UNSAFE, *WILDCARDS)]
    problems += [f"script-src allows any host of {source}" for source in scripts if "*" in source and source != "*"]
    problems += [f"style-src allows {source}" for source in styles or () if source in UNSAFE]
    if objects != ("'none'",):
        problems.append("object-src is not 'none'")
    return problems


def nonces(headers: Mapping[str, str]) -> set[str]:
    """The nonces that a policy names."""
    return set(re.findall(r"'nonce-([^']+)'", headers.get("content-security-policy", "")))


def directives(policy: str) -> dict[str, tuple[str, ...]]:
    """Parse a policy; of a directive that is there twice the first counts (CSP 3, 2.2.1)."""
    parsed: dict[str, tuple[str, ...]] = {}
    for part in policy.split(";"):
        name, *sources = part.split() or [""]
        if name:
            parsed.setdefault(name.lower(), tuple(sources))
    return parsed
