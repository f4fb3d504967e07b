"""From plain mappings to frozen specs, noting everything that is wrong and where."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import pkgutil
import re
import typing
from collections.abc import Iterator, Mapping, Sequence
from types import ModuleType
from typing import Any, TypeGuard

from pydantic import ValidationError

from lema.base.errors import ConfigError, LemaError
from lema.base.spec import Spec
from lema.config.renamed import renamed, renamed_target
from lema.config.wording import SECRET_KEY, SECRET_VALUE, item_of, members, redacted, said, shown, suggestion, telling

LARGEST = 2**53  # an integer that every program reads alike
ALLOWED = ("lema.", "lema_plugins.")
NO_SECRETS = "Keys and passwords have no place in a configuration: put it in an environment variable and name that one"
DOTTED = re.compile(r"[A-Za-z]\w*(\.[A-Za-z]\w*)+")
Choices = Mapping[str, Sequence[str]]  # options of each configuration group


@dataclasses.dataclass(frozen=True)
class Fault:
    """One thing that is wrong, at one place of the configuration."""

    path: str
    text: str

    def __str__(self) -> str:
        return redacted(f"{self.path}: {self.text}" if self.path else self.text)


class Refused(ConfigError):
    """All faults of one point."""

    def __init__(self, faults: Sequence[Fault], overrides: Sequence[str] = ()) -> None:
        self.faults = tuple(without_aliases(faults))
        self.overrides = tuple(overrides)
        super().__init__("\n".join(map(str, self.faults)))


def without_aliases(faults: Sequence[Fault]) -> Iterator[Fault]:
    """Each fault once.

    `reasoner.model: ${model}` repeats a fault of `model` under a longer path, and the user has one
    thing to mend.
    """
    for fault in dict.fromkeys(faults):
        if not any(fault.text == other.text and fault.path.endswith(f".{other.path}") for other in faults):
            yield fault


class Builder:
    """Builds specs and remembers faults. `known` are root names that another spec takes."""

    def __init__(self, choices: Choices | None = None, known: Sequence[str] = ()) -> None:
        self.choices = choices or {}
        self.known = known
        self.faults: list[Fault] = []

    def settle(self) -> None:
        """Raise Refused if anything was wrong."""
        if self.faults:
            raise Refused(self.faults)

    def fault(self, path: str, text: str) -> None:
        options = self.choices.get(path)
        choose = f". Choose one with {path}=: {', '.join(options)}" if options else ""
        self.faults.append(Fault(path, text + choose))

    def value(self, node: Any, at: str, annotation: Any = Any) -> Any:
        """A node of the configuration as a value for a field of this type."""
        if isinstance(node, str) and SECRET_VALUE.search(node):
            self.fault(at, f"looks like a key or a password. {NO_SECRETS}")
        if isinstance(node, int) and not isinstance(node, bool) and abs(node) > LARGEST:
            self.fault(at, f"must be at most {LARGEST}, got {shown(node)}")
        if isinstance(node, list | tuple):
            item = item_of(annotation)
            return tuple(self.value(held, f"{at}[{i}]", item) for i, held in enumerate(node))
        if not isinstance(node, Mapping):
            return node
        if "_target_" in node:
            cls = self.locate(node["_target_"], below(at, "_target_"))
            return None if cls is None else self.spec(cls, node, at)
        classes = [member for member in members(annotation) if is_spec(member)]
        if len(classes) == 1:
            return self.spec(classes[0], node, at)
        return {key: self.entry(key, held, below(at, key), item_of(annotation)) for key, held in node.items()}

    def entry(self, key: Any, held: Any, path: str, annotation: Any) -> Any:
        if SECRET_KEY.search(str(key)) and held is not None:
            self.secret(path)
        return self.value(held, path, annotation)

    def secret(self, path: str) -> None:
        self.fault(path, NO_SECRETS)

    def spec(self, cls: type[Spec], node: Mapping[str, Any], at: str) -> Any:
        """The spec that a mapping describes; None, with faults noted, when it describes none."""
        before = len(self.faults)
        if parts := getattr(cls, "hands_down", None):
            node = self.handed_down(cls, parts, node, at)
        values, broken = self.fields(cls, node, at)
        try:
            made = cls(**values)
        except ValidationError as error:
            self.explain(error, cls, values, broken, at)
            return None
        if len(self.faults) == before:
            try:
                made.check()
            except ConfigError as error:
                self.faults.append(located(at, made.kind, error))
        return made

    def fields(self, cls: type[Spec], node: Mapping[str, Any], at: str) -> tuple[dict[str, Any], set[str]]:
        """Values for the fields of a class, and the names of those with faults below them."""
        hints = typing.get_type_hints(cls, include_extras=True)
        names = [f.name for f in dataclasses.fields(cls)]  # type: ignore[arg-type]
        values: dict[str, Any] = {}
        broken: set[str] = set()
        for key, held in node.items():
            path, so_far = below(at, key), len(self.faults)
            if key in names:
                values[key] = self.value(held, path, hints[key])
                if len(self.faults) > so_far:
                    broken.add(key)
            elif SECRET_KEY.search(str(key)):
                self.secret(path)
            elif (said := renamed(path)) is not None:
                self.fault(path, said)
            elif key != "_target_":
                scope, allowed = (f" of {at}", names) if at else ("", [*names, *self.known])
                self.fault(path, f"unknown key{suggestion(str(key), allowed, f'Allowed keys{scope}')}")
        return values, broken

    def handed_down(self, cls: type[Spec], parts: str, node: Mapping[str, Any], at: str) -> Mapping[str, Any]:
        """The mapping with the settings that its parts have put there: `data_mix.without` into the lesson that has it,
        and `data_mix.corrections: {without: ...}` into the lesson of that kind.

        Args:
            parts: the field that lists the parts; a setting goes to the only part that has a field of its name.
        """
        own = {f.name for f in dataclasses.fields(cls)}  # type: ignore[arg-type]
        listed = [dict(part) if isinstance(part, Mapping) else part for part in node.get(parts) or ()]
        kept: dict[str, Any] = {}
        for key, held in node.items():
            if key in own or key == "_target_":
                kept[key] = held
                continue
            named = [part for part in listed if isinstance(held, Mapping) and kind_of(part) == key]
            having = named or [part for part in listed if key in settings_of(part)]
            if len(having) == 1:
                having[0].update(held if named else {key: held})
            elif having:
                which = " or ".join(f"{at}.{kind_of(part)}.{key}" for part in having)
                self.fault(below(at, key), f"several {parts} have it; say of which: {which}")
            elif SECRET_KEY.search(str(key)) or renamed(below(at, key)) is not None:
                kept[key] = held
            else:
                there = list(dict.fromkeys([*own, *(name for part in listed for name in sorted(settings_of(part)))]))
                names = ", ".join(str(kind_of(part)) for part in listed)
                here = f"Allowed keys of {at} and of its {parts} ({names})"
                self.fault(below(at, key), f"unknown key{suggestion(str(key), there, here)}")
        return kept | ({parts: listed} if parts in node else {})

    def explain(
        self, error: ValidationError, cls: type[Spec], values: Mapping[str, Any], broken: set[str], at: str
    ) -> None:
        """Note what pydantic found, in our words, once a place."""
        hints = typing.get_type_hints(cls, include_extras=True)
        places: dict[tuple[str | int, ...], list[Any]] = {}
        for detail in error.errors(include_url=False):
            if detail["loc"] and detail["loc"][0] not in broken:
                places.setdefault(real_place(detail["loc"], values), []).append(detail)
        for place, details in places.items():
            path, annotation = below(at, place[0]), hints[str(place[0])]
            for part in place[1:]:
                path = f"{path}[{part}]" if isinstance(part, int) else below(path, part)
                annotation = item_of(annotation)
            self.fault(path, said(telling(details), annotation))

    def locate(self, target: Any, at: str) -> type[Spec] | None:
        """The spec class of a `_target_`, from the allowed packages only."""
        if not isinstance(target, str) or not DOTTED.fullmatch(target) or not target.startswith(ALLOWED):
            self.fault(at, f"must be a spec class under {' or '.join(ALLOWED)}, got {shown(target)}")
            return None
        if (said := renamed_target(target)) is not None:
            self.fault(at, f"{target} {said}")
            return None
        name, _, attribute = target.rpartition(".")
        try:
            module = importlib.import_module(name)
        except ModuleNotFoundError as error:
            if error.name is None or not f"{name}.".startswith(f"{error.name}."):
                raise
            self.fault(at, f"there is no module {name}{suggestion(name, neighbours(name), 'Modules there')}")
            return None
        cls = getattr(module, attribute, None)
        if is_spec(cls):
            return cls
        there = [found for found, value in vars(module).items() if is_spec(value)]
        self.fault(at, f"{name} has no spec {attribute!r}{suggestion(attribute, there, 'Specs there')}")
        return None

    def files(self, made: Spec, at: str = "") -> None:
        """Note the files that a spec stands for and that cannot be read."""
        try:
            made.fingerprint()
        except LemaError as error:
            self.faults.append(located(at, made.kind, error))
        for field in dataclasses.fields(made):  # type: ignore[arg-type]
            held = getattr(made, field.name)
            for number, item in enumerate(held if isinstance(held, tuple) else (held,)):
                if isinstance(item, Spec):
                    self.files(item, below(at, f"{field.name}[{number}]" if isinstance(held, tuple) else field.name))


def class_of(node: Any) -> type[Spec] | None:
    """The spec class that a mapping names, if there is one; what is wrong with it is said where it is built."""
    target = node.get("_target_") if isinstance(node, Mapping) else None
    if not isinstance(target, str):
        return None
    return Builder().locate(target, "")


def kind_of(node: Any) -> str | None:
    return getattr(class_of(node), "kind", None)


def settings_of(node: Any) -> frozenset[str]:
    """Names of the fields of the spec that a mapping names."""
    cls = class_of(node)
    return frozenset() if cls is None else frozenset(f.name for f in dataclasses.fields(cls))  # type: ignore[arg-type]


def below(at: str, name: Any) -> str:
    """The path of a key of the mapping at a path."""
    return f"{at}.{name}" if at else str(name)


def is_spec(value: Any) -> TypeGuard[type[Spec]]:
    """Whether this is a spec class with fields (not the bare base)."""
    return inspect.isclass(value) and issubclass(value, Spec) and dataclasses.is_dataclass(value)


def neighbours(name: str) -> list[str]:
    """Modules beside one that does not exist."""
    parent: ModuleType | None = None
    while parent is None and "." in name:
        name = name.rpartition(".")[0]
        try:
            parent = importlib.import_module(name)
        except ModuleNotFoundError:
            continue
    return sorted(f"{name}.{module.name}" for module in pkgutil.iter_modules(getattr(parent, "__path__", [])))


def located(at: str, kind: str, error: Exception) -> Fault:
    """A message of `check()`, with the path of the spec that it is about.

    The message may begin with a name of that spec: `model.revision: ...`, said at `reasoner.model`
    or at `teacher`, which holds a `model`.
    """
    head, colon, rest = str(error).partition(": ")
    if not colon or not re.fullmatch(r"[\w.\[\]]+", head):
        return Fault(at, str(error))
    first, _, inside = head.partition(".")
    if at and first in (kind, re.sub(r"\[\d+\]$", "", at).rpartition(".")[2]):
        head = inside
    return Fault(".".join(part for part in (at, head) if part), rest)


def real_place(loc: tuple[str | int, ...], values: Mapping[str, Any]) -> tuple[str | int, ...]:
    """The part of an error's place that is in the configuration: pydantic adds names of union members."""
    real, held = [loc[0]], values.get(str(loc[0]))
    for part in loc[1:]:
        inside = isinstance(part, int) and part < len(held) if isinstance(held, tuple) else False
        if not inside and not (isinstance(held, Mapping) and part in held):
            break
        held = held[part]  # type: ignore[index]
        real.append(part)
    return tuple(real)
