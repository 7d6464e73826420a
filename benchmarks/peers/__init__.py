"""Which bad release other tools find: `python -m benchmarks.peers --help`."""
