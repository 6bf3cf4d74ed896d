"""GET /v1/models of a project: the names that its document has."""

from typing import Any

import pytest

from functions.errors import NotFound
from functions.projects import models
from functions.projects.project import Project
from tests.projects.papers import FULL, SMALL, changed, project

CHAT = "/v1/chat/completions"


def names(of: Project) -> list[str]:
    return [model["id"] for model in models.listed(of)["data"]]


def test_forward_mode_lists_the_names_and_finds_what_patterns_stand_for() -> None:
    """A pattern is no name, so it is not listed; a model that it stands for is served, so it is found."""
    routes: list[dict[str, Any]] = [
        {"model": name, "providers": [{"provider": "a"}]} for name in ("gpt-4", "claude-*", "o?")
    ]
    made = project(SMALL | {"providers": {"a": {"preset": "openai"}}, "models": routes})
    assert models.listed(made) == {
        "object": "list",
        "data": [{"id": "gpt-4", "object": "model", "created": 0, "owned_by": "farebox"}],
    }
    assert [models.one(made, name)["id"] for name in ("gpt-4", "claude-x", "o3")] == ["gpt-4", "claude-x", "o3"]
    for name in ("gpt-5", "claude-*", "", "GPT-4"):
        with pytest.raises(NotFound) as missing:
            models.one(made, name)
        assert missing.value.code == "model_not_found"


def test_managed_mode_lists_what_its_users_can_ask_for() -> None:
    """The templates' models; the others only where a client may set the model."""
    assert names(project(FULL)) == ["gpt-4.1-nano", "claude-x", "small"]
    closed = project(changed(FULL, ("endpoints", CHAT, "client_sets"), []))
    assert names(closed) == ["gpt-4.1-nano", "claude-x"]
    for name in ("small", "claude-y"):
        with pytest.raises(NotFound):
            models.one(closed, name)
