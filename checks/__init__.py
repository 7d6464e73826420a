"""Checks: how a claim about a release is examined, and what it leaves. Imports only `evidence`.

`claim` marks a function as a check, `plugin` lets pytest run checks, `stage` lets anything else run them, `findings` is
what one check found at several places, `permission` what may be done to a running release, `catalogue` lists all.
"""
