"""The console: a project's own keys, its providers' keys, secrets of issuers, test tokens."""

from functions.ledger import projects
from functions.owners import keys, sealed, tokens
from functions.owners.asked import LABEL_LENGTH_MAX, SECRET_LENGTH_MAX
from functions.projects.providers import NAME
from infra.openapi import problems
from infra.openapi.operations.console_money import CHANGING, GIVING, PRINTABLE, PROJECT, PROJECT_ID
from infra.openapi.parts import Answer, Body, Operation
from infra.openapi.schemas import Schema, boolean, nullable, obj, one_of, ref, text, time, whole

TAG = "Console: keys"
LABEL = nullable(text(maxLength=LABEL_LENGTH_MAX, description="A line of text by which people know it."))
KEY_ID = PROJECT_ID | {"key_id": text(description="The key's id.")}
PROVIDER = PROJECT_ID | {"name": text(description="The provider's name in the document.")}
ISSUER = PROJECT_ID | {"number": text(description="The issuer's place in `auth.jwt.issuers`, from 0.")}
TOKEN = PROJECT_ID | {"token_id": text(description="The token's id.")}
KEY: dict[str, Schema] = {
    "id": text(),
    "kind": one_of(*keys.KINDS),
    "label": text(),
    "key": text(pattern="^p[ks]-", description="It is shown now, and never again."),
}
DELETED = obj({"id": text(), "deleted": boolean(const=True)})
SCHEMAS: dict[str, Schema] = {
    "ProjectKeyMade": obj(KEY),
    "ProjectKeyRotated": obj(KEY | {"replaces": text(description="The id of the key that ended.")}),
    "TestTokenMade": obj(
        {
            "id": text(),
            "label": text(),
            "user_id": whole(1, description="The number of the token's own account."),
            "expires": time(),
            "token": text(description="A JWT for `X-User-Token`. It is shown now, and never again."),
        }
    ),
}
OPERATIONS: tuple[Operation, ...] = (
    Operation(
        "POST",
        PROJECT + "/keys",
        "add_project_key",
        TAG,
        "Make a key of a project",
        "owner",
        {200: Answer("The key.", ref("ProjectKeyMade"))},
        (*CHANGING, problems.TOO_MANY_KEYS),
        description=f"At most {projects.KEYS_MAX}. Publishable keys are for managed mode, others for forward mode.",
        body=Body(
            obj({"kind": one_of(*keys.KINDS, description="What it may do.")}, {"label": LABEL}),
            examples={"for a page": {"kind": "publishable", "label": "the site"}},
        ),
        path_values=PROJECT_ID,
    ),
    Operation(
        "DELETE",
        PROJECT + "/keys/{key_id}",
        "revoke_project_key",
        TAG,
        "End a key of a project",
        "owner",
        {200: Answer("It stops working within seconds.", DELETED)},
        CHANGING,
        path_values=KEY_ID,
    ),
    Operation(
        "POST",
        PROJECT + "/keys/{key_id}/rotate",
        "rotate_project_key",
        TAG,
        "Replace a key of a project",
        "owner",
        {200: Answer("The new key, of the same kind and label; the old one stops working.", ref("ProjectKeyRotated"))},
        (*CHANGING, problems.TOO_MANY_KEYS),
        path_values=KEY_ID,
    ),
    Operation(
        "PUT",
        PROJECT + "/providers/{name}/key",
        "put_provider_key",
        TAG,
        "Give the key of a provider of models",
        "owner",
        {200: Answer("It is kept, sealed; it is never shown again.", ref("SecretKept"))},
        GIVING,
        body=Body(
            obj(
                {
                    "api_key": text(
                        minLength=sealed.API_KEY_LENGTH_MIN,
                        maxLength=SECRET_LENGTH_MAX,
                        pattern=PRINTABLE,
                        description="As the provider gave it.",
                    )
                }
            )
        ),
        path_values=PROJECT_ID | {"name": text(pattern=f"^{NAME.pattern}$", description="The provider's name.")},
    ),
    Operation(
        "DELETE",
        PROJECT + "/providers/{name}/key",
        "drop_provider_key",
        TAG,
        "Forget the key of a provider of models",
        "owner",
        {200: Answer("It is forgotten.", ref("SecretDropped"))},
        CHANGING,
        path_values=PROVIDER,
    ),
    Operation(
        "PUT",
        PROJECT + "/issuers/{number}/secret",
        "put_issuer_secret",
        TAG,
        "Give the secret shared with an issuer",
        "owner",
        {200: Answer("It is kept, sealed; it is never shown again.", ref("SecretKept"))},
        GIVING,
        body=Body(
            obj(
                {
                    "secret": text(
                        minLength=sealed.SHARED_LENGTH_MIN,
                        maxLength=SECRET_LENGTH_MAX,
                        pattern=PRINTABLE,
                        description="What the issuer signs its tokens with, by HS256.",
                    )
                }
            )
        ),
        path_values=ISSUER,
    ),
    Operation(
        "DELETE",
        PROJECT + "/issuers/{number}/secret",
        "drop_issuer_secret",
        TAG,
        "Forget the secret shared with an issuer",
        "owner",
        {200: Answer("It is forgotten.", ref("SecretDropped"))},
        CHANGING,
        path_values=ISSUER,
    ),
    Operation(
        "POST",
        PROJECT + "/test-tokens",
        "add_test_token",
        TAG,
        "Make a test token",
        "owner",
        {200: Answer("The token.", ref("TestTokenMade"))},
        (*CHANGING, problems.TOO_MANY_TEST_TOKENS, problems.NOT_CONFIGURED),
        description="It stands for a user with an account of its own. For managed mode with `auth.test`.",
        body=Body(
            obj(
                {},
                {"label": LABEL, "days": nullable(whole(1, tokens.DAYS_MAX, description=f"{tokens.DAYS} without it."))},
            ),
            required=False,
            examples={"for a week": {"label": "the new page", "days": 7}},
        ),
        path_values=PROJECT_ID,
    ),
    Operation(
        "DELETE",
        PROJECT + "/test-tokens/{token_id}",
        "drop_test_token",
        TAG,
        "End a test token",
        "owner",
        {200: Answer("It is dead in the very next request.", DELETED)},
        CHANGING,
        path_values=TOKEN,
    ),
)
