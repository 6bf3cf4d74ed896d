"""The user's token in a request, beside the project's key in `Authorization`."""

from collections.abc import Sequence

from functions.errors import BadRequest, Unauthenticated


def user_token(promptproxy: Sequence[str], user: Sequence[str]) -> str:
    """The token of `X-PromptProxy-Key` and `X-User-Token`, each with all its values; "" where neither was sent.

    Clients send either. Several that differ are refused: which one counts must never be a question. An empty one is a
    token that is not valid: an app that lost its user's must not go on as somebody else.
    Raises BadRequest, Unauthenticated.
    """
    sent = {value.strip() for value in (*promptproxy, *user)}
    if len(sent - {""}) > 1:
        raise BadRequest("X-PromptProxy-Key and X-User-Token must be the same where both are sent.", "x-user-token")
    if "" in sent:
        raise Unauthenticated
    return sent.pop() if sent else ""
