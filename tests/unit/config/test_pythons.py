"""Stages that need a package with an environment of its own run in the Python that is named for it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from toys.lab import Sums

from lema.base.errors import ConfigError, MissingExtra
from lema.base.protocols import Sampling
from lema.base.question_slice import Slice
from lema.cli import doctor
from lema.cluster.submission import with_pythons
from lema.config.options import Options
from lema.config.profile import Profile
from lema.config.pythons import own_python
from lema.data.formats import Format
from lema.engines.scripted import Scripted
from lema.engines.vllm.engine import Vllm
from lema.lm.model import Model
from lema.running.jobs import python_of
from lema.running.runner import elsewhere
from lema.stages.generate import Generate
from lema.store import Store

MODEL = Model(name="m", hub="a/b", revision="c0ffee")
HERE = sys.executable


def stage(engine: Any) -> Generate:
    where = Slice(split="train", stop=4)
    return Generate(task=Sums(), questions=where, engine=engine, format=Format(), sampling=Sampling())


VLLM, OTHER = stage(Vllm(model=MODEL)), stage(Scripted())


@pytest.fixture
def lacking(monkeypatch: pytest.MonkeyPatch) -> None:
    """This Python has no vLLM, whatever it has."""
    monkeypatch.setitem(sys.modules, "vllm", None)


@pytest.fixture
def python(tmp_path: Path) -> Path:
    """Another Python: an environment of its own with nothing in it."""
    subprocess.run([HERE, "-m", "venv", "--without-pip", str(tmp_path / "other")], check=True)
    return tmp_path / "other" / "bin" / "python"


def test_an_engine_decides_which_python_its_stage_wants() -> None:
    assert (own_python(VLLM), own_python(OTHER)) == ("vllm", None)


def test_the_python_that_is_named_is_taken_by_stages_that_need_it_and_by_no_other(python: Path) -> None:
    assert python_of(VLLM, {"vllm": str(python)}) == str(python)
    assert python_of(OTHER, {"vllm": str(python)}) is None
    assert python_of(VLLM, {"vllm": HERE}) is None


@pytest.mark.usefixtures("lacking")
def test_without_one_the_error_says_what_to_install_and_what_to_set() -> None:
    for named in ({}, {"vllm": None}):
        with pytest.raises(MissingExtra, match=r"pip install 'lema\[vllm\]'.*pythons\.vllm=/path") as caught:
            python_of(VLLM, named)
        assert "\n" not in str(caught.value)
    with pytest.raises(MissingExtra, match=r"slurm\.pythons\.vllm="):
        Profile().command(VLLM)


def test_one_that_is_not_there_is_named_in_the_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=rf"pythons\.vllm: {tmp_path}/bin/python is not there"):
        python_of(VLLM, {"vllm": f"{tmp_path}/bin/python"})


def test_only_packages_with_an_environment_of_their_own_have_one() -> None:
    with pytest.raises(ConfigError, match=r"pythons\.torch: only vllm"):
        Options(pythons={"torch": HERE}).check()
    with pytest.raises(ConfigError, match=r"pythons\.torch: only vllm"):
        Profile(pythons={"torch": HERE}).check()


def test_a_job_is_started_with_the_python_of_the_profile_else_of_the_command() -> None:
    profile = Profile(python="apptainer exec a.sif python", pythons={"vllm": "apptainer exec b.sif python"})
    assert profile.command(VLLM) == "apptainer exec b.sif python"
    assert profile.command(OTHER) == "apptainer exec a.sif python"
    typed = Options(pythons={"vllm": "/envs/with space/python"})
    assert with_pythons(profile, typed).command(VLLM) == "apptainer exec b.sif python"
    assert with_pythons(Profile(), typed).command(VLLM) == "'/envs/with space/python'"
    assert with_pythons(Profile(pythons={"vllm": None}), typed).command(OTHER) == HERE


def test_another_python_finds_a_copy_of_the_code_and_nothing_else_of_ours(python: Path, tmp_path: Path) -> None:
    environment = elsewhere(Store(tmp_path / "store"), {"PYTHONPATH": "/before", "LEFT": "1"})
    assert environment["LEFT"] == "1"
    code, before = environment["PYTHONPATH"].split(":")
    assert before == "/before" and Path(code).is_relative_to(tmp_path / "store")
    find = "from importlib.util import find_spec as f; print(f('lema').origin, f('torch'))"
    done = subprocess.run([str(python), "-c", find], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.split() == [f"{code}/lema/__init__.py", "None"]


def test_doctor_starts_it_and_says_what_it_lacks(python: Path, tmp_path: Path) -> None:
    (found,) = doctor.pythons({"vllm": str(python)}, tmp_path / "store")
    assert (found.what, found.state) == ("pythons.vllm", "bad")
    assert "No module named" in found.said and "pip install 'lema[vllm]'" in found.said
    (gone,) = doctor.pythons({"vllm": f"{tmp_path}/gone"}, tmp_path / "store")
    assert gone.state == "bad" and "not found" in gone.said
