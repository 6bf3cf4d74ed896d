"""The secret that a project's notices are signed with: given here, and never shown again."""

from typing import Any

from functions.errors import BadRequest, NotFound
from functions.owners import sealed
from functions.owners.mine import Mine
from functions.projects.notices import SECRET_NAME
from functions.webhook_secret import SECRET_BYTES_MAX, SECRET_BYTES_MIN, is_secret


async def put_secret(mine: Mine, secret: object) -> dict[str, Any]:
    """Seal it for the document's `notices.url`. Raises BadRequest, NotConfigured, NotFound where there is none."""
    url = mine.project().notices_url
    if not url:
        raise NotFound("This project's document names no URL for notices.")
    if not isinstance(secret, str) or not is_secret(secret):
        what = f"whsec_ and {SECRET_BYTES_MIN} to {SECRET_BYTES_MAX} random bytes in base64"
        raise BadRequest(f"secret must be {what}.", param="secret")
    return await sealed.keep(mine, SECRET_NAME, url, secret)


async def drop_secret(mine: Mine) -> dict[str, Any]:
    """Forget it: nothing is sent any more. Raises NotFound."""
    return await sealed.drop_key(mine, SECRET_NAME)
