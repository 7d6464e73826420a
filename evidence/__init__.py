"""Evidence: what every stage leaves and the gate judges. The foundation; imports no other package of this repository.

`model` is the record, `release` reads `release.toml`, `run` is the folder of one run, `chart` is a picture's numbers.
"""
