"""Tests of `reports.verify`."""
