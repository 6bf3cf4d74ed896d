"""Where a document says that its owner wants to be told what happens. The secret to sign with is given apart from it.

{"url": "https://app.example/farebox"}
"""

from typing import Any

from functions.projects.fields import fields, line
from functions.projects.providers import URL_LENGTH_MAX, CheckUrl

SECRET_NAME = "notices/secret"  # noqa: S105  the name that it is sealed under, for the URL as its place


def notices(path: str, value: Any, check_url: CheckUrl) -> str:
    """The URL of a document's notices. Raises BadRequest that names the field."""
    about = fields(path, value, ("url",), ("url",))
    return check_url(f"{path}.url", line(f"{path}.url", about["url"], URL_LENGTH_MAX), query=True)
