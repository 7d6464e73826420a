"""The critical journeys work in a real browser: the declared pages, and the release's own pytest-playwright folders."""
