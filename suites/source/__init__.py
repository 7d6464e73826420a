"""The source of the release: lint, types, known-bad patterns, dependencies, secrets, its own unit tests."""
