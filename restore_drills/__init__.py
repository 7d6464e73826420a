"""Drills: backups come back, whole and in time."""
