"""A user's own keys."""

from functions.accounts import keys
from functions.accounts.keys import GRACE_S, GRACE_S_MAX
from functions.ledger.credentials import KEYS_MAX
from functions.owners.asked import LABEL_LENGTH_MAX
from infra.openapi import problems
from infra.openapi.parts import Answer, Body, Operation
from infra.openapi.schemas import Schema, boolean, described, nullable, obj, page_of, ref, text, time, whole

TAG = "Keys"
READING = (
    problems.WRONG,
    problems.NO_KEY,
    problems.KEYS_NOT_HERE,
    problems.ORIGIN_NOT_ALLOWED,
    problems.SECRET_KEY_IN_PAGE,
    problems.WRONG_KEY,
    problems.RATE_LIMITED,
    problems.LEDGER_UNAVAILABLE,
    problems.UNAVAILABLE,
)
CHANGING = (*READING, problems.TOO_LARGE)
ID = text(pattern=f"^{keys.KEY_ID.pattern}$")
KEY_ID = {"key_id": described(ID, "The key's id, as `GET /account/keys` tells it.")}
MADE: dict[str, Schema] = {
    "id": ID,
    "key": text(pattern="^sk-", description="It is shown now, and never again."),
    "label": text(),
    "created": time(),
}
SCHEMAS: dict[str, Schema] = {
    "OwnKey": obj(
        {
            "id": ID,
            "label": text(),
            "shown": text(description="How it begins."),
            "created": time(),
            "ends": described(nullable(time()), "When it stops working; null where it does not."),
            "mailed": boolean(description="Whether it is the one that was mailed."),
            "waiting": boolean(description="Whether it takes the place of the mailed one when it is first used."),
            "asking": boolean(description="Whether this request came with it."),
        }
    ),
    "OwnKeyMade": obj(MADE),
    "OwnKeyRotated": obj(
        MADE
        | {
            "replaces": described(ID, "The id of the old key."),
            "ends": time(description="When the old key stops working."),
        }
    ),
}
OPERATIONS: tuple[Operation, ...] = (
    Operation(
        "GET",
        "/account/keys",
        "list_keys",
        TAG,
        "List one's keys",
        "user",
        {200: Answer("All that work or wait, those that were mailed first.", page_of(ref("OwnKey")))},
        READING,
        description="Of users of the built-in project; those of others have keys from their owner.",
    ),
    Operation(
        "POST",
        "/account/keys",
        "add_key",
        TAG,
        "Make another key",
        "user",
        {200: Answer("The key.", ref("OwnKeyMade"))},
        (*CHANGING, problems.TOO_MANY_KEYS),
        description=f"An account has at most {KEYS_MAX}; limits are the account's, however many keys there are.",
        body=Body(
            obj({}, {"label": nullable(text(maxLength=LABEL_LENGTH_MAX, description="A line by which you know it."))}),
            required=False,
            examples={"for a laptop": {"label": "laptop"}},
        ),
    ),
    Operation(
        "POST",
        "/account/keys/{key_id}/rotate",
        "rotate_key",
        TAG,
        "Replace a key",
        "user",
        {200: Answer("A key of the same label; the old one works on for a while.", ref("OwnKeyRotated"))},
        (*CHANGING, problems.NOT_FOUND, problems.MAILED_KEY, problems.TOO_MANY_KEYS),
        body=Body(
            obj(
                {},
                {
                    "grace_s": nullable(
                        whole(0, GRACE_S_MAX, default=GRACE_S, description="Seconds that the old key works on.")
                    )
                },
            ),
            required=False,
            examples={"at once": {"grace_s": 0}},
        ),
        path_values=KEY_ID,
    ),
    Operation(
        "DELETE",
        "/account/keys/{key_id}",
        "revoke_key",
        TAG,
        "End a key",
        "user",
        {200: Answer("It is dead in the very next request.", obj({"id": ID, "deleted": boolean(const=True)}))},
        (*CHANGING, problems.NOT_FOUND, problems.MAILED_KEY),
        path_values=KEY_ID,
    ),
)
