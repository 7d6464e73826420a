"""Load on the running release: open arrivals, sent by Locust, recorded exactly, with the honesty of the generator.

`config` is `[load]` of release.toml, `shape` its stages, `schedule` draws the arrivals, `engine` sends them, `recorder`
keeps each request, `generator` watches ourselves; `master`, `worker` and `processes` share the arrivals out among
several, who speak by `channel`; `quantile` is the statistics, `checks` are the claims, `stage` leaves the evidence.
Only `engine`, `client`, `generator` and these import Locust's world, which patches the process that imports it.
"""
