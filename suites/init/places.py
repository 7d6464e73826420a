"""Where web services usually have what we look for."""

from __future__ import annotations

HEALTH = (
    "/health",
    "/healthz",
    "/api/health",
    "/__heartbeat__",
    "/__lbheartbeat__",
    "/livez",
    "/readyz",
    "/health/live",
    "/health/ready",
    "/health/db",
    "/api/health/db",
    "/api/health/cache",
    "/api/healthz",
    "/healthcheck",
    "/ready",
    "/status",
    "/ping",
    "/misc/ping",
    "/up",
    "/_health",
    "/-/healthy",
    "/-/ready",
    "/actuator/health",
)
VERSION = ("/version", "/api/version", "/__version__", "/-/versions.json", "/actuator/info", "/info")
DOCUMENT = (
    "/openapi.json",
    "/api/openapi.json",
    "/__api__",
    "/swagger.json",
    "/api/swagger.json",
    "/api/v1/openapi.json",
    "/api/schema/?format=json",
    "/v3/api-docs",
    "/swagger/v1/swagger.json",
    "/api-docs",
    "/.well-known/openapi.json",
)
LOGIN = (
    "/login",
    "/login/",
    "/accounts/login/",
    "/admin/login/",
    "/signin",
    "/users/sign_in",
    "/auth/login",
    "/user/login",
)
BELOW = ("/__heartbeat__", "/__lbheartbeat__", "/health", "/healthz", "/__version__", "/__api__", "/openapi.json")
"""What is looked for below the path, too, that the start page redirects to (`/v1/`)."""
LEAVES = (
    "logout",
    "signout",
    "sign-out",
    "sign_out",
    "log-out",
    "delete",
    "remove",
    "destroy",
    "unsubscribe",
    "confirm",
)
"""Words in a link that is not followed, although it should do nothing when it is read."""
FILES = (".pdf", ".zip", ".gz", ".png", ".jpg", ".jpeg", ".gif", ".svg", ".ico", ".css", ".js", ".xml", ".csv", ".mp4")
"""What a link ends in that is no page."""
HEALTH_WORDS = ("live", "lbheartbeat", "ping", "healthz", "/up")
"""What the path of a liveness answer is usually made of."""
DEPENDENCIES = {
    "/db": "database",
    "/database": "database",
    "/cache": "cache",
    "/redis": "redis",
    "/__heartbeat__": "database",
}
"""What the end of a health path says about the dependency that it follows."""
BUILD_FIELDS = ("version", "commit", "revision", "git_sha", "git_commit", "sha", "build", "release", "project_version")
BUILD_HEADERS = ("x-app-version", "x-version", "x-release", "x-build", "x-git-commit", "x-revision")
HEADERS = (
    "strict-transport-security",
    "content-security-policy",
    "content-security-policy-report-only",
    "x-content-type-options",
    "x-frame-options",
    "referrer-policy",
    "permissions-policy",
    "cross-origin-opener-policy",
    "cache-control",
)
"""Headers that are quoted where a page has them, and named where it has not."""
LIMITS = ("ratelimit", "ratelimit-policy", "ratelimit-limit", "x-ratelimit-limit", "x-rate-limit-limit", "retry-after")
