"""The table of docs/sandbox.md, from the attacks themselves: `python -m hostile.table` in tests/ prints it."""

from __future__ import annotations

from hostile.attack import Attack
from hostile.exhausting import RESOURCES, TRICKS
from hostile.reaching import FILES, NETWORK, PROCESSES

PARTS = (
    ("Files", FILES),
    ("Network", NETWORK),
    ("Processes and rights", PROCESSES),
    ("Time, memory, output", RESOURCES),
    ("Tricks", TRICKS),
)
COLUMNS = ("seccomp", "bubblewrap", "namespaces", "fresh")


def cell(attack: Attack, level: str) -> str:
    """What a level does about an attack, for both kinds of user."""
    open_to = [user for user in ("root", "user") if f"{level}/{user}" in attack.open_at]
    if not open_to:
        return "stopped"
    said = "**open**" if len(open_to) == 2 else f"**open** ({'ordinary user' if open_to == ['user'] else 'root'})"
    return f"{said}, if the kernel allows" if attack.unsure else said


def table() -> str:
    lines = [f"| attack | {' | '.join(COLUMNS)} |", "|---|" + "---|" * len(COLUMNS)]
    for title, attacks in PARTS:
        lines.append(f"| *{title}* |" + " |" * len(COLUMNS))
        lines += [f"| {attack.name} | {' | '.join(cell(attack, level) for level in COLUMNS)} |" for attack in attacks]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(table(), end="")
