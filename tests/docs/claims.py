"""Which test runs a block that has a test of its own, by the name in its mark; and what nobody can run here."""

RUN_BY = {
    "the two commands": "tests/infra/test_make_run.py::test_make_run_starts_it_and_ends_it",
    "the operator's users": "tests/docs/test_admin_page.py::test_the_examples_run",
    "the operator's shell": "tests/docs/test_admin_page.py::test_the_shell_lines_run",
    "a change by the operator": "tests/docs/test_admin_page.py::test_the_examples_run",
    "an owner signs in": "tests/owners/test_console_page.py::test_the_sign_in_runs",
    "an owner's project": "tests/owners/test_console_page.py::test_the_examples_run",
    "an owner's users": "tests/owners/test_console_page.py::test_the_examples_run",
    "what is going on": "tests/owners/test_console_page.py::test_the_examples_run",
    "the operator grants": "tests/owners/test_console_page.py::test_the_operators_line_runs",
    "a first key by mail": "tests/docs/test_guides.py::test_a_key_comes_by_mail",
    "a project for the guide": "tests/docs/test_guides.py::test_the_lines_make_a_project",
    "a project of an example": "tests/examples/test_making_projects.py::test_the_lines_of_the_page_make_a_project",
    "a receipt by mail": "tests/notices/test_what_is_told.py::test_the_page_shows_a_mail_as_it_is_sent",
    "a webhook's head": "tests/notices/test_what_is_told.py::test_the_page_shows_the_head_of_a_webhook",
    "purchase.paid": "tests/notices/test_what_is_told.py::test_the_page_shows_webhooks_as_they_are_sent",
    "purchase.unmatched": "tests/notices/test_what_is_told.py::test_the_page_shows_webhooks_as_they_are_sent",
    "top_up.failed": "tests/notices/test_what_is_told.py::test_the_page_shows_webhooks_as_they_are_sent",
    "a webhook verified in Python": "tests/notices/test_what_is_told.py::test_the_pages_examples_verify",
    "a webhook verified in Node": "tests/notices/test_what_is_told.py::test_the_pages_examples_verify",
    "a purchase": "tests/payments/test_page.py::test_the_purchase_on_the_page_is_begun",
    "a connection": "tests/payments/test_page.py::test_the_connection_on_the_page_is_ready",
    "packs and payments": "tests/docs/test_projects_page.py::test_the_page_says_with_whom_users_pay",
    "rules, all of them": "tests/docs/test_rules_page.py::test_the_first_document_says_what_stands_in_it",
    "rules, one limit": "tests/docs/test_rules_page.py::test_the_second_document_takes_a_limit_away_and_adds_one",
    "an estimate, asked for": "tests/docs/test_rules_page.py::test_the_estimate_on_the_page_is_what_a_gateway_answers",
    "an estimate, answered": "tests/docs/test_rules_page.py::test_the_estimate_on_the_page_is_what_a_gateway_answers",
    "the tunnel, seen from the llama-server": "tests/network/test_page.py::test_the_check_from_the_llama_servers_end",
    "the tunnel, seen from the router": "tests/network/test_page.py::test_the_check_from_the_routers_end",
}
"""Those of tests/network run with `make proofs`, not with `make test`."""
BY_HAND = {
    "docs/guides/sign_in_firebase_supabase_auth0.md": [
        "Firebase's SDK runs in a browser with an account at Firebase",
        "Supabase's SDK needs a project at Supabase",
        "Auth0's SDK runs in a browser with a tenant at Auth0",
    ],
    "docs/payments.md": ["Stripe's CLI needs an account at Stripe"],
}
"""By page, the reasons in their marks."""
