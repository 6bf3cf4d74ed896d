"""A project's document as JSON Schema: what its owner writes, and its readers in functions/projects check.

What one field says of another (a name that leads nowhere, a URL that may not be called) no schema can say.
"""

from functions import money
from functions.admit.prices import PRICE_MAX
from functions.admit.rules import LIMIT_MAX, PERIOD_NAMES, PROJECT_PERIODS, SHARDS_MAX, SIGNUP_DAYS_MAX
from functions.authenticate.issuers import ASYMMETRIC
from functions.forward.endpoints import CHAT, COMPLETIONS, ENDPOINTS, MESSAGES, RESPONSES
from functions.forward.providers import KINDS
from functions.projects import abuse, document, endpoints, methods, packs, payments, presets, providers
from functions.projects.client_sets import SETTABLE
from functions.projects.project import FORWARD, JWT, MANAGED, METHODS
from infra.openapi.schemas import (
    Schema,
    any_of,
    boolean,
    by_name,
    described,
    list_of,
    nullable,
    number,
    obj,
    one_of,
    ref,
    text,
    whole,
)

URL = text(
    pattern="^https?://[^ /?#@]+(/[^ ?#]*)?$",
    maxLength=providers.URL_LENGTH_MAX,
    description="A URL with `https://`, without a query. It leads to no private network but those the operator allows.",
)
URL_WITH_QUERY = URL | {
    "pattern": r"^https?://[^ /?#@]+(/[^ ?#]*)?(\?[^ #]*)?$",
    "description": URL["description"].replace(", without a query", ""),
}
CREDITS_MAX = money.AMOUNT_MAX_MICROCREDITS // money.MICROCREDITS_PER_CREDIT
MODEL = text(minLength=1, maxLength=providers.MODEL_LENGTH_MAX)
NAME = text(pattern=f"^{providers.NAME.pattern}$")
CREDITS = described(
    any_of(whole(0, CREDITS_MAX), text(pattern=r"^[0-9]{1,30}(\.[0-9]{1,6})?$")),
    'Credits: whole, or as text such as `"0.25"`.',
)
LIMIT = nullable(whole(0, LIMIT_MAX))
TIMES = {
    "connect_s": "Seconds that it may take to connect.",
    "first_byte_s": "Seconds until it begins to answer.",
    "idle_s": "Seconds that it may be silent then.",
    "cooldown_s": "Seconds for which it is asked after all others once it failed.",
}
TUNED: dict[str, Schema] = {
    "limit_name": one_of("max_tokens", "max_completion_tokens", description="What it calls an output limit."),
    "output_tokens": whole(1, providers.OUTPUT_TOKENS_MAX, description="Output tokens it gives at most."),
    **{
        name: number(minimum=least, maximum=most, description=TIMES[name])
        for name, (least, most) in providers.TIMES_S.items()
    },
    "client_left": one_of("stop", "drain", description="What happens to an answer whose client left."),
}
PROVIDER = any_of(
    obj({"operator": described(NAME, "One of the operator's own, where it is granted.")}),
    obj({"preset": one_of(*presets.PROVIDERS, description="A provider whose address is known.")}, TUNED),
    obj({"kind": one_of(*KINDS, description="Whose API it speaks."), "base_url": URL}, TUNED),
)
TARGET = obj({"provider": NAME}, {"model": described(MODEL, "The model's name there, where it is another.")})
PRICE = obj(
    {
        "model": described(MODEL, "A name, or a pattern with `*` and `?`."),
        "input": whole(0, PRICE_MAX, description="Credits per million input tokens."),
        "output": whole(0, PRICE_MAX, description="Credits per million output tokens."),
    },
    {
        "cached": whole(0, PRICE_MAX, description="Per million input tokens that were cached; else as `input`."),
        "reasoning": whole(0, PRICE_MAX, description="Per million output tokens of reasoning; else as `output`."),
        "per_request": described(CREDITS, "Per request."),
        "from": text(description="From when it holds: a date, or a time."),
    },
)
RULES = obj(
    {},
    {
        "credits": obj(
            {},
            {
                "signup": described(CREDITS, "What a user begins with."),
                "signup_days": whole(0, SIGNUP_DAYS_MAX, description="Days until that expires; 0: never."),
                "purchases": by_name(CREDITS, description="What each pack brings, by its id."),
            },
        ),
        "prices": list_of(PRICE, description="By model. Without any, requests cost nothing."),
        "limits": obj(
            {},
            {
                "user": obj({}, dict.fromkeys(PERIOD_NAMES, LIMIT), description="Requests of one user."),
                "method": obj({}, dict.fromkeys(PROJECT_PERIODS, LIMIT), description="Of all who sign in this way."),
                "project": obj({}, dict.fromkeys(PROJECT_PERIODS, LIMIT), description="Of the whole project."),
                "shards": whole(1, SHARDS_MAX, description="Items that totals are counted in."),
                "open_requests": whole(0, LIMIT_MAX, description="Requests of a user at the same time."),
                "input_tokens": described(LIMIT, "Input tokens of a request at most."),
                "output_tokens": described(nullable(whole(1, LIMIT_MAX)), "Output tokens of a request at most."),
            },
        ),
    },
    description="What users who sign in this way get, pay and may do.",
)
AUDIENCE = text(minLength=1, maxLength=255, description="Whom its tokens are for.")
ISSUER = any_of(
    obj({"preset": one_of("firebase"), "project": text(pattern=f"^{methods.FIREBASE_PROJECT.pattern}$")}),
    obj(
        {"preset": one_of("supabase"), "project": text(pattern=f"^{methods.SUPABASE_PROJECT.pattern}$")},
        {"shared_secret": boolean(description="Whether its tokens are signed by HS256.")},
    ),
    obj({"preset": one_of("auth0"), "domain": text(pattern=f"^{methods.DOMAIN.pattern}$"), "audience": AUDIENCE}),
    obj(
        {
            "issuer": URL,
            "audience": any_of(AUDIENCE, list_of(AUDIENCE, minItems=1, maxItems=methods.AUDIENCES_MAX)),
        },
        {"jwks_url": URL_WITH_QUERY, "algorithms": list_of(one_of(*ASYMMETRIC), minItems=1, uniqueItems=True)},
    ),
)
METHOD: dict[str, Schema] = {
    name: obj({}, {"rules": ref("Rules")})
    if name != JWT
    else obj({"issuers": list_of(ref("Issuer"), minItems=1, maxItems=methods.ISSUERS_MAX)}, {"rules": ref("Rules")})
    for name in METHODS
}
SAID_FIRST = list_of(obj({"role": text()}, is_open=True), maxItems=endpoints.MESSAGES_MAX)
BEGINNINGS: dict[str, dict[str, Schema]] = {
    CHAT: {"messages": SAID_FIRST},
    MESSAGES: {"messages": SAID_FIRST},
    RESPONSES: {"input": any_of(text(), list_of({}))},
    COMPLETIONS: {"prompt": text()},
}
"""What a template may say to the model before the client does."""
ENDPOINT: dict[str, Schema] = {
    path: obj(
        {
            "template": obj(
                {"model": MODEL},
                BEGINNINGS.get(path),
                is_open=True,
                description="Fields of the request that goes on; what the client says comes after what it says.",
            )
        },
        {
            "client_sets": list_of(
                one_of(*SETTABLE[path]), uniqueItems=True, description="Fields that the client may set."
            )
        },
    )
    for path in ENDPOINTS
}
PAYMENT: dict[str, Schema] = {
    name: obj(
        {
            each: {
                "mode": one_of(*payments.MODES, description="Of the keys that are given."),
                "url": URL,
                "store": text(pattern=f"^{payments._STORE.pattern}$", description="The store's id."),
                "product": text(pattern=f"^{payments._PRODUCT.pattern}$", description="The product that is sold."),
            }[each]
            for each in named
        }
    )
    for name, named in payments.FIELDS.items()
}
ABUSE = obj(
    {"threshold": whole(1, abuse.THRESHOLD_MAX, description="Refused requests until a user is blocked.")},
    {
        "window": one_of(*PROJECT_PERIODS, description="In which they are counted, of the calendar in UTC."),
        "block_s": described(nullable(whole(1, abuse.BLOCK_S_MAX)), "Seconds; null: for good."),
        "patterns": list_of(
            text(minLength=1, maxLength=abuse.PATTERN_LENGTH_MAX),
            maxItems=abuse.PATTERNS_MAX,
            description="Input that is not forwarded; `*` is any text.",
        ),
        "moderation": obj({"provider": NAME, "model": MODEL}, description="Who is asked about each input first."),
    },
)
SCHEMAS: dict[str, Schema] = {
    "Rules": RULES,
    "Issuer": ISSUER,
    "Provider": PROVIDER,
    "ProjectDocument": obj(
        {
            "name": text(minLength=1, maxLength=100, description="What people call it: one line."),
            "mode": one_of(MANAGED, FORWARD, description="Whether templates make the requests, or a back-end does."),
            "auth": obj({}, METHOD, minProperties=1, description="How users are known, and the rules of each way."),
        },
        {
            "format": whole(document.FORMAT, document.FORMAT, description="Of this document."),
            "providers": by_name(ref("Provider"), propertyNames=NAME, maxProperties=providers.PROVIDERS_MAX),
            "models": list_of(
                obj(
                    {
                        "model": described(MODEL, "A name, or a pattern with `*` and `?`."),
                        "providers": list_of(TARGET, minItems=1, maxItems=providers.TARGETS_MAX),
                    }
                ),
                maxItems=providers.ROUTES_MAX,
                description="Which providers serve a model, the first one first.",
            ),
            "endpoints": any_of(
                obj({}, ENDPOINT, description="In managed mode: what is made of a request to each."),
                list_of(one_of(*ENDPOINTS), uniqueItems=True, description="In forward mode: those that are served."),
                {"type": "null"},
            ),
            "fields": list_of(
                text(minLength=1, maxLength=100),
                maxItems=document.FIELDS_MAX,
                description="Forward mode: fields that are let through though they may cost more than tokens.",
            ),
            "images": boolean(description="Managed mode: whether clients may send images."),
            "origins": list_of(
                text(minLength=1, maxLength=300),
                maxItems=document.ORIGINS_MAX,
                description="Of pages that may ask; none: all.",
            ),
            "abuse": nullable(ABUSE),
            "packs": list_of(
                obj(
                    {
                        "id": text(pattern=f"^{packs._PACK.pattern}$"),
                        "amount": whole(1, packs.AMOUNT_MAX, description="In the smallest unit of `currency`."),
                        "currency": text(pattern="^[a-z]{3}$", description="ISO 4217, in small letters."),
                    }
                ),
                maxItems=packs.PACKS_MAX,
            ),
            "payments": obj({}, PAYMENT, description="Connections to payment providers; keys are given apart."),
            "notices": nullable(obj({"url": URL_WITH_QUERY}, description="Where the owner is told what happens.")),
        },
    ),
}
