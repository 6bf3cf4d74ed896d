"""The models of the llama-server, in the shape of OpenAI's API."""

from typing import Any

from functions.errors import NotFound, ProviderFailed, ProviderTimedOut
from functions.forward.events import base_name
from functions.forward.refusals import refusal, unreachable
from functions.settings import Settings

TIMEOUT_S = 10.0


def model_list(settings: Settings) -> dict[str, Any]:
    """The answer to GET /v1/models. Raises ProviderFailed, ProviderTimedOut, ProviderLoading."""
    import httpx  # noqa: PLC0415  a tenth of the function's start, and of one route only

    headers = {"authorization": f"Bearer {settings.llama_api_key}"} if settings.llama_api_key else {}
    timeout = httpx.Timeout(TIMEOUT_S, connect=settings.upstream_connect_timeout_s)
    url = settings.llama_base_url.rstrip("/").removesuffix("/v1") + "/v1/models"
    try:
        response = httpx.get(url, headers=headers, timeout=timeout, trust_env=False)
    except httpx.ConnectError as error:
        raise unreachable() from error
    except httpx.TimeoutException as error:
        raise ProviderTimedOut("The provider took too long.") from error
    except httpx.HTTPError as error:
        raise ProviderFailed("The provider broke off.") from error
    if response.status_code != 200:
        raise refusal(response.status_code, response.content)
    try:
        models = [_model(model) for model in response.json()["data"]]
    except (ValueError, KeyError, TypeError) as error:
        raise ProviderFailed("The provider's list of models cannot be read.") from error
    return {"object": "list", "data": models}


def one_model(settings: Settings, name: str) -> dict[str, Any]:
    """The answer to GET /v1/models/{name}. Raises NotFound and what `model_list` raises."""
    for model in model_list(settings)["data"]:
        if model["id"] == name:
            return dict(model)
    raise NotFound("There is no such model here.", param="model", code="model_not_found")


def _model(model: dict[str, Any]) -> dict[str, Any]:
    created = model.get("created")
    return {
        "id": base_name(str(model["id"])),
        "object": "model",
        "created": created if isinstance(created, int) else 0,
        "owned_by": "llama-server",
    }
