"""The paper's figures (`experiments/paper_numbers.yaml`), to stand beside ours."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec

from lema.base.errors import InputError

BEST_THREE = "mean of the three best checkpoints"  # how `of` says which part of Table 5 a figure is of
FILE = "experiments/paper_numbers.yaml"  # below the folder that holds conf/


class Strict(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of what the file holds."""


class Row(Strict, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One model's line of a table: accuracy in percent, one a task, None where nothing is printed.

    `gains` are the differences to the arm `over` as printed, in points.
    """

    model: str
    arm: str
    values: tuple[float | None, ...]
    over: str | None = None
    gains: tuple[float | None, ...] = ()


class PaperTable(Strict, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table or figure, or a part of one: `of` says which when it is not the paper's main figure."""

    printed: str
    tasks: tuple[str, ...]
    rows: tuple[Row, ...]
    of: str = ""
    note: str = ""


class File(Strict, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole file; `arms` says in words what each arm is."""

    paper: str
    arms: dict[str, str]
    tables: tuple[PaperTable, ...]


class Cell(msgspec.Struct, frozen=True, kw_only=True):
    """One figure of the paper, in percent, and every place where it is printed."""

    model: str
    arm: str
    task: str
    value: float
    printed: tuple[str, ...]
    of: str = ""
    note: str = ""

    @property
    def share(self) -> float:
        """The same as a share of 1."""
        return self.value / 100


class Gain(msgspec.Struct, frozen=True, kw_only=True):
    """A printed difference between two cells of one table, in points."""

    cell: Cell
    over: Cell
    points: float


class Paper:
    """All figures of the paper."""

    def __init__(self, file: File) -> None:
        self.arms = file.arms
        self.tables = file.tables
        self.cells: dict[tuple[str, str, str, str], Cell] = {}
        for table in file.tables:
            for cell in cells_of(table, file.arms):
                self.add(cell)

    def add(self, cell: Cell) -> None:
        place = (cell.model, cell.arm, cell.task, cell.of)
        known = self.cells.get(place)
        if known is not None and known.value != cell.value:
            raise InputError(
                f"{cell.model}, {cell.arm}, {cell.task} is {known.value} in {known.printed[0]} "
                f"and {cell.value} in {cell.printed[0]}"
            )
        if known is not None:
            notes = dict.fromkeys(note for note in (known.note, cell.note) if note)
            cell = msgspec.structs.replace(cell, printed=(*known.printed, *cell.printed), note="; ".join(notes))
        self.cells[place] = cell

    def find(self, model: str, arm: str, task: str, of: str = "") -> Cell | None:
        """The paper's figure of a model (by its name in conf/model), an arm and a task; None when it has none."""
        return self.cells.get((model, arm, task, of))

    def gains(self) -> Iterator[Gain]:
        """Every difference that the paper prints."""
        for table in self.tables:
            for row in table.rows:
                for task, points in zip(table.tasks, row.gains, strict=False):
                    if points is not None and row.over is not None:
                        cell = self.cells[row.model, row.arm, task, table.of]
                        yield Gain(cell=cell, over=self.cells[row.model, row.over, task, table.of], points=points)


def load(path: Path) -> Paper:
    """Read the figures.

    Raises:
        InputError: the file is missing or malformed, has an arm that it does not describe, a row that is
            longer or shorter than its table, or one figure with two values.
    """
    try:
        return Paper(msgspec.yaml.decode(path.read_bytes(), type=File))
    except (OSError, msgspec.DecodeError, UnicodeDecodeError) as fault:
        raise InputError(f"{path}: no figures of the paper: {fault}") from None
    except InputError as fault:
        raise InputError(f"{path}: {fault}") from None


def cells_of(table: PaperTable, arms: dict[str, str]) -> Iterator[Cell]:
    """The figures of a table.

    Raises:
        InputError: a row does not fit the table, or its arm is not described.
    """
    for row in table.rows:
        where = f"{table.printed}, {row.model}, {row.arm}"
        if row.arm not in arms or (row.over is not None and row.over not in arms):
            raise InputError(f"{where}: an arm that `arms` does not describe")
        if len(row.values) != len(table.tasks) or len(row.gains) not in (0, len(table.tasks)):
            raise InputError(f"{where}: expected {len(table.tasks)} figures, one a task")
        if bool(row.gains) != (row.over is not None):
            raise InputError(f"{where}: `over` and `gains` belong together")
        for task, value in zip(table.tasks, row.values, strict=True):
            if value is not None:
                yield Cell(
                    model=row.model,
                    arm=row.arm,
                    task=task,
                    value=value,
                    printed=(table.printed,),
                    of=table.of,
                    note=table.note,
                )
