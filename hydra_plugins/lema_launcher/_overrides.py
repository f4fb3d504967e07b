"""Overrides, checked against what there is before Hydra composes anything."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Mapping, Sequence

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, OverrideType, QuotedString, ValueType
from hydra.errors import OverrideParseException

from lema.config.building import NO_SECRETS, Fault, Refused
from lema.config.renamed import renamed, renamed_option
from lema.config.wording import SECRET_KEY, nearest, suggestion

NO_INTERVAL = "an interval has no list of values; use choice(a, b) or range(start, stop, step)"
GRAMMAR = "write key=value; quote a value with spaces or commas: 'key=\"a, b\"'"


@dataclasses.dataclass(frozen=True)
class Known:
    """What an override can name: groups with their options, keys of the root mapping, modes."""

    groups: Mapping[str, Sequence[str]]
    roots: Sequence[str]
    modes: Sequence[str]
    below: Callable[[], Sequence[str]]  # paths inside the groups, as the defaults have them

    @property
    def names(self) -> list[str]:
        return sorted({*self.groups, *self.roots})

    def unknown(self, name: str) -> str:
        """What to say of a name that is none of these: it may be one inside a group."""
        if nearest(name, self.names) is None:
            inside = {path.rpartition(".")[2]: path for path in self.below() if "." in path}
            near = nearest(name, inside)
            if near is not None:
                return f"unknown key. Did you mean {inside[near]!r}?"
        return f"unknown key{suggestion(name, self.names, 'Allowed keys')}"


@dataclasses.dataclass(frozen=True)
class Checked:
    """Overrides that name something; `lines` for Hydra, `deletions` of values for us."""

    lines: list[str]
    deletions: list[Override]


@functools.lru_cache(maxsize=4096)
def parse(line: str) -> Override:
    """One override.

    Raises:
        Refused: it does not follow the grammar.
    """
    try:
        (override,) = OverridesParser.create().parse_overrides([line])
    except OverrideParseException as error:
        reason = str(error.message).partition("\nSee ")[0]
        reason = reason.replace(f"Error parsing override '{line}'", "").partition(" expecting ")[0]
        raise Refused([Fault(line, f"not an override ({' '.join(reason.split())}); {GRAMMAR}")]) from None
    return override


def bare_key(line: str) -> str:
    """What an override is about, without `+`, `++` and `~`."""
    return parse(line).key_or_group


def chosen_groups(lines: Sequence[str], known: Known) -> frozenset[str]:
    """Groups of which these overrides choose an option."""
    overrides = [parse(line) for line in lines]
    return frozenset(o.key_or_group for o in overrides if _is_choice(o, known))


def check(lines: Sequence[str], known: Known, *, sweep: bool) -> Checked:
    """Overrides as Hydra takes them.

    A value may be set whether or not its file mentions the key: the spec decides what exists. So
    `+` and `++` make no difference, and a misspelt name is found under any of them.

    Raises:
        Refused: everything that is wrong with them.
    """
    faults: list[Fault] = []
    passed: list[str] = []
    deletions: list[Override] = []
    for line in lines:
        try:
            override = _parse_word(line, known)
        except Refused as refused:
            faults += refused.faults
            continue
        found = _fault(override, known, sweep)
        if found is not None:
            faults.append(found)
        elif override.is_hydra_override() or override.package is not None:
            passed.append(line)
        elif _is_choice(override, known):
            passed.append(_choice(override))
        elif override.is_delete():
            deletions.append(override)
        else:
            passed.append(f"++{line.lstrip('+')}")
    if faults:
        raise Refused(faults, lines)
    return Checked(passed, deletions)


def _parse_word(line: str, known: Known) -> Override:
    if "=" not in line and not line.startswith("~"):
        near = nearest(line, known.modes)
        hint = f". Did you mean mode={near}?" if near else ""
        raise Refused([Fault(line, f"not an override; {GRAMMAR}{hint}")])
    return parse(line)


def _is_choice(override: Override, known: Known) -> bool:
    return override.key_or_group in known.groups and not isinstance(override.value(), dict)


def _choice(override: Override) -> str:
    """A choice of a group's option: `+group=x` is `group=x`, and `group=null` is none of them."""
    if override.is_delete() or (override.value() is None and not override.is_sweep_override()):
        return f"~{override.key_or_group}"
    return (override.input_line or "").lstrip("+")


def _fault(override: Override, known: Known, sweep: bool) -> Fault | None:
    key = override.key_or_group
    if override.value_type is ValueType.INTERVAL_SWEEP:
        return Fault(key, NO_INTERVAL)
    if override.is_sweep_override() and not sweep:
        given = override.get_value_string()
        return Fault(key, f"{given!r} are several values: add -m to sweep over them, or write [{given}] for a list")
    if key == "hydra.searchpath":
        return Fault(key, "is not followed; add a folder of your own groups with --config-dir")
    if override.is_hydra_override():
        return Fault(key, "Hydra's own settings cannot be swept") if override.is_sweep_override() else None
    if SECRET_KEY.search(key.rpartition(".")[2]) and not override.is_delete():
        return Fault(key, NO_SECRETS)
    if override.package is not None:
        return None
    first = key.split(".")[0].split("/")[0]
    if first not in known.names and (said := renamed(key)) is not None:
        return Fault(key, said)
    if first not in known.names:
        return Fault(key, known.unknown(first))
    if _is_choice(override, known) and not override.is_delete():
        return _option_fault(override, known)
    return None


def _option_fault(override: Override, known: Known) -> Fault | None:
    key = override.key_or_group
    for options in _choices(override):
        if "none" in options and len(options) > 1:
            return Fault(key, f"[{', '.join(map(str, options))}]: none stands alone; leave it out of the list")
    for option in (option for options in _choices(override) for option in options):
        if option is not None and option not in known.groups[key]:
            if (said := renamed_option(key, option)) is not None:
                return Fault(key, said)
            near = suggestion(str(option), known.groups[key], "Options")
            settable = f"; values inside it are set with {key}.<name>=" if override.type is OverrideType.CHANGE else ""
            return Fault(key, f"no option {str(option)!r}{near}{settable if not isinstance(option, str) else ''}")
    return None


def _choices(override: Override) -> list[list[object]]:
    """What is chosen, of a sweep each point's; a choice may be a list of options."""
    if override.value_type is ValueType.GLOB_CHOICE_SWEEP:
        return []
    values = list(override.sweep_iterator()) if override.is_sweep_override() else [override.value()]
    listed = [value if isinstance(value, list) else [value] for value in values]
    return [[one.text if isinstance(one, QuotedString) else one for one in options] for options in listed]
