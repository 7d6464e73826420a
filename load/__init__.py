"""Load on the running release: open arrivals, sent by Locust, recorded exactly, with the honesty of the generator.

`config` is `[load]` of release.toml, `shape` its stages, `values` and `resolve` fill it in; `schedule` draws the
arrivals, `engine` has the `users` (or the `team`'s own) send them, `recorder` keeps each request, `generator` watches
ourselves, and `room` tells whether it had users enough; `master`, `worker` and `processes` share the arrivals out among
several, who speak by `channel`; `quantile` is the statistics, `sequential` says when enough is measured, and `bounds`
what that shows; `checks` are the claims, `stage` leaves the evidence, with what `charts`, `server_charts` and `by_name`
make of it. `beside` is what is sent after the load: by a
`visitor` for `compression`, to the `baseline`, and for `instances`.
Only the engine and what serves it imports Locust's world, which patches the process that imports it.
"""
