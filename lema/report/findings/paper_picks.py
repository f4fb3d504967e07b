"""The figures of SELF-[IN]CORRECT (`experiments/paper_self_incorrect.yaml`), and which of its p-values cannot be."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec

from lema.base.errors import InputError
from lema.discrimination.measures import largest_p

FILE = "experiments/paper_self_incorrect.yaml"  # below the folder that holds conf/
HALF = 0.0005  # a score printed as 9.2 % may be off by this share
HALF_P = 0.005  # and a p printed as 0.39 by this


class Strict(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of what the file holds."""


Figures = tuple[float, ...]  # gen, disc, their difference, and p where it is printed


class Row(Strict, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One model's line, task by task."""

    model: str
    gsm8k: Figures | None = None
    triviaqa: Figures | None = None
    mt_bench: Figures | None = None
    truthfulqa: Figures | None = None


class PicksTable(Strict, frozen=True, kw_only=True, forbid_unknown_fields=True):
    printed: str
    rows: tuple[Row, ...]
    note: str = ""


class File(Strict, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole file."""

    paper: str
    questions: dict[str, int]
    graded: tuple[str, ...]
    tables: tuple[PicksTable, ...]


class PaperCell(msgspec.Struct, frozen=True, kw_only=True):
    """One model on one task, in shares of 1 (graded scores in their own unit).

    `largest` is the greatest p that its printed scores and number of questions allow, rounding included; None for
    graded scores and where no p is printed.
    """

    model: str
    task: str
    questions: int
    gen: float
    disc: float
    difference: float
    p: float | None
    largest: float | None
    printed: str
    note: str

    @property
    def impossible(self) -> bool:
        """Whether the printed p is larger than any that its own counts allow."""
        return self.p is not None and self.largest is not None and self.p - HALF_P > self.largest


def load(path: Path) -> tuple[PaperCell, ...]:
    """Read the figures.

    Raises:
        InputError: the file is missing or malformed.
    """
    try:
        file = msgspec.yaml.decode(path.read_bytes(), type=File)
        return tuple(cells(file))
    except (OSError, msgspec.DecodeError, UnicodeDecodeError, KeyError) as fault:
        raise InputError(f"{path}: no figures of the paper: {fault}") from None
    except InputError as fault:
        raise InputError(f"{path}: {fault}") from None


def cells(file: File) -> Iterator[PaperCell]:
    """All figures, model by model."""
    for table in file.tables:
        for row in table.rows:
            for task, n in file.questions.items():
                held: Figures | None = getattr(row, task, None)
                if held is None:
                    continue
                if len(held) not in (3, 4):
                    raise InputError(
                        f"{table.printed}, {row.model}, {task}: expected gen, disc, difference and maybe p"
                    )
                unit = 1.0 if task in file.graded else 100.0
                p = held[3] if len(held) == 4 else None
                gen, disc = held[0] / unit, held[1] / unit
                binary = p is not None and task not in file.graded
                yield PaperCell(
                    model=row.model,
                    task=task,
                    questions=n,
                    gen=gen,
                    disc=disc,
                    difference=held[2] / unit,
                    p=p,
                    largest=largest_p(gen, disc, n, HALF) if binary else None,
                    printed=table.printed,
                    note=table.note,
                )
