"""The backup repository: backups of PostgreSQL with proofs, in a folder or in S3, kept by one policy.

A backup is what its manifest says, and the manifest is written last: `model` is its shape, `repository` its life in a
store. `take` makes backups, `wal` keeps the log between them, `retention` plans what may go, `restore` brings them
back.
"""
