"""Every command of the documentation composes, and changes nothing of an experiment but what it names."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from commands.typed import Command
from conftest import ROOT

PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *sorted(ROOT.glob("slurm/*.md")),
    *sorted(ROOT.glob("docs/**/*.md")),
]
SHIPPED = [*sorted(ROOT.glob("experiments/*.yaml")), *sorted(ROOT.glob("sweeps/*.yaml"))]
BLOCK = re.compile(r"^```[a-z]*\n(.*?)^```", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"(?<!`)`(lema [^`\n]*)`")
#: What a reader puts in: names, shell variables, settings of other sites, and what only --help or Hydra itself answers.
OPEN = re.compile(r"<|path/to/|\bDATA/|\$G|\$H|\bNAME\b|mysite|=mine\b|--|\.\.\.|\| jq|=x\b")
#: Between a command and what is said of it.
SAID = re.compile(r"\s{2,}|\s+#")


def documented() -> Iterator[tuple[str, str]]:
    """Commands with the page that has them."""
    for page in PAGES:
        text = page.read_text()
        blocks = "\n".join(BLOCK.findall(text)).replace("\\\n", " ")
        lines = [SAID.split(re.sub(r"(?<=\S) {2,}(?=[a-z_.]+=)", " ", line))[0] for line in blocks.splitlines()]
        for command in [*lines, *INLINE.findall(BLOCK.sub("", text))]:
            if command.startswith("lema "):
                yield page.name, command
    for page in SHIPPED:
        comments = "\n".join(line[1:] for line in page.read_text().splitlines() if line.startswith("#"))
        for line in comments.replace("\\\n", " ").splitlines():
            if line.startswith("   lema "):
                yield page.name, SAID.split(re.sub(r"(?<=\S) {2,}(?=[a-z_.]+=)", " ", line.strip()))[0]


COMMANDS = sorted({(page, command) for page, command in documented() if not OPEN.search(command)})


def test_most_commands_of_the_pages_are_tried() -> None:
    every = set(documented())
    assert len(COMMANDS) > 60 and len(COMMANDS) > 0.7 * len(every)


@pytest.mark.parametrize(("page", "command"), COMMANDS)
def test_it_composes_to_the_experiments_own_settings_apart_from_what_it_names(
    page: str, command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    type_ = Command(tmp_path, monkeypatch)
    done = type_(" ".join(map(shlex.quote, shlex.split(command)[1:])))
    assert done.code == 0, (page, done.err)
    assert "comes whole" not in done.err, (page, done.err)


def test_the_engine_of_evaluation_changes_the_engine_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    type_ = Command(tmp_path, monkeypatch)
    for name in ("lema_gsm8k", "lema_math", "lema_csqa", "lema_gsm8k_transfer"):
        (own,), (other,) = (
            type_(f"experiments={name}").points,
            type_(f"experiments={name} evaluation_engine=vllm").points,
        )
        before, after = own.experiment.evaluation, other.experiment.evaluation
        assert (before.engine.kind, after.engine.kind) == ("transformers", "vllm")
        assert {field for field in vars(before) if getattr(before, field) != getattr(after, field)} == {"engine"}
        assert after.sampling.max_tokens > 96
