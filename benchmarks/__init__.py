"""`make bench`: what one request costs the gateway, beside a relay that does nothing else.

The order of reading: `__main__` (the run), `stand` (what is started), `load` (the client), `cpu`, `first_byte`,
`start_up` and `ledger_calls` (the four measurements), `report` and `chart` (what is shown).
`docs/benchmarks.md` says how to read the figures.
"""
