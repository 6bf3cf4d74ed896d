"""`make bench`: what one request costs the gateway, beside a relay that does nothing else.

The order of reading: `__main__` (the run), `stand` (what is started), `load` (the client), `cpu`, `first_byte`,
`start_up`, `ledger_calls` and `account_size` (the measurements), `report`, `call_tables` and `chart` (what is shown).
`instant_dynamodb` is the DynamoDB that the gateway's own CPU is seen with. `docs/benchmarks.md` says how to read the
figures.
"""
