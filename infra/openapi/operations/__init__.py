"""What each route means, by area: the words beside the routes that the functions serve."""

from types import ModuleType

from infra.openapi.operations import (
    account,
    admin_rest,
    admin_users,
    buying,
    console_entry,
    console_keys,
    console_money,
    console_projects,
    console_users,
    entering,
    inference,
    keys,
    webhooks,
)

AREAS: tuple[ModuleType, ...] = (
    inference,
    entering,
    account,
    keys,
    buying,
    webhooks,
    console_entry,
    console_projects,
    console_keys,
    console_users,
    console_money,
    admin_users,
    admin_rest,
)
"""In the order in which the reference tells them: each has OPERATIONS and SCHEMAS."""
