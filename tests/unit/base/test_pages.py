"""The pages that say where things are name files that exist."""

from __future__ import annotations

import re

import pytest
from commands.typed import ROOT

ARCHITECTURE = (ROOT / "docs" / "architecture.md").read_text()
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "slurm").glob("*.md")])
FOLDERS = "lema|conf|experiments|sweeps|slurm|tests|docs|hydra_plugins|benchmarks|notebooks"
FILE = re.compile(rf"`((?:{FOLDERS})/[\w./-]*)`")
LINK = re.compile(r"\]\((?!https?:|#)([^)#]+)")
QUESTIONS = (
    "where is the correction prompt worded",
    "where is a wrong path parsed into steps",
    "where would I add a teacher's provider",
    "what decides that a stage is run again",
    "where is the p-value computed",
)


@pytest.mark.parametrize("question", QUESTIONS)
def test_the_architecture_page_answers_with_files_that_exist(question: str) -> None:
    (line,) = [line for line in ARCHITECTURE.splitlines() if question in line]
    named = FILE.findall(line)
    assert named and all((ROOT / name).is_file() for name in named), named


def test_every_file_that_the_architecture_page_names_exists() -> None:
    named = FILE.findall(ARCHITECTURE)
    assert len(named) > 20
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_every_floor_is_on_the_architecture_page() -> None:
    folders = {path.name for path in (ROOT / "lema").iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert {name for name in folders if f"`{name}`" not in ARCHITECTURE} == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_between_pages_lead_somewhere(page: object) -> None:
    text = page.read_text()  # type: ignore[attr-defined]
    assert [link for link in LINK.findall(text) if not (page.parent / link).exists()] == []  # type: ignore[attr-defined]
