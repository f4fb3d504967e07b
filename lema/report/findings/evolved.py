"""What the canonical form of a trained model says of evolution: how seeds were drawn, and how many rounds it had."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def evolution_rounds(form: Any) -> int:
    """How often, one after another, paths were sampled on evolved questions."""
    if isinstance(form, list):
        return max(map(evolution_rounds, form), default=0)
    if not isinstance(form, Mapping):
        return 0
    before = max(map(evolution_rounds, form.values()), default=0)
    asked = form.get("questions")
    return before + (form.get("kind") == "generate" and isinstance(asked, Mapping) and asked.get("kind") == "evolve")


def strategy(form: Any) -> str:
    """How the seeds of the evolved questions were drawn; empty when there are none."""
    if isinstance(form, list):
        return next(filter(None, map(strategy, form)), "")
    if not isinstance(form, Mapping):
        return ""
    if form.get("kind") == "evolve":
        return "correction-centric" if isinstance(form["seeds_from"], list) else "general"
    return next(filter(None, map(strategy, form.values())), "")
