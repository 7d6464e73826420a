"""A first release.toml, written by looking at a running release: `nox -s init -- https://staging.example`."""
