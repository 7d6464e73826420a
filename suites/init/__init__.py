"""A first release.toml, written by looking at a deployment: what was seen is a guess, what was not is a question."""
