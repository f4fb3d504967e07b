"""A composed configuration as plain values: nothing is dangling, and nothing comes from outside."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from hydra.core.override_parser.types import Override
from omegaconf import DictConfig, ListConfig, OmegaConf, open_dict
from omegaconf.errors import (
    InterpolationKeyError,
    InterpolationResolutionError,
    MissingMandatoryValue,
    OmegaConfBaseException,
    UnsupportedInterpolationType,
)

from lema.config.building import Fault, Refused
from lema.config.wording import suggestion

OUTSIDE = ("store", "report")  # keys that may take their value from the environment: they decide no result
GROUP = re.compile(r"\$\{(\w+)\}")
RESOLVER = re.compile(r"\$\{\s*[\w.]+\s*:")
KNOWN = "${oc.env:NAME}"
UNSET = re.compile(r"Environment variable '(\w+)' not found")
Groups = Mapping[str, Sequence[str]]  # options of each group


def delete(composed: DictConfig, deletions: Sequence[Override]) -> None:
    """Apply `~key` and `~key=value` to values.

    Raises:
        Refused: there is no such key, or it has another value.
    """
    faults = [fault for override in deletions for fault in _deleted(composed, override)]
    if faults:
        raise Refused(faults)


def _deleted(composed: DictConfig, override: Override) -> Iterator[Fault]:
    above, _, name = override.key_or_group.rpartition(".")
    parent = OmegaConf.select(composed, above) if above else composed
    if not isinstance(parent, DictConfig) or name not in parent:
        there = [str(key) for key in parent if key != "hydra"] if isinstance(parent, DictConfig) else []
        yield Fault(override.key_or_group, f"nothing to delete{suggestion(name, there, 'There are')}")
    elif override.value() is not None and parent[name] != override.value():
        yield Fault(override.key_or_group, f"is {parent[name]!r}, not {override.value()!r}: not deleted")
    else:
        with open_dict(composed):
            del parent[name]


def plain(composed: DictConfig, groups: Groups) -> dict[str, Any]:
    """A composed configuration as plain values, without Hydra's part.

    Raises:
        Refused: a value is missing, refers to nothing, or comes from outside the configuration.
    """
    with open_dict(composed):
        composed.pop("hydra", None)
    written = OmegaConf.to_container(composed, resolve=False)
    faults = [*_outside(written), *_unchosen(written, groups)]
    if faults:
        raise Refused(faults)
    try:
        return dict(OmegaConf.to_container(composed, resolve=True, throw_on_missing=True))  # type: ignore[arg-type]
    except OmegaConfBaseException:
        raise Refused(list(_unresolved(composed, groups))) from None


def _outside(written: Any) -> Iterator[Fault]:
    allowed = " and ".join(OUTSIDE)
    for path, value in _texts(written, ""):
        if RESOLVER.search(value) and path not in OUTSIDE:
            yield Fault(path, f"{value!r} takes its value from outside the configuration, which only {allowed} may")


def _unchosen(written: Any, groups: Groups) -> Iterator[Fault]:
    """Groups that other parts take their value from (`engine: ${teacher}`), and of which nothing is chosen."""
    needed: dict[str, list[str]] = {}
    for path, value in _texts(written, ""):
        group = GROUP.fullmatch(value)
        if group and group[1] in groups and written.get(group[1], "") is None:
            needed.setdefault(group[1], []).append(path)
    for name, paths in needed.items():
        options = ", ".join(groups[name])
        yield Fault(name, f"none is chosen; needed by {' and '.join(paths)}. Choose one with {name}=: {options}")


def _texts(node: Any, at: str) -> Iterator[tuple[str, str]]:
    """Every text below a node, with its path."""
    if isinstance(node, dict):
        for key, held in node.items():
            yield from _texts(held, f"{at}.{key}".lstrip("."))
    elif isinstance(node, list):
        for number, held in enumerate(node):
            yield from _texts(held, f"{at}[{number}]")
    elif isinstance(node, str):
        yield at, node


def _unresolved(node: DictConfig | ListConfig, groups: Groups, at: str = "") -> Iterator[Fault]:
    keys = list(node) if isinstance(node, DictConfig) else list(range(len(node)))
    for key in keys:
        path = f"{at}[{key}]" if isinstance(node, ListConfig) else f"{at}.{key}".lstrip(".")
        try:
            if OmegaConf.is_missing(node, key):
                yield Fault(path, "needs a value, which the file leaves to you (???)")
                continue
            held = node[key]
        except OmegaConfBaseException as error:
            written = OmegaConf.to_container(node, resolve=False)
            yield _dangling(path, error, str(written[key]), groups)  # type: ignore[index,call-overload]
            continue
        if isinstance(held, DictConfig | ListConfig):
            yield from _unresolved(held, groups, path)


def _dangling(path: str, error: OmegaConfBaseException, written: str, groups: Groups) -> Fault:
    group = GROUP.fullmatch(written)
    if group and group[1] in groups:
        options = ", ".join(groups[group[1]])
        return Fault(group[1], f"none is chosen, and other parts need it. Choose one with {group[1]}=: {options}")
    if isinstance(error, MissingMandatoryValue):
        return Fault(path, f"{written} refers to a value that is missing")
    if "Recursive" in str(error):
        return Fault(path, f"{written} refers to itself")
    if isinstance(error, UnsupportedInterpolationType):
        return Fault(path, f"{written} asks for a resolver that there is not; {KNOWN} is for {' and '.join(OUTSIDE)}")
    if (variable := UNSET.search(str(error))) is not None:
        return Fault(path, f"{written}: the environment variable {variable[1]} is not set")
    if isinstance(error, InterpolationKeyError | InterpolationResolutionError):
        return Fault(path, f"{written} refers to nothing in the configuration")
    return Fault(path, str(error).splitlines()[0])
