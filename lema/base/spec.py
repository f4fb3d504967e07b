"""Specs: frozen, validated descriptions of work, each with one identity.

A spec is cheap to build, importable without torch, and hashable by content. Its fields are its
configuration schema. Every field is part of its key unless it says otherwise:

    temperature: float                      # identity
    stop_at_answer: bool = since(False)     # added later; False means "as before"
    batch_size: int = runtime(default=64)   # how it runs; never in the key
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, TypeVar, dataclass_transform

from pydantic import ConfigDict
from pydantic.dataclasses import dataclass as validated

from lema.base.errors import ConfigError

T = TypeVar("T", bound=type)
DIGITS = 16  # of a key
SETTINGS = ConfigDict(extra="forbid", strict=True, arbitrary_types_allowed=True, allow_inf_nan=False)


def runtime(*, default: Any) -> Any:
    """A field that says how the work is run, not what it is: never part of a key."""
    return dataclasses.field(default=default, metadata={"identity": False})


def since(default: Any) -> Any:
    """A field added after artifacts exist; at its default, which says "as before", it leaves keys as they were.

    Written `since(default=...)`, it may be left out of calls that mypy checks.
    """
    return dataclasses.field(default=default, metadata={"neutral": default})


class Spec:
    """Base of all specs. Decorate each subclass with `@spec` and give it a `kind`."""

    kind: ClassVar[str]
    version: ClassVar[int] = 1  # raised when the meaning of the code changes

    def fingerprint(self) -> Mapping[str, str]:
        """What decides the output beside the fields: digests of data files, text of prompts."""
        return {}

    def check(self) -> None:
        """Raise ConfigError for a combination of fields that cannot be."""


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(dataclasses.field, runtime, since))
def spec(cls: T) -> T:
    """Class decorator: a frozen, keyword-only dataclass whose field types are enforced."""
    if not isinstance(cls.__dict__.get("kind"), str):
        raise TypeError(f"{cls.__name__} needs its own `kind`, the short name that stands for it in keys")
    return validated(cls, frozen=True, kw_only=True, config=SETTINGS)  # type: ignore[return-value]


def identity_fields(value: Spec) -> Iterator[tuple[str, Any]]:
    """The fields that count, with their values."""
    for f in dataclasses.fields(value):  # type: ignore[arg-type]
        held = getattr(value, f.name)
        neutral = "neutral" in f.metadata and held == f.metadata["neutral"]
        if f.metadata.get("identity", True) and not neutral:
            yield f.name, held


def canonical(value: Any, at: str = "$") -> Any:
    """The stable JSON form of a spec.

    Raises:
        ConfigError: the value has no stable form (NaN, a callable, an object without fields).
    """
    if isinstance(value, Spec):
        body = {name: canonical(held, f"{at}.{name}") for name, held in identity_fields(value)}
        extra = {f"={name}": digest for name, digest in value.fingerprint().items()}
        return {"kind": value.kind, "version": value.version, **body, **extra}
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ConfigError(f"{at}: {value} is not a number that can be part of an identity")
        # 1.0 and 1 are one value to a user who writes `temperature=1`.
        return int(value) if value.is_integer() and abs(value) < 2**53 else value
    if isinstance(value, list | tuple):
        return [canonical(v, f"{at}[{i}]") for i, v in enumerate(value)]
    if isinstance(value, dict):
        return {str(k): canonical(v, f"{at}.{k}") for k, v in value.items()}
    raise ConfigError(f"{at}: a {type(value).__name__} has no stable form and cannot be part of an identity")


def encode(canonical_form: Any) -> bytes:
    """Canonical JSON bytes: sorted keys, no spaces, no NaN."""
    text = json.dumps(canonical_form, sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.encode()


def digest(data: bytes) -> str:
    """16 hex digits of SHA-256."""
    return hashlib.sha256(data).hexdigest()[:DIGITS]


def key(value: Spec) -> str:
    """The identity of a spec: 16 hex digits, equal on every machine and in every process."""
    return digest(encode(canonical(value)))
