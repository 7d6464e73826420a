"""The monthly rehearsal of the whole disaster: `python -m restore_drills.dr`, or `nox -s dr_drill`.

`sequence` is the steps in their order, `record` what is kept of them, `markdown` and `page` show a record, `runbook` is
the same steps as instructions, `notify` tells people.
"""
