"""What `make run` was asked for, and the environment that its children get."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from functions.settings import SettingsError
from infra.local.loopback import HOST

# What a child needs of the environment that is not a setting. MiniStack and llama.cpp get no more: both have
# settings of their own there, and neither needs our secrets.
PLAIN = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "LD_LIBRARY_PATH", "FAREBOX_LOCAL_DIR")
LOCAL_CREDENTIAL = "farebox-local"
THIS_MACHINE = "127.0.0.0/8,::1/128"


@dataclass(frozen=True)
class Configuration:
    """`environ` is `.env` overlaid by the environment; `folder` is absolute."""

    folder: Path
    port: int
    llama_port: int
    environ: Mapping[str, str]

    @property
    def base_url(self) -> str:
        """Where the gateway is on this machine, whatever BASE_URL says to users."""
        return f"http://{HOST}:{self.port}"

    @property
    def starts_dynamodb(self) -> bool:
        return not self.environ.get("DYNAMODB_ENDPOINT_URL")

    @property
    def starts_llama(self) -> bool:
        return not self.environ.get("LLAMA_BASE_URL")

    @property
    def outbox(self) -> Path:
        """Where mails go: a folder of `.eml` files."""
        return Path(self.environ.get("MAIL_OUTBOX") or self.folder / "outbox").absolute()


def read(environ: Mapping[str, str]) -> Configuration:
    """From `.env` and the environment, already overlaid. Raises SettingsError."""
    return Configuration(
        folder=Path(environ.get("FAREBOX_LOCAL_DIR") or ".local").absolute(),
        port=_port(environ, "PORT", 8503),
        llama_port=_port(environ, "LLAMA_PORT", 8502),
        environ=environ,
    )


def gateway_environ(configuration: Configuration, secrets: Mapping[str, str], dynamodb_port: int) -> dict[str, str]:
    """The gateway's environment: what the user gives, else `secrets` and what is started here.

    An empty setting is as good as none, but not an empty secret: that is for `functions.settings` to refuse.
    """
    defaults = {"BASE_URL": configuration.base_url, "AWS_REGION": "us-east-1"}
    if configuration.starts_llama:
        defaults["LLAMA_BASE_URL"] = f"http://{HOST}:{configuration.llama_port}"
    if configuration.starts_dynamodb:
        defaults["DYNAMODB_ENDPOINT_URL"] = f"http://{HOST}:{dynamodb_port}"
        defaults |= dict.fromkeys(("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"), LOCAL_CREDENTIAL)
    given = {name: value for name, value in configuration.environ.items() if value or name not in defaults}
    # Whoever owns a project here may run its model here, too. Not so where it is set to none.
    allowed = {"OUTBOUND_ALLOWED_CIDRS": THIS_MACHINE}
    return allowed | defaults | dict(secrets) | given | {"MAIL_OUTBOX": str(configuration.outbox)}


def ministack_environ(configuration: Configuration, port: int) -> dict[str, str]:
    """MiniStack's own settings (its `app.py` and `core/persistence.py`, 1.5.33)."""
    folder = configuration.folder
    return plain_environ(configuration) | {
        "GATEWAY_PORT": str(port),
        "BIND_HOST": HOST,
        "PERSIST_STATE": "1",
        "STATE_DIR": str(folder / "state"),
        "S3_PERSIST": "1",
        "S3_DATA_DIR": str(folder / "s3"),
        "SFTP_ENABLED": "0",
        "IOT_MTLS_ENABLED": "0",
        "LOG_LEVEL": "WARNING",
        # It writes a file with its process id there.
        "TMPDIR": str(folder / "tmp"),
        # It would look for containers of other MiniStacks at start, and end them.
        "DOCKER_HOST": f"unix://{folder / 'no-docker'}",
    }


def plain_environ(configuration: Configuration) -> dict[str, str]:
    """The environment without any setting or secret."""
    return {name: configuration.environ[name] for name in PLAIN if name in configuration.environ}


def _port(environ: Mapping[str, str], name: str, default: int) -> int:
    text = environ.get(name) or str(default)
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise SettingsError(f"{name} must be a port: a number from 1 to 65535")
    return int(text)
