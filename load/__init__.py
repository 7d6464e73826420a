"""Load on the running release: open arrivals, sent by Locust, recorded exactly, with the honesty of the generator.

`config` is `[load]` of release.toml, `schedule` draws the arrivals, `engine` sends them, `recorder` keeps each request,
`generator` watches ourselves, `quantile` is the statistics, `checks` are the claims, `stage` leaves the evidence.
Only `engine`, `client` and `generator` import Locust's world, which patches the process that it is imported into.
"""
