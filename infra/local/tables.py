"""Makes the tables where DYNAMODB_ENDPOINT_URL says: `python -m infra.local.tables`. Harmless where they exist.

A process of its own, so that the supervisor stays small and can give up waiting for a database that does not answer.
"""

from functions import settings
from functions.ledger import tables


def main() -> None:
    tables.create_tables(settings.get())


if __name__ == "__main__":
    main()
