"""A verdict that can be checked elsewhere, later and offline: signed, bound to its inputs, and judged again.

`statement` says it in in-toto's words, `dsse` signs and opens, `keys` are Ed25519, `sums` are the run's files,
`again` judges again, `findings` collect what was found.
"""
