"""Measurements that anyone can repeat. Nothing here is a test: no figure of a shared machine is a limit."""
