"""Evidence: what every stage leaves and the gate judges. The foundation; imports no other package of this repository.

`model` is the record, `release` reads `release.toml`, `run` is the folder of one run, `check` marks a function as a
check, `plugin` lets pytest run checks, `stage` lets anything else run them.
"""
