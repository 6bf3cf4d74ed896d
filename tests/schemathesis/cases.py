"""Requests to one operation: what Schemathesis makes of its description, as it should be and as it should not be."""

import random
import warnings
from collections.abc import Iterator
from typing import Any

import hypothesis
from hypothesis import HealthCheck, Phase
from hypothesis.errors import HypothesisWarning, Unsatisfiable
from schemathesis import APIOperation, Case, GenerationMode

Operation = APIOperation[Any, Any, Any, Any]
Made = Case[Any]
"""A request that was made of an operation."""

POSITIVE, NEGATIVE = GenerationMode.POSITIVE, GenerationMode.NEGATIVE
COVERAGE_MAX = 400
"""Of the requests that go through the values of each field one by one, so many are made to choose from."""


def cases(operation: Operation, seed: int, wanted: int) -> list[Made]:
    """So many requests, or fewer where there is little to ask; half walk through the fields, half are drawn."""
    draw = random.Random(f"{seed} {operation.label}")
    walked = list(_walked(operation))
    draw.shuffle(walked)
    right = [case for case in walked if _mode(case) == POSITIVE]
    wrong = [case for case in walked if _mode(case) == NEGATIVE]
    third = wanted // 3
    chosen = right[:third] + wrong[:third]
    chosen += _drawn(operation, POSITIVE, seed, third)
    return chosen + _drawn(operation, NEGATIVE, seed, max(0, min(third, wanted - len(chosen))))


def rightful(operation: Operation, seed: int, wanted: int) -> list[Made]:
    """So many requests as they should be."""
    return [case for case in cases(operation, seed, 3 * wanted) if _mode(case) == POSITIVE][:wanted]


def _walked(operation: Operation) -> Iterator[Made]:
    made = operation.schema.iter_coverage_cases(
        operation,
        generation_modes=[POSITIVE, NEGATIVE],
        generation_config=operation.schema.config.generation_for(operation=operation),
    )
    for _, case in zip(range(COVERAGE_MAX), made, strict=False):
        yield case


def _drawn(operation: Operation, mode: GenerationMode, seed: int, count: int) -> list[Made]:
    """By Hypothesis, from the whole description at once; the same for the same seed."""
    found: list[Made] = []

    @hypothesis.seed(seed)
    @hypothesis.settings(
        max_examples=max(1, count),
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @hypothesis.given(operation.as_strategy(mode))
    def keep(case: Made) -> None:
        found.append(case)

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", HypothesisWarning)
            keep()
    except Unsatisfiable:  # of what takes nothing, nothing can be wrong
        return []
    return found[:count]


def _mode(case: Made) -> GenerationMode:
    return case.meta.generation.mode if case.meta else POSITIVE
