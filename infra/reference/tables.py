"""The page of the tables: functions/ledger/tables.py, and which function may do what in each."""

from typing import Any

from functions.ledger.tables import TABLES, TTL_TABLES
from infra.aws.template.access import TABLE_USE
from infra.aws.template.tables import name_of

BEGINNING = """\
# Tables

DynamoDB's, on demand, with every second of the last 35 days to go back to. Each name has `TABLE_PREFIX` in front,
such as `farebox-accounts`. What stands in them, and what never does: [your data](../your_data.md); how they are
written: [the ledger](../ledger.md).
"""


def page() -> str:
    """The page as Markdown."""
    return BEGINNING + "".join(_table(model) for model in TABLES)


def _table(model: type[Any]) -> str:
    name = name_of(model)
    keys = [key for key in (model._hash_key_attribute(), model._range_key_attribute()) if key is not None]
    said = " ".join(line.strip() for line in (model.__doc__ or "").strip().splitlines())
    text = f"\n## {name}\n\n{said}\n\nKey: {', then '.join(f'`{key.attr_name}` ({key.attr_type})' for key in keys)}."
    if name in TTL_TABLES:
        text += f" Items go by themselves after the time in `{TTL_TABLES[name]}`."
    text += "\n\n| function | may |\n|---|---|\n"
    for function, use in TABLE_USE.items():
        if use.get(name):
            text += f"| {function} | {', '.join(use[name])} |\n"
    return text
