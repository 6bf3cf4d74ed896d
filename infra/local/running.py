"""The settings of what `make run` runs here, or of a deployment whose tables the environment names."""

import os
from pathlib import Path

from functions import settings
from functions.settings import Settings
from infra.local import configuration, folder
from infra.local.configuration import Configuration
from infra.local.loopback import HOST, ask
from infra.local.processes import Failed


def deployment(command: str) -> Settings:
    """As the gateway has them. `command` is what people call this by. Raises Failed, SettingsError."""
    asked = configuration.read(settings.dotenv(Path(".env")) | dict(os.environ))
    made = folder.own_secrets(asked.folder) if (asked.folder / "secrets.json").exists() else {}
    secrets = made if asked.starts_dynamodb else {}
    return settings.read(configuration.gateway_environ(asked, secrets, _port_of_dynamodb(asked, command)))


def _port_of_dynamodb(asked: Configuration, command: str) -> int:
    """The port of MiniStack that `make run` started; 0 where a setting says where DynamoDB is. Raises Failed.

    MiniStack 1.5.33 names a file by its port, in the folder that `make run` gives it for such files.
    """
    if not asked.starts_dynamodb:
        return 0
    for file in sorted((asked.folder / "tmp").glob("ministack-*.pid")):
        port = file.stem.removeprefix("ministack-")
        if port.isdecimal() and ask(int(port), "GET", "/_ministack/health")[0] == 200:
            return int(port)
    raise Failed(
        f"nothing to {command}: no `make run` is running in {asked.folder}. Start it, or say where the tables are: "
        f"DYNAMODB_ENDPOINT_URL=http://{HOST}:8000 (or https://dynamodb.<region>.amazonaws.com) make {command}"
    )
