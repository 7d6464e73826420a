"""Drills: what is restored from a backup is proven by content, and the time that it took is measured.

`fingerprint` says what a database is, `recovery` loses and restores it; neither knows pytest. `drill_*` are the claims.
"""
