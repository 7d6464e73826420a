"""Checks of a release, one folder a side of it."""
