"""Drills: what is restored from a backup is proven by content, and the time that it took is measured.

`backups` makes, keeps and restores backups, `fingerprint` says what a database is, `compare` how two differ, `loss`
loses a server and recovers it; none of them knows pytest. `drill_*` are the claims.
"""
