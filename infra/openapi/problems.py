"""Every error an answer can carry, once: the source of the errors page and of each operation's errors.

`functions/errors.py` has the tree; a code that several things share, or that a class leaves open, is told apart here.
"""

from functions import errors
from functions.owners.asked import BODY_BYTES_MAX
from infra.openapi.parts import Problem

WRONG = Problem(errors.BadRequest, None, "the request is wrong; `param` names the field")
PROVIDER_REFUSED = Problem(
    errors.BadRequest, "provider_refused", "the model server judged the request; its words are in the message"
)
CONTENT_FILTER = Problem(
    errors.ContentRefused,
    "content_filter",
    "the project, its moderation model or the provider does not answer such input; it counts against the user",
)
NO_KEY = Problem(
    errors.Unauthenticated,
    "invalid_api_key",
    "no, an unknown, a revoked or a malformed key or user's token: one answer for all",
)
NO_CREDITS = Problem(
    errors.CreditsExhausted,
    "insufficient_quota",
    "the credits are exhausted or do not cover this request; says how much is missing",
)
FORBIDDEN = Problem(errors.Forbidden, "forbidden", "the account is closed, or a provider is not granted to the project")
USER_BLOCKED = Problem(errors.Forbidden, "user_blocked", "the user is blocked; the message says until when")
KEYS_NOT_HERE = Problem(
    errors.Forbidden, "keys_not_here", "a project's user asked for keys of their own: its owner makes them"
)
MAILED_KEY = Problem(
    errors.Forbidden,
    "mailed_key",
    "another key was to end or replace the one that was mailed, or one that waits for its first use",
)
SHARED_ACCOUNT = Problem(
    errors.Forbidden,
    "shared_account",
    "an account of nobody in particular, of a network address or a back-end, "
    "was to be deleted by whoever has it just now",
)
ENDPOINT_NOT_ALLOWED = Problem(errors.Forbidden, "endpoint_not_allowed", "the project does not serve this endpoint")
MODEL_NOT_ALLOWED = Problem(errors.Forbidden, "model_not_allowed", "the project does not serve this model")
ORIGIN_NOT_ALLOWED = Problem(
    errors.Forbidden,
    "origin_not_allowed",
    "the project does not take requests from this page's origin, or the console none of this page",
)
SECRET_KEY_IN_PAGE = Problem(errors.Forbidden, "secret_key_in_page", "a secret key came from a page")
WRONG_KEY = Problem(
    errors.Forbidden,
    "wrong_key",
    "a publishable key for a project in forward mode, or a secret key for one in managed mode",
)
SIGN_IN_TO_BUY = Problem(
    errors.Forbidden,
    "sign_in_to_buy",
    "a checkout of a user who is known by an address only: credits would be nobody's",
)
TEST_MODE_ONLY = Problem(
    errors.Forbidden, "test_mode_only", "a checkout with a test token where payments are in live mode"
)
NOT_PRICED = Problem(errors.NotPriced, "model_not_priced", "the rules name no price for this model")
TOO_MANY_PROJECTS = Problem(errors.Forbidden, "too_many_projects", "the owner has as many projects as there may be")
TOO_MANY_KEYS = Problem(errors.Forbidden, "too_many_keys", "there are as many keys as there may be")
TOO_MANY_SECRETS = Problem(errors.Forbidden, "too_many_secrets", "there are as many secrets as there may be")
TOO_MANY_TEST_TOKENS = Problem(
    errors.Forbidden, "too_many_test_tokens", "there are as many test tokens as there may be"
)
TOO_MANY_GRANTS = Problem(errors.Forbidden, "too_many_grants", "there are as many grants as there may be")
NOT_FOUND = Problem(errors.NotFound, "not_found", "there is no such route or object")
MODEL_NOT_FOUND = Problem(errors.NotFound, "model_not_found", "there is no such model")
KEY_USED = Problem(
    errors.KeyUsed,
    "idempotency_key_used",
    "a request with this `Idempotency-Key` was charged; `x-farebox-receipt` names its receipt",
)
KEY_IN_PROGRESS = Problem(
    errors.KeyInProgress, "idempotency_key_in_progress", "a request with this `Idempotency-Key` is running"
)
KEY_REUSED = Problem(errors.KeyReused, "idempotency_key_reused", "this `Idempotency-Key` came with another body before")
VERSION_CHANGED = Problem(
    errors.VersionChanged, "version_changed", "somebody else has changed the project since it was read"
)
INPUT_TOO_LARGE = Problem(errors.InputTooLarge, "input_too_large", "the input is over the limit of the project's rules")
TOO_LARGE = Problem(
    errors.TooLarge,
    "request_too_large",
    f"the body is larger than `MAX_BODY_BYTES`; where no model is asked, than {BODY_BYTES_MAX:,} bytes",
)
RATE_LIMITED = Problem(
    errors.RateLimited,
    "rate_limit_exceeded",
    "a window is full; `Retry-After` and `x-ratelimit-*` say until when; a limit in all does not reset",
)
CREDITS_HELD = Problem(errors.CreditsHeld, "credits_held", "the credits are held by requests that still run")
TOO_MANY_OPEN = Problem(errors.TooManyOpen, "too_many_open_requests", "too many requests of this account run")
PROVIDER_FAILED = Problem(errors.ProviderFailed, "provider_failed", "the model server failed or cannot be reached")
LEDGER_UNAVAILABLE = Problem(
    errors.LedgerUnavailable, "ledger_unavailable", "the ledger cannot be reached; nothing was forwarded"
)
MODEL_LOADING = Problem(errors.ProviderLoading, "model_loading", "the model is still loading; `Retry-After`")
MAIL_UNAVAILABLE = Problem(errors.MailUnavailable, "mail_unavailable", "a mail could not be handed over (registration)")
PAYMENT_PROVIDER_FAILED = Problem(
    errors.PaymentProviderFailed,
    "payment_provider_failed",
    "a payment provider did not answer, or refused; nothing was bought, an event is to be sent again",
)
NOT_CONFIGURED = Problem(
    errors.NotConfigured, "not_configured", "the operator has not set what this needs; the message names the setting"
)
UNAVAILABLE = Problem(errors.Unavailable, "unavailable", "something that this needs cannot be reached just now")
PROVIDER_TIMED_OUT = Problem(errors.ProviderTimedOut, "provider_timed_out", "the model server did not answer in time")

ALL: tuple[Problem, ...] = tuple(each for each in dict(globals()).values() if isinstance(each, Problem))
"""In the order in which they are told."""
