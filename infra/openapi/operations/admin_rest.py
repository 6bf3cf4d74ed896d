"""The operator: what runs, what was sold, which project may use what, and who changed what."""

from functions.ledger.tables import TABLES
from functions.owners import bought, noted
from functions.owners.grants import GRANTS_MAX
from functions.payments.provider import PROVIDERS
from functions.payments.synchronize import ABOUT_LENGTH_MAX
from functions.projects.providers import NAME
from infra.openapi import problems, shared
from infra.openapi.operations.admin_users import READING
from infra.openapi.parts import Answer, Body, Operation, Parameter
from infra.openapi.schemas import Schema, boolean, list_of, obj, one_of, page_of, ref, text, time, whole

TAG = "Operator: the gateway"
PROJECT_ID = {"project_id": text(description="The project's id.")}
SCHEMAS: dict[str, Schema] = {
    "Status": obj(
        {
            "version": text(),
            "stage": text(),
            "tables": obj(
                {},
                {model.__name__.lower(): one_of("reachable", "unreachable") for model in TABLES},
                description="After one that cannot be reached, no other is asked.",
            ),
            "configured": list_of(text(), description="Names of the settings that are not as they are by default."),
        }
    ),
    "OperatorsProject": obj(
        {
            "id": text(),
            "name": text(),
            "mode": one_of("", "managed", "forward"),
            "version": whole(0),
            "created": time(),
            "changed": time(),
            "state": one_of("open", "closed"),
            "owners": list_of(text()),
            "grants": list_of(text(), description="The operator's providers that it may use."),
        }
    ),
}
OPERATIONS: tuple[Operation, ...] = (
    Operation(
        "GET",
        "/admin",
        "enter_admin",
        TAG,
        "Go to the operator's page",
        "anybody",
        {303: Answer("To the static page; a right key in the address goes on behind `#`.", headers=("location",))},
        (problems.FORBIDDEN, problems.ORIGIN_NOT_ALLOWED, problems.NOT_CONFIGURED),
        description="Without a key it leads to the page's sign-in. Wherever it is asked from, a wrong key is 403.",
        parameters=(Parameter("key", text(), "The admin key, as an address that was kept may have it."),),
    ),
    Operation(
        "GET",
        "/admin/status",
        "show_status",
        TAG,
        "Show what runs, and what it reaches",
        "operator",
        {200: Answer("Version, tables, and which settings were given: names, never values.", ref("Status"))},
        (problems.FORBIDDEN, problems.ORIGIN_NOT_ALLOWED),
    ),
    Operation(
        "GET",
        "/admin/usage",
        "show_use_of_the_built_in_project",
        TAG,
        "Show what the built-in project used",
        "operator",
        {200: Answer("By day and hour, and why requests were refused.", ref("ProjectUse"))},
        READING,
        parameters=(shared.DAYS_ASKED,),
    ),
    Operation(
        "GET",
        "/admin/actions",
        "list_actions_of_the_operator",
        TAG,
        "List what the operator changed",
        "operator",
        {200: Answer("What, about whom, when and why, the newest first.", obj(shared.walked("Action")))},
        READING,
        parameters=shared.paging(noted.LIMIT_MAX, noted.LIMIT),
    ),
    Operation(
        "GET",
        "/admin/orders",
        "list_orders_of_the_built_in_project",
        TAG,
        "List the built-in project's orders",
        "operator",
        {200: Answer("A page of orders, the newest first.", obj(shared.walked("OwnersOrder")))},
        READING,
        parameters=shared.paging(bought.LIMIT_MAX, bought.LIMIT),
    ),
    Operation(
        "GET",
        "/admin/unmatched",
        "list_unmatched_money",
        TAG,
        "List money that fits no order",
        "operator",
        {200: Answer("What somebody has to look at.", page_of(ref("Unmatched")))},
        (problems.FORBIDDEN, problems.ORIGIN_NOT_ALLOWED, problems.LEDGER_UNAVAILABLE),
    ),
    Operation(
        "POST",
        "/admin/unmatched/{provider}/looked-at",
        "look_at_unmatched_money",
        TAG,
        "Take money that fits no order off the list",
        "operator",
        {200: Answer("It was taken off.", obj({"about": text(), "deleted": boolean(const=True)}))},
        (*READING, problems.NOT_FOUND, problems.TOO_LARGE),
        body=Body(
            obj({"about": text(minLength=1, maxLength=ABOUT_LENGTH_MAX, description="The `about` of the entry.")}),
            examples={"a payment of Stripe": {"about": "cs_test_a1b2c3"}},
        ),
        path_values={"provider": one_of(*PROVIDERS, description="The payment provider.")},
    ),
    Operation(
        "GET",
        "/admin/projects/{project_id}",
        "show_project_to_the_operator",
        TAG,
        "Show a project",
        "operator",
        {200: Answer("Whose it is, and which of the operator's providers it may use.", ref("OperatorsProject"))},
        (problems.FORBIDDEN, problems.ORIGIN_NOT_ALLOWED, problems.NOT_FOUND, problems.LEDGER_UNAVAILABLE),
        path_values=PROJECT_ID,
    ),
    Operation(
        "PUT",
        "/admin/projects/{project_id}/grants",
        "grant_providers",
        TAG,
        "Say which providers a project may use",
        "operator",
        {200: Answer("The project, after it.", ref("OperatorsProject"))},
        (*READING, problems.NOT_FOUND, problems.TOO_LARGE),
        description="These of the operator's providers, and no others.",
        body=Body(
            obj(
                {
                    "providers": list_of(
                        text(pattern=f"^{NAME.pattern}$"),
                        maxItems=GRANTS_MAX,
                        description="Their names; none: nothing.",
                    )
                }
            ),
            examples={"the local model": {"providers": ["llama"]}},
        ),
        path_values=PROJECT_ID,
    ),
)
