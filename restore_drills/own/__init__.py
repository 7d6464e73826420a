"""Backups that a team makes anyway, by whatever it uses: found, brought back into a server of our own, looked at.

`contract` is what release.toml says of them, `form` what one is, `logical` and `physical` bring it back, `copy` puts
them together and says what the copy holds.
"""
