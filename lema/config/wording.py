"""Words for what is wrong with a value: types as a user names them, nearest names, no secrets."""

from __future__ import annotations

import difflib
import re
import types
import typing
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

from lema.base.spec import Spec

SCALARS = {bool: "true or false", int: "an integer", float: "a number", str: "text", type(None): "null"}
PLURALS = {bool: "true or false", int: "integers", float: "numbers", str: "texts"}
BOUNDS = {
    "greater_than": ("gt", "greater than"),
    "greater_than_equal": ("ge", "at least"),
    "less_than": ("lt", "less than"),
    "less_than_equal": ("le", "at most"),
}
LONGEST = 60  # characters of a value that a message quotes

SECRET_KEY = re.compile(
    r"(^|[_-])(api[_-]?key|access[_-]key|private[_-]key|secret([_-]key)?|passw(or)?d|credentials?)$"
    r"|^((auth|access|api|hf|hub|bearer|wandb|refresh|session|secret)[_-])?token$|^(proxy-)?authorization$|^(set-)?cookie$",
    re.IGNORECASE,
)
SECRET_VALUE = re.compile(
    r"\b(sk-[\w-]{16,}|hf_[A-Za-z0-9]{20,}|gh[pousr]_[A-Za-z0-9]{20,}|AKIA[0-9A-Z]{16}|xox[abprs]-[\w-]{10,}"
    r"|eyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]+)"
)
SETTING = re.compile(r"(\w+)=('[^']*'|\"[^\"]*\"|[^\s,;)}\]]+)")


def nearest(name: str, allowed: Iterable[str]) -> str | None:
    """The allowed name that was probably meant: close in spelling, or with these initials (`lr`)."""
    names = list(allowed)
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    if close:
        return close[0]
    initials = [n for n in names if "_" in n and "".join(word[:1] for word in n.split("_")) == name]
    return initials[0] if initials else None


def suggestion(name: str, allowed: Sequence[str], listed: str = "Allowed") -> str:
    """`. Did you mean ...? Allowed: ...`, to follow what was wrong."""
    near = nearest(name, allowed)
    hint = f". Did you mean {near!r}?" if near else "."
    return f"{hint} {listed}: {', '.join(allowed) or 'none'}"


def redacted(text: str) -> str:
    """The text without anything that looks like a key or a password."""

    def hide(match: re.Match[str]) -> str:
        return f"{match[1]}=***" if SECRET_KEY.search(match[1]) else match[0]

    return SETTING.sub(hide, SECRET_VALUE.sub("***", text))


def shown(value: Any) -> str:
    """A value as a user would write it, not too long."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Spec):
        return f"{type(value).__name__} ({type(value).__module__})"
    if isinstance(value, Mapping):
        return f"a mapping with {', '.join(map(str, value)) or 'nothing'}"
    text = repr(list(value)) if isinstance(value, tuple) else repr(value)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 4]}...{text[-1]}"


def members(annotation: Any) -> tuple[Any, ...]:
    """The alternatives of a union, or the annotation alone; `Annotated` is taken off."""
    origin = typing.get_origin(annotation)
    if origin is typing.Annotated:
        return members(typing.get_args(annotation)[0])
    if origin in (typing.Union, types.UnionType):
        return tuple(m for part in typing.get_args(annotation) for m in members(part))
    return (annotation,)


def item_of(annotation: Any) -> Any:
    """The type of the elements of a list, or of the values of a mapping; Any if it has none."""
    for member in members(annotation):
        if typing.get_origin(member) in (tuple, list, Sequence):
            return typing.get_args(member)[0]
        if typing.get_origin(member) is dict:
            return typing.get_args(member)[1]
    return Any


def expected(annotation: Any) -> str:
    """What a field takes, in words."""
    return " or ".join(dict.fromkeys(_one(member) for member in members(annotation)))


def _one(annotation: Any) -> str:
    origin = typing.get_origin(annotation)
    if annotation in SCALARS:
        return SCALARS[annotation]
    if origin is Literal:
        return f"one of {', '.join(str(value) for value in typing.get_args(annotation))}"
    if origin in (tuple, list, Sequence) or annotation in (tuple, list):
        (item,) = members(item_of(annotation))[:1]
        return f"a list of {PLURALS[item]}" if item in PLURALS else "a list"
    if origin is dict or annotation is dict:
        return "a mapping"
    name = getattr(annotation, "__name__", "value")
    return f"{'an' if name[0] in 'AEIOU' else 'a'} {name}"


def telling(details: Sequence[Any]) -> Any:
    """Of pydantic's errors at one place, the one to report: a union gives one a member, and an error
    that is not about the type means that the type was right."""
    return next((detail for detail in details if not _about_type(detail["type"])), details[0])


def said(detail: Any, annotation: Any) -> str:
    """An error of pydantic in our words."""
    kind, got, context = detail["type"], detail["input"], detail.get("ctx", {})
    if kind == "missing":
        return f"missing; expected {expected(annotation)}"
    if kind in BOUNDS:
        bound, words = BOUNDS[kind]
        return f"must be {words} {context[bound]:g}, got {shown(got)}"
    if kind == "finite_number":
        return f"must be a finite number, got {shown(got)}"
    if not _about_type(kind):
        message = str(detail["msg"]).removeprefix("Value error, ").removeprefix("Assertion failed, ")
        return f"{message[:1].lower()}{message[1:]}, got {shown(got)}"
    text = f"expected {expected(annotation)}, got {shown(got)}"
    literals = [m for m in members(annotation) if typing.get_origin(m) is Literal]
    near = nearest(got, [str(v) for m in literals for v in typing.get_args(m)]) if isinstance(got, str) else None
    return f"{text}. Did you mean {near!r}?" if near else text


def _about_type(kind: str) -> bool:
    return kind.endswith("_type") or kind in ("is_instance_of", "int_from_float", "literal_error", "none_required")
