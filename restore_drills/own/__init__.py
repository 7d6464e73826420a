"""Backups that a team makes anyway, by whatever it uses: found, brought back into a server of our own, looked at.

`contract` is what release.toml says of them, `form` what one is, `logical` and `physical` bring it back, `repository`
chooses among what `nox -s backup` keeps, `copy` puts them together and says what the copy holds.
"""
