"""The console: projects, made, changed, closed and handed on."""

from functions.accounts import email
from functions.owners.changes import OWNED_MAX, OWNERS_MAX, VERSION_MAX
from infra.openapi import problems, project_document
from infra.openapi.operations.console_money import CHANGING, PROJECT, PROJECT_ID, READING
from infra.openapi.parts import Answer, Body, Operation
from infra.openapi.schemas import Schema, boolean, list_of, nullable, obj, one_of, page_of, ref, text, time, whole

TAG = "Console: projects"
LINE: dict[str, Schema] = {
    "id": text(),
    "name": text(),
    "mode": one_of("managed", "forward"),
    "version": whole(1, description="Of the document; each change is the next."),
    "created": time(),
    "changed": time(),
}
EXAMPLE = {
    "name": "Travel helper",
    "mode": "managed",
    "auth": {"no_auth": {"rules": {"limits": {"user": {"day": 20}}}}},
}
SCHEMAS: dict[str, Schema] = {
    **project_document.SCHEMAS,
    "ProjectLine": obj(LINE),
    "Project": obj(
        LINE
        | {
            "owners": list_of(text(), description="The first one is whose limit of projects it counts in."),
            "grants": list_of(text(), description="The operator's providers that it may use."),
            "needs_grant": list_of(text(), description="Those that the document names and that are not granted."),
            "document": ref("ProjectDocument"),
            "keys": list_of(
                obj(
                    {
                        "id": text(),
                        "kind": one_of("publishable", "secret"),
                        "shown": text(description="How it begins."),
                        "label": text(),
                        "created": time(),
                    }
                )
            ),
            "secrets": list_of(obj({"name": text(), "shown": text(description="How it ends."), "created": time()})),
            "test_tokens": list_of(
                obj({"id": text(), "label": text(), "user_id": whole(1), "created": time(), "expires": time()})
            ),
        }
    ),
}
MADE = {200: Answer("The project.", ref("Project"))}
SIGNED_IN = tuple(each for each in READING if each is not problems.NOT_FOUND)
MAKING = (*SIGNED_IN, problems.TOO_MANY_PROJECTS, problems.TOO_LARGE)
OPERATIONS: tuple[Operation, ...] = (
    Operation(
        "GET",
        "/console/projects",
        "list_projects",
        TAG,
        "List one's projects",
        "owner",
        {
            200: Answer(
                "In the order of their ids.",
                page_of(ref("ProjectLine"), has_more=boolean(description=f"Whether there are more than {OWNED_MAX}.")),
            )
        },
        SIGNED_IN,
    ),
    Operation(
        "POST",
        "/console/projects",
        "create_project",
        TAG,
        "Make a project",
        "owner",
        MADE,
        MAKING,
        description="By a name, as new ones are, or by a document.",
        body=Body(
            obj(
                {},
                {
                    "name": nullable(text(minLength=1, maxLength=100, description="Where there is no document.")),
                    "document": nullable(ref("ProjectDocument")),
                },
            ),
            required=False,
            examples={"by name": {"name": "Travel helper"}, "by document": {"document": EXAMPLE}},
        ),
    ),
    Operation(
        "POST",
        "/console/projects/import",
        "import_project",
        TAG,
        "Make a project of an exported document",
        "owner",
        MADE,
        MAKING,
        body=Body(ref("ProjectDocument"), examples={"a small one": EXAMPLE}),
    ),
    Operation("GET", PROJECT, "show_project", TAG, "Show a project", "owner", MADE, READING, path_values=PROJECT_ID),
    Operation(
        "PUT",
        PROJECT,
        "change_project",
        TAG,
        "Change a project's document",
        "owner",
        {200: Answer("The project, after it. The change holds within seconds.", ref("Project"))},
        (*CHANGING, problems.VERSION_CHANGED),
        body=Body(
            obj(
                {
                    "version": whole(1, VERSION_MAX, description="The one that was read: 409 where it has changed."),
                    "document": ref("ProjectDocument"),
                }
            ),
            examples={"the first change": {"version": 1, "document": EXAMPLE}},
        ),
        path_values=PROJECT_ID,
    ),
    Operation(
        "DELETE",
        PROJECT,
        "close_project",
        TAG,
        "Close a project",
        "owner",
        {200: Answer("Its keys stop working; the books stay.", obj({"id": text(), "deleted": boolean(const=True)}))},
        CHANGING,
        path_values=PROJECT_ID,
    ),
    Operation(
        "GET",
        PROJECT + "/export",
        "export_project",
        TAG,
        "Take a project's document along",
        "owner",
        {
            200: Answer(
                "The document, without keys and secrets.", ref("ProjectDocument"), headers=("content-disposition",)
            )
        },
        READING,
        path_values=PROJECT_ID,
    ),
    Operation(
        "PUT",
        PROJECT + "/owners",
        "change_owners",
        TAG,
        "Say whose a project is",
        "owner",
        {200: Answer("The project, after it; who says so stands first.", ref("Project"))},
        (*CHANGING, problems.TOO_MANY_PROJECTS),
        body=Body(
            obj(
                {
                    "emails": list_of(
                        text(maxLength=email.LENGTH_MAX, format="email"),
                        minItems=1,
                        maxItems=OWNERS_MAX,
                        description="One's own among them.",
                    )
                }
            ),
            examples={"two owners": {"emails": ["owner@example.com", "other@example.com"]}},
        ),
        path_values=PROJECT_ID,
    ),
    Operation(
        "DELETE",
        PROJECT + "/owners/me",
        "leave_project",
        TAG,
        "Be an owner no more",
        "owner",
        {200: Answer("Left.", obj({"id": text(), "left": boolean(const=True)}))},
        CHANGING,
        path_values=PROJECT_ID,
    ),
)
