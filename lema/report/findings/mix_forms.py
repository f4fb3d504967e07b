"""What the canonical form of a training set says of its mix: its name, and what it teaches.

Stores that are older than lessons hold mixes as `blend`, with a flag for each; these are read as the lessons that they
came to be.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Form = Mapping[str, Any]
#: Lessons of nothing but right paths: what arms with corrections are compared with.
PATHS = frozenset({"cot", "cot_from_corrections"})
BEFORE_LESSONS = {"as_corrections": "corrections", "as_cot": "cot_from_corrections", "in_target": "mistake_in_target"}


def mix_form(examples: Form | None) -> Form | None:
    """The form of the mix; None for a training set that is none."""
    held = examples or {}
    found: Form | None = held.get("data_mix") or held.get("blend")
    return found


def mix_name(examples: Form | None) -> str:
    """Its name; empty where there is no mix."""
    return str((mix_form(examples) or {}).get("name") or "")


def hinted(examples: Any) -> bool:
    """Whether a corrector of any depth of this form was told right answers."""
    if isinstance(examples, Mapping):
        corrector = examples.get("corrector")
        told = isinstance(corrector, Mapping) and bool(corrector.get("hinted"))
        return told or any(hinted(held) for held in examples.values())
    return isinstance(examples, list | tuple) and any(hinted(held) for held in examples)


def lessons(examples: Form | None) -> frozenset[str]:
    """The kinds of its lessons."""
    mix = mix_form(examples) or {}
    if "lessons" in mix:
        return frozenset(lesson["kind"] for lesson in mix["lessons"])
    found = {BEFORE_LESSONS[mix["corrections"]]} if mix.get("corrections") in BEFORE_LESSONS else set()
    found |= {"cot" if mix.get("target", "path") == "path" else "answers"} if mix.get("cot") else set()
    found |= {"programs"} if mix.get("programs") else set()
    return frozenset(found | ({"repairs"} if mix.get("refinements") else set()))
