"""What a request of a project becomes: who may answer it, and what it can come to at most."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from functions.errors import FareboxError, Forbidden, NotFound, ProviderFailed
from functions.forward import llama
from functions.forward.candidates import Candidate
from functions.forward.exchange import Exchange
from functions.forward.llama import Prepared
from functions.forward.providers import Provider
from functions.projects import requests
from functions.projects.live import Connect, Live
from functions.settings import Settings

if TYPE_CHECKING:
    from functions.forward.upstream import Upstream  # needs aiohttp, which the functions that do not stream lack


@dataclass(frozen=True, slots=True)
class Order:
    """A request that was checked. `model` is the name by which it is priced."""

    model: str
    dearest: Prepared
    """What it can come to, whoever of them answers."""
    forms: tuple[tuple[Provider, Prepared], ...] = ()
    texts: tuple[str, ...] = ()
    """What the user wrote, where the project wants to look at it."""
    candidates: tuple[Candidate, ...] = ()


def order(settings: Settings, live: Live, exchange: Exchange, home: "Upstream", connect: Connect) -> Order:
    """Raises what `estimated` raises; Forbidden, ProviderFailed where none of its providers can be asked."""
    made = estimated(settings, live, exchange.endpoint, exchange.body)
    if live.stored is None:
        return replace(made, candidates=(Candidate("llama", home, made.dearest),))
    candidates: list[Candidate] = []
    unusable: FareboxError | None = None
    for provider, prepared in made.forms:
        try:
            upstream = live.upstream(provider.name, connect)
        except (Forbidden, ProviderFailed) as error:
            unusable = unusable or error
        else:
            candidates.append(Candidate(provider.name, upstream, prepared, provider.cooldown_s, not provider.operator))
    if unusable and not candidates:
        raise unusable
    return replace(made, candidates=tuple(candidates))


def estimated(settings: Settings, live: Live, endpoint: str, raw: bytes) -> Order:
    """What a request can come to, without anybody to answer it. Raises BadRequest that names the field, Forbidden."""
    limits = settings.llama_max_output_tokens, settings.llama_template_tokens
    if live.stored is None:
        if endpoint not in llama.ENDPOINTS:
            raise NotFound("This endpoint is not served here.")
        return Order(settings.llama_model, llama.prepare(endpoint, raw, *limits))
    made = requests.prepare(live.project, endpoint, raw, settings.llama_template_tokens)
    forms = tuple((provider, prepared) for _, provider, prepared in made.candidates)
    return Order(made.model, dearest([prepared for _, prepared in forms]), forms, made.texts)


def dearest(forms: list[Prepared]) -> Prepared:
    """The largest of each count, of all forms in which a request may be sent."""
    first, *others = forms
    if not others:
        return first
    return replace(
        first,
        input_bound=max(form.input_bound for form in forms),
        input_estimate=max(form.input_estimate for form in forms),
        output_limit=max(form.output_limit for form in forms),
    )
