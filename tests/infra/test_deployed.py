"""The package deployed into MiniStack by `make deploy`'s own code: what a client, an operator and the night find there.

Everything runs but streaming, which MiniStack cannot: the stage says `streaming = false`. Its IAM is enforced.
"""

import base64
import hmac
import json
import secrets
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError
from openai import NotFoundError, OpenAI

from functions.authenticate.tokens import _test_key
from functions.forward.endpoints import ENDPOINTS
from infra.aws.cloudformation import StackError
from infra.aws.secret_documents import DOCUMENTS
from infra.site.files import files
from tests.infra import deployed
from tests.infra.deployed import ADDRESS, Deployed
from tests.infra.project_life import CHAT, MODEL, Life
from tests.payments.standins.stripe import Stripe
from tests.stand import wait_until

MESSAGES: Any = [{"role": "user", "content": "Say hello."}]
NAME = "farebox-test"
RENEWED_WITHIN_S = 15
"""Secrets are read again after a second here."""


@pytest.fixture(scope="module")
def stripe() -> Iterator[Stripe]:
    """The payment provider that the deployment asks."""
    with Stripe("sk_test_of_a_deployment_1", "whsec_" + secrets.token_hex(16)) as running:
        yield running


@pytest.fixture(scope="module")
def made(llama_url: str, stripe: Stripe, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Deployed, str]]:
    """The deployment, and what `make deploy` said."""
    folder = tmp_path_factory.mktemp("deployed")
    with deployed.deployment(folder, llama_url, stripe_url=stripe.url) as deployment:
        yield deployment, deployment.deploy()


@pytest.fixture
def stage(made: tuple[Deployed, str]) -> Deployed:
    return made[0]


@pytest.fixture(scope="module")
def key(made: tuple[Deployed, str]) -> str:
    """The key of an account that was registered through the front door."""
    return made[0].register(new_address())


def new_address() -> str:
    """In no reserved domain: to those no mail is sent. MiniStack keeps all mail to itself."""
    return f"{secrets.token_hex(6)}@farebox-people.com"


def test_deploy_says_where_it_is(made: tuple[Deployed, str]) -> None:
    """The last lines are the API's URL and where the admin key is; the smoke test passed; no secret is shown."""
    stage, said = made
    assert said.splitlines()[-2:] == [stage.api, f"the admin key is in Secrets Manager: {NAME}/admin"]
    assert "FAIL" not in said
    assert said.count("  ok    ") == 9
    for name in ("gateway", "admin", "projects"):
        for value in stage.secret(name).values():
            assert value not in said


def test_the_first_audit(made: tuple[Deployed, str]) -> None:
    """A first deployment starts the night's audit once, so that nobody is told for a day that nothing was audited."""
    stage, said = made
    client, arn = stage.client("stepfunctions"), stage.stacks.outputs(NAME)["NightlyAuditArn"]
    assert said.count("the first audit is started") == 1
    assert client.list_executions(stateMachineArn=arn)["executions"]


def test_what_ministack_lacks(stage: Deployed) -> None:
    """The template that is deployed is the real one, but for what MiniStack still does not know."""
    from ministack.services import apigateway_v1
    from ministack.services.cloudformation import provisioners

    there = set(json.loads((stage.package / "template.json").read_text())["Resources"])
    assert there <= set(stage.stacks.resources(NAME))
    assert all(name.endswith("Alarm") and name not in there for name in stage.left_out)
    assert 0 < len(stage.left_out) < len(there) / 5
    assert deployed.ANY not in apigateway_v1._OPENAPI_HTTP_METHODS
    generated = provisioners._sm_secret_string(
        {"GenerateSecretString": {"ExcludePunctuation": True, "PasswordLength": 999}}
    )
    assert not generated.isalnum()
    query = {"Id": "e", "Expression": "1"}
    alarm = {"ComparisonOperator": "GreaterThanThreshold", "EvaluationPeriods": 1, "Metrics": [query]}
    template = {"Resources": {"Alarm": {"Type": "AWS::CloudWatch::Alarm", "Properties": alarm}}}
    with pytest.raises(StackError, match="metric math"):
        stage.stacks.deploy("calculated", {"TemplateBody": json.dumps(template)}, {}, {})
    identity = "arn:aws:ses:us-east-1:000000000000:identity/farebox.example"
    keys = stage.role_that_may("ses:SendEmail", identity)
    with pytest.raises(ClientError, match=r"on resource: \*"):
        deployed.client(stage.url, "sesv2", **keys).send_email(
            FromEmailAddress="no-reply@farebox.example",
            Destination={"ToAddresses": [new_address()]},
            Content={"Simple": {"Subject": {"Data": "x"}, "Body": {"Text": {"Data": "x"}}}},
        )


def test_roles_are_enforced(stage: Deployed) -> None:
    """A function's role may do what it needs and nothing else: here, not read a table or another's secret."""
    role = stage.client("iam").get_role(RoleName=stage.stacks.resources(NAME)["AuthorizerFunctionRole"])["Role"]
    keys = stage.keys_of(role["Arn"])
    own = deployed.client(stage.url, "secretsmanager", **keys)
    assert own.get_secret_value(SecretId=f"{NAME}/admin")["SecretString"]
    with pytest.raises(ClientError, match="AccessDenied"):
        own.get_secret_value(SecretId=f"{NAME}/gateway")
    with pytest.raises(ClientError, match="AccessDenied"):
        deployed.client(stage.url, "dynamodb", **keys).scan(TableName=f"{NAME}-accounts")


def test_smoke_test_with_a_key(stage: Deployed) -> None:
    """From registration to a balance that fell by what two answers cost, as `make deploy` tries it with a key."""
    address = new_address()
    key = stage.register(address)
    (mail,) = stage.mails(address)
    assert mail["Source"] == "Farebox <no-reply@farebox.example>"
    smoke = stage.run("smoke", stage.api, "--key", key)
    assert smoke.returncode == 0, smoke.stdout + smoke.stderr
    lines = smoke.stdout.splitlines()
    assert all(line.startswith("  ok    ") for line in lines)
    assert len(lines) == 13
    assert key not in smoke.stdout


def test_openai_sdk(stage: Deployed, key: str) -> None:
    """OpenAI's SDK gets an answer in one piece, and one event by event; the balance falls by their tokens."""
    client = OpenAI(base_url=f"{stage.api}/v1", api_key=key, max_retries=0)
    before = stage.gateway.account(key)["balance"]["available"]
    whole = client.chat.completions.create(model="default", messages=MESSAGES, max_tokens=8)
    assert whole.choices[0].message.content
    events = list(
        client.chat.completions.create(
            model="default", messages=MESSAGES, max_tokens=8, stream=True, stream_options={"include_usage": True}
        )
    )
    assert "".join(event.choices[0].delta.content or "" for event in events if event.choices)
    streamed = events[-1].usage
    assert whole.usage
    assert streamed
    after = stage.gateway.account(key)["balance"]
    assert after["held"] == 0
    assert before - after["available"] == whole.usage.total_tokens + streamed.total_tokens > 0
    assert [model.id for model in client.models.list()]


def test_unknown_path(stage: Deployed, key: str) -> None:
    """A path below /v1 that is nowhere is OpenAI's 404, whatever the method, with and without a key."""
    for method in ("GET", "POST", "DELETE"):
        answer = stage.gateway.request(method, "/v1/audio/nothing")
        assert (answer.status, answer.error["code"]) == (404, "not_found")
    with pytest.raises(NotFoundError):
        OpenAI(base_url=f"{stage.api}/v1", api_key=key, max_retries=0).embeddings.create(model="default", input="x")


def test_what_it_says_of_itself(stage: Deployed) -> None:
    """The package has the description and the texts for agents, with the address that people reach it at."""
    assert [server["url"] for server in stage.gateway.request("GET", "/openapi.json").json()["servers"]] == [ADDRESS]
    for path in ("/AGENTS.md", "/llms.txt"):
        answer = stage.gateway.request("GET", path)
        assert answer.status == 200
        assert f"{ADDRESS}/v1" in answer.body.decode()


def test_admin(stage: Deployed) -> None:
    """The key in the secret opens /admin; no key, another key and another network do not."""
    admin_key = stage.secret("admin")["ADMIN_KEY"]
    answer = stage.gateway.request("GET", "/admin/status", key=admin_key)
    assert answer.status == 200
    status = answer.json()
    assert status["stage"] == "test"
    assert set(status["tables"].values()) == {"reachable"}
    assert admin_key not in answer.body.decode()
    by_authorizer = stage.gateway.unjudged()  # MiniStack reads no gateway responses out of OpenAPI
    for key in ("", "sk-" + "x" * 43, stage.register(new_address())):
        assert by_authorizer.request("GET", "/admin/status", key=key).status in (401, 403)
    elsewhere = {"X-Forwarded-For": "203.0.113.9"}  # MiniStack's only word for the address of a client
    assert by_authorizer.request("GET", "/admin/status", key=admin_key, headers=elsewhere).status == 403


def test_webhook_and_its_secret(stage: Deployed, stripe: Stripe) -> None:
    """A webhook is refused without its signature; its secret, set by the operator, is used soon and never shown."""
    path, event = "/stripe/webhook", stripe.strange()
    assert stage.gateway.request("POST", path, event.body).error["code"] == "not_configured"
    said = run(stage, "secrets", "set", "STRIPE_SECRET_KEY", say=stripe.key + "\n")
    said += run(stage, "secrets", "set", "STRIPE_WEBHOOK_SECRET", say=stripe.secret + "\n")
    listed = run(stage, "secrets", "list")
    assert "STRIPE_WEBHOOK_SECRET" in next(line for line in listed.splitlines() if f"{NAME}/payments" in line)
    assert stripe.secret not in said + listed
    assert stripe.key not in said + listed

    refused = renewed(stage, lambda: stage.gateway.request("POST", path, event.body), 400)
    assert "signature" in refused.error["message"].lower()
    assert stage.gateway.request("POST", path, event.body, headers=dict(event.headers)).status == 200
    forged = stripe.sign(event.body, secret="whsec_" + secrets.token_hex(16))
    assert stage.gateway.request("POST", path, event.body, headers=forged).status == 400


def test_a_purchase_its_receipt_and_its_refund(stage: Deployed, stripe: Stripe) -> None:
    """Credits come by a signed event and go by one; errands mail the receipt; an event that is lost is made good for.

    After the test above, which sets what a purchase needs.
    """
    email = new_address()
    key, life = stage.register(email), Life(stage.gateway, lambda _: "", "")
    bought = life.buy(stripe, key, pack="starter", method="stripe")
    life.deliver(stripe.pay(bought))
    assert stage.gateway.account(key)["balance"]["paid"] == 5_000_000
    assert invoked(stage, {"task": "notices"})["told"] >= 1
    assert any("5,000,000" in mail["BodyText"] or "5000000" in mail["BodyText"] for mail in stage.mails(email))
    life.deliver(stripe.refund(bought, 50))
    assert stage.gateway.account(key)["balance"]["paid"] == 0

    stripe.pay(life.buy(stripe, key, pack="standard", method="stripe"))
    told = executed(stage, "NightlyReconciliationArn")
    assert [one["steps"] for one in told["repaired"]] == [["paid"]]
    assert (told["start"], told["unmatched"], told["failed"]) == (None, [], [])
    assert stage.gateway.account(key)["balance"]["paid"] == 25_000_000


def test_errands_have_their_schedule(stage: Deployed) -> None:
    """Each minute, and at night; what Lambda cannot run at once is forgotten."""
    scheduler, errands = stage.client("scheduler"), stage.stacks.outputs(NAME)["ErrandsFunctionName"]
    schedule = scheduler.get_schedule(Name=f"{NAME}-notices")
    assert schedule["ScheduleExpression"] == "rate(1 minute)"
    assert schedule["Target"]["Arn"].endswith(f":function:{errands}")
    kept = stage.client("lambda").get_function_event_invoke_config(FunctionName=errands, Qualifier="$LATEST")
    assert (kept["MaximumRetryAttempts"], kept["MaximumEventAgeInSeconds"]) == (0, 60)


def test_rotating_the_admin_key(stage: Deployed) -> None:
    """A rotated admin key is used soon, and the one before it no longer."""
    old = stage.secret("admin")["ADMIN_KEY"]
    assert stage.gateway.request("GET", "/admin/status", key=old).status == 200
    run(stage, "secrets", "rotate", "ADMIN_KEY")
    new = stage.secret("admin")["ADMIN_KEY"]
    assert new != old
    by_authorizer = stage.gateway.unjudged()
    renewed(stage, lambda: by_authorizer.request("GET", "/admin/status", key=new), 200)
    assert by_authorizer.request("GET", "/admin/status", key=old).status in (401, 403)


@pytest.fixture(scope="module")
def life(made: tuple[Deployed, str]) -> Life:
    """An owner with a project, whose model the operator has granted."""
    stage = made[0]
    admin_key = stage.secret("admin")["ADMIN_KEY"]
    life = Life(stage.gateway, lambda email: str(stage.mails(email)[-1]["BodyText"]), admin_key)
    life.sign_in()
    life.make()
    life.grant()
    return life


def test_a_project_from_its_making_to_a_blocked_user(stage: Deployed, life: Life) -> None:
    """An owner makes it by the console, a page calls with its publishable key, and a user who is blocked is refused."""
    key = life.change()
    assert key.startswith("pk-")
    answer = life.chat(key)
    assert answer.status == 200, answer.body
    assert answer.json()["choices"][0]["message"]["content"]
    (user,) = life.of_project("GET", "/users")["data"]
    (receipt,) = life.of_project("GET", f"/receipts?user={user['user_id']}")["data"]
    assert (receipt["provider"], receipt["project_version"], receipt["method"]) == ("home", 2, "no_auth")
    assert receipt["id"] == answer.headers["x-farebox-receipt"]
    assert [model["id"] for model in stage.gateway.request("GET", "/v1/models", key=key).json()["data"]] == [MODEL]

    life.of_project("POST", f"/users/{user['user_id']}/block", {"seconds": None})
    refused = life.chat(key)
    assert (refused.status, refused.error["code"]) == (403, "user_blocked")
    life.of_project("POST", f"/users/{user['user_id']}/unblock")
    assert life.chat(key).status == 200


def test_every_path_of_a_project_is_served(life: Life) -> None:
    """What its document does not list is refused by the function that forwards, not by API Gateway, on every path."""
    key = life.of_project("POST", "/keys", {"kind": "publishable"})["key"]
    for path in set(ENDPOINTS) - {CHAT}:
        answer = life.chat(key, path=path)
        assert (answer.status, answer.error["code"]) == (403, "endpoint_not_allowed"), path


def test_all_that_an_owner_can_do(stage: Deployed, life: Life, stripe: Stripe) -> None:
    """Every route of the console works with the rights that its function has; what is secret is sealed in the table."""
    life.of_project("PUT", "/providers/openai/key", {"api_key": "sk-of-an-owner"})
    life.of_project("PUT", "/issuers/0/secret", {"secret": "of-an-owners-issuer-" + "s" * 20})
    item = str(stage.client("dynamodb").scan(TableName=f"{NAME}-projects")["Items"])
    assert life.project in item
    assert "of-an-owner" not in item
    key = life.sell(stripe.key, stripe.secret)
    wait_until(lambda: stage.gateway.account(key)["packs"], "PROJECT_MAX_AGE_S", RENEWED_WITHIN_S)
    life.deliver(stripe.pay(life.buy(stripe, key, life.project)), life.project)
    (order,) = life.of_project("GET", "/orders")["data"]
    assert (order["state"], order["credits"]) == ("paid", 1000)
    assert stage.gateway.account(key)["balance"]["paid"] == 1000
    life.look_after_users()
    life.look_after_it()


def test_rotating_what_seals(stage: Deployed, life: Life) -> None:
    """What was sealed or signed before still holds, and functions use the new secret soon, by themselves."""
    key = life.of_project("POST", "/keys", {"kind": "publishable"})["key"]
    token = life.of_project("POST", "/test-tokens", {})["token"]
    assert life.chat(key, token).status == 200
    old = stage.secret("projects")["PROJECTS_SECRET"]
    run(stage, "secrets", "rotate", "PROJECTS_SECRET")
    new = stage.secret("projects")
    assert new["PROJECTS_SECRET"] != old == new["PROJECTS_SECRET_BEFORE"]
    for asked in range(3):
        assert life.chat(key, token).status == 200, asked

    def newer() -> str:
        """A test token that is signed with the new secret; "" as long as the console signs with the old one."""
        made = life.of_project("POST", "/test-tokens", {})
        signed, _, signature = made["token"].rpartition(".")
        if mac(_test_key(new["PROJECTS_SECRET"], life.project), signed) == signature:
            return str(made["token"])
        life.of_project("DELETE", f"/test-tokens/{made['id']}")
        return ""

    wait_until(newer, "the new secret in the console", RENEWED_WITHIN_S)
    token_of_now = newer()
    wait_until(lambda: life.chat(key, token_of_now).status == 200, "and where it is used", RENEWED_WITHIN_S)
    assert life.chat(key, token).status == 200


def test_the_functions_know_where_the_site_is(made: tuple[Deployed, str], key: str) -> None:
    """The first deployment goes once more over its functions: each is told its own distribution's address."""
    stage, said = made
    assert said.count("once more, for its functions to know where the site is") == 1
    site = stage.stacks.outputs(NAME)["SiteURL"].rstrip("/")
    assert site.startswith("https://")
    functions = stage.client("lambda").list_functions()["Functions"]
    assert {each["Environment"]["Variables"]["SITE_URL"] for each in functions} == {site}
    leads = {
        "/register": f"{site}/register.html",
        f"/dashboard?key={key}": f"{site}/dashboard.html#key={key}",
        "/dashboard?key=sk-none": f"{site}/register.html",
        "/console": f"{site}/console.html",
        "/admin": f"{site}/admin.html",
    }
    for path, page in leads.items():
        answer = stage.gateway.visit(path)
        assert (answer.status, answer.headers["location"]) == (303, page), path
        assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("path", ["/console/projects", "/admin/users"])
def test_the_sites_pages_may_call(stage: Deployed, path: str) -> None:
    """Their browsers' preflights, which bring no key, are answered; those of pages of another site are refused."""
    site = stage.stacks.outputs(NAME)["SiteURL"].rstrip("/")
    for origin, status in ((site, 200), ("https://evil.example", 403)):
        asked = {"Origin": origin, "Access-Control-Request-Method": "GET"}
        answer = stage.gateway.request("OPTIONS", path, headers=asked)
        assert (answer.status, answer.headers.get("access-control-allow-origin")) == (
            (200, site) if origin == site else (status, None)
        )


def test_what_a_user_may_do_with_an_account(stage: Deployed) -> None:
    """Keys, use, export, and its end, with the rights that the function has."""
    email = new_address()
    key, ask = stage.register(email), stage.gateway.request
    assert ask("POST", CHAT, {"messages": MESSAGES, "max_tokens": 4}, key=key).status == 200
    answer = ask("POST", "/account/keys", {"label": "laptop"}, key=key)
    assert answer.status == 200, answer.body
    added = answer.json()
    answer = ask("POST", f"/account/keys/{added['id']}/rotate", {"grace_s": 0}, key=key)
    assert answer.status == 200, answer.body
    rotated = answer.json()
    assert ask("GET", "/account", key=added["key"]).status == 401
    assert len(ask("GET", "/account/keys", key=rotated["key"]).json()["data"]) == 2
    assert ask("DELETE", f"/account/keys/{rotated['id']}", key=key).json()["deleted"] is True
    assert ask("GET", "/account/use?days=2", key=key).json()["models"]
    exported = ask("GET", "/account/export", key=key)
    assert (exported.status, exported.json()["account"]["email"]) == (200, email)
    deleted = ask("DELETE", "/account", {"user_id": stage.gateway.account(key)["user_id"]}, key=key)
    assert (deleted.status, deleted.json()["finished"]) == (200, True)
    assert ask("GET", "/account", key=key).status == 401


def test_what_an_operator_may_do_with_an_account(stage: Deployed) -> None:
    """As scripts do it, with a form and the key in it: the authorizer lets it on, and the function judges the key."""
    email, ask = new_address(), stage.gateway.request
    key, form = stage.register(email), {"Content-Type": "application/x-www-form-urlencoded"}
    admin_key = stage.secret("admin")["ADMIN_KEY"]
    adjusted = f"key={admin_key}&email={email}&delta=5&why=test"
    assert ask("POST", "/admin/adjust", adjusted, headers=form).status == 200
    assert stage.gateway.account(key)["balance"]["paid"] == 5
    assert ask("POST", "/admin/adjust", adjusted.replace(admin_key, "wrong"), headers=form).status == 403
    elsewhere = form | {"X-Forwarded-For": "203.0.113.9"}
    assert stage.gateway.unjudged().request("POST", "/admin/adjust", adjusted, headers=elsewhere).status == 403
    (user,) = ask("GET", f"/admin/users?email={email}", key=admin_key).json()["data"]
    for path in (f"/admin/users/{user['user_id']}", "/admin/overview", "/admin/actions", "/admin/usage"):
        assert ask("GET", path, key=admin_key).status == 200, path
    answer = stage.gateway.visit(f"/admin?key={admin_key}")
    assert (answer.status, answer.headers["location"].partition("#")[2]) == (303, f"key={admin_key}")
    assert ask("POST", "/admin/delete", f"key={admin_key}&user_id={user['user_id']}", headers=form).status == 200
    assert ask("GET", "/account", key=key).status == 401


def test_the_night(stage: Deployed, key: str) -> None:
    """The state machine, called as the schedule calls it, audits every account and finds no drift."""
    assert stage.gateway.account(key)["balance"]["available"] > 0
    found = executed(stage, "NightlyAuditArn")
    accounts = stage.client("dynamodb").scan(TableName=f"{NAME}-accounts")["Count"]
    assert (found["accounts"], found["drift"], found["start"]) == (accounts, 0, None)
    assert accounts >= 1


def test_the_site(stage: Deployed) -> None:
    """The site's files are in its bucket, with types and caching; config.json says where people find the API."""
    s3, bucket = stage.client("s3"), stage.stacks.outputs(NAME)["SiteBucketName"]
    keys = {item["Key"] for item in s3.list_objects_v2(Bucket=bucket)["Contents"]}
    assert {"config.json", *files()} == keys
    assert not [key for key in keys if "outbox" in key or key == "README.md"]
    config = s3.get_object(Bucket=bucket, Key="config.json")
    assert json.load(config["Body"]) == {"api": ADDRESS}
    assert (config["ContentType"], config["CacheControl"]) == ("application/json", "no-cache")
    page = s3.get_object(Bucket=bucket, Key="index.html")
    assert (page["ContentType"], page["CacheControl"]) == ("text/html; charset=utf-8", "no-cache")
    assert b"<title>Farebox</title>" in page["Body"].read()


def test_deploying_again_changes_nothing(stage: Deployed) -> None:
    """A second deployment of the same package uploads nothing and changes nothing."""
    said = stage.deploy()
    assert f"{NAME}-data: no changes" in said
    assert f"{NAME}: no changes" in said
    assert "uploading" not in said
    assert "audit" not in said


def test_a_commit_that_changes_no_code(stage: Deployed) -> None:
    """Another version alone touches nothing: what CloudFormation hands to all resources, a stack's tags, has none."""
    for name in (NAME, f"{NAME}-data"):
        (described,) = stage.client("cloudformation").describe_stacks(StackName=name)["Stacks"]
        assert described["Tags"] == [{"Key": "farebox", "Value": "test"}]
    path = stage.package / "template.json"
    text = path.read_text()
    path.write_text(json.dumps(json.loads(text) | {"Description": "Farebox, test. Version other."}))
    assert f"{NAME}: no changes" in stage.deploy()
    path.write_text(text)


def test_a_network_that_is_left(stage: Deployed) -> None:
    """A network without use is deleted once the functions have left it; until then their roles may give it back."""
    topic = {"Resources": {"Left": {"Type": "AWS::SNS::Topic", "Properties": {}}}}
    stage.stacks.deploy(f"{NAME}-network", {"TemplateBody": json.dumps(topic)}, {}, {})
    said = stage.deploy()
    role = "~ ApiHandlerRole (AWS::IAM::Role)"
    assert said.index(role) < said.index(f"{NAME}-network: deleted") < said.rindex(role)
    assert stage.stacks.status(f"{NAME}-network") == ""
    assert f"{NAME}: no changes" in stage.deploy()


def test_a_package_of_another_stage(stage: Deployed) -> None:
    """A package is deployed to the stage that it was made for, and to no other."""
    other = stage.folder / "other.toml"
    other.write_text(stage.stage_file.read_text())
    made = stage.run("deploy", "--stage-file", str(other), "--package", str(stage.package))
    assert (made.returncode, made.stderr) == (1, f"farebox: {stage.package} is a package of test in us-east-1\n")
    assert stage.stacks.status("farebox-other-data") == ""


def test_a_changed_setting(stage: Deployed) -> None:
    """A setting that changed is deployed as a change of the functions, and holds at once; accounts are untouched."""
    key = stage.register(new_address())
    with stage.changed("TRIAL_TOKENS = 100_000", "TRIAL_TOKENS = 777"):
        said = stage.deploy()
        assert "~ APIHandler (AWS::Lambda::Function)" in said
        assert "Table" not in said
        richer = stage.gateway.account(key)["balance"]["available"]
        poorer = stage.gateway.account(stage.register(new_address()))["balance"]["available"]
    assert (richer, poorer) == (100_000, 777)


def test_destroyed_and_deployed_again_and_deleted(stage: Deployed) -> None:
    """Destroying leaves every account, and the next deployment finds it; only told to, it deletes the data too."""
    key = stage.register(new_address())
    stage.gateway.request("POST", "/v1/chat/completions", {"messages": MESSAGES, "max_tokens": 4}, key=key)
    before = stage.gateway.account(key)
    assert before["balance"]["spent"] > 0
    hash_secret = stage.secret("gateway")
    api = stage.gateway

    stage.destroy()
    assert stage.stacks.status(NAME) == ""
    assert api.unjudged().request("GET", "/health").status == 404
    assert stage.client("lambda").list_functions()["Functions"] == []

    assert "uploading" not in stage.deploy()
    assert stage.gateway.account(key) == before
    assert stage.secret("gateway") == hash_secret

    refused = stage.run("destroy", "--stage-file", str(stage.stage_file), "--delete-data")
    assert refused.returncode == 1
    assert stage.gateway.account(key) == before
    assert stage.destroy("--delete-data").count("aws secretsmanager delete-secret --region us-east-1 --force") == len(
        DOCUMENTS
    )
    assert stage.client("dynamodb").list_tables()["TableNames"] == []
    assert stage.client("s3").list_buckets()["Buckets"] == []
    assert stage.client("secretsmanager").list_secrets()["SecretList"] == []
    assert [stage.stacks.status(name) for name in (NAME, f"{NAME}-data")] == ["", ""]

    again = stage.run("deploy", "--stage-file", str(stage.stage_file), "--package", str(stage.package))
    assert (again.returncode, stage.stacks.status(f"{NAME}-data")) == (1, "")
    for name in DOCUMENTS:
        assert f"aws secretsmanager restore-secret --region us-east-1 --secret-id {NAME}/{name}\n" in again.stderr
        assert f"--force-delete-without-recovery --secret-id {NAME}/{name}\n" in again.stderr


def run(stage: Deployed, module: str, *arguments: str, say: str | None = None) -> str:
    """An operator's command about this stage; gives all it says."""
    made = stage.run(module, "--stage-file", str(stage.stage_file), *arguments, say=say)
    assert made.returncode == 0, made.stdout + made.stderr
    return made.stdout + made.stderr


def mac(key: bytes, text: str) -> str:
    """The signature of a token."""
    return base64.urlsafe_b64encode(hmac.digest(key, text.encode(), "sha256")).rstrip(b"=").decode()


def invoked(stage: Deployed, event: dict[str, str]) -> dict[str, Any]:
    """What the errands function answers."""
    name = stage.stacks.outputs(NAME)["ErrandsFunctionName"]
    answer = stage.client("lambda").invoke(FunctionName=name, Payload=json.dumps(event))
    told: dict[str, Any] = json.load(answer["Payload"])
    assert "FunctionError" not in answer, told
    return told


def executed(stage: Deployed, output: str) -> dict[str, Any]:
    """What a state machine ends with, started as its schedule does it."""
    client = stage.client("stepfunctions")
    execution = client.start_execution(stateMachineArn=stage.stacks.outputs(NAME)[output])["executionArn"]
    wait_until(lambda: client.describe_execution(executionArn=execution)["status"] != "RUNNING", "the night ended")
    ended = client.describe_execution(executionArn=execution)
    assert ended["status"] == "SUCCEEDED", client.get_execution_history(executionArn=execution)
    found: dict[str, Any] = json.loads(ended["output"])
    return found


def renewed(stage: Deployed, ask: Any, status: int) -> Any:
    """The answer once it has this status: functions read secrets again after a second."""
    wait_until(lambda: ask().status == status, f"status {status}", RENEWED_WITHIN_S)
    return ask()
