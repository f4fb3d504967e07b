"""A wheel carries its configuration: installed elsewhere and run from another folder, it plans the default."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import yaml
from commands.submitting import TINY
from conftest import package

from lema import __version__

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    package("build")
    out = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (built,) = out.glob("*.whl")
    return built


@pytest.mark.slow
def test_every_file_of_the_configuration_is_in_the_wheel(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    for folder in ("conf", "experiments", "sweeps", "slurm"):
        for file in (ROOT / folder).rglob("*.yaml"):
            assert f"lema/_config/{file.relative_to(ROOT)}" in names
    assert "hydra_plugins/lema_launcher/__init__.py" in names and "lema/__main__.py" in names
    assert not [name for name in names if name.startswith(("tests/", "docs/", "conf/"))]


@pytest.mark.slow
def test_the_wheel_carries_its_license(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as held:
        (about,) = {name.partition("/")[0] for name in held.namelist() if ".dist-info/" in name}
        assert held.read(f"{about}/licenses/LICENSE") == (ROOT / "LICENSE").read_bytes()
        said = held.read(f"{about}/METADATA").decode()
    assert "License-Expression: MIT" in said and "License-File: LICENSE" in said


def test_the_citation_is_of_this_version_and_names_the_papers() -> None:
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert (cited["cff-version"], cited["title"], cited["license"]) == ("1.2.0", "lema", "MIT")
    assert cited["version"] == __version__ and cited["authors"] == [{"name": "The lema authors"}]
    for paper in cited["references"]:
        assert paper["title"] and paper["authors"] and paper["url"] in (ROOT / "README.md").read_text()


@pytest.mark.slow
def test_an_installed_wheel_plans_the_default_and_runs_from_another_folder(wheel: Path, tmp_path: Path) -> None:
    installed, elsewhere = tmp_path / "site", tmp_path / "elsewhere"
    elsewhere.mkdir()
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", str(installed)]
    subprocess.run([*install, str(wheel)], check=True)
    environment = {**os.environ, "PYTHONPATH": str(installed)}

    def lema(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "lema", *words]
        return subprocess.run(command, cwd=elsewhere, env=environment, capture_output=True, text=True, check=False)

    where = subprocess.run(
        [sys.executable, "-c", "import lema.config.config; print(lema.config.config.root())"],
        cwd=elsewhere,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert Path(where.stdout.strip()) == installed / "lema" / "_config"
    planned = lema("mode=plan")
    assert planned.returncode == 0, planned.stderr
    assert "evaluate" in planned.stdout and "4 experiment(s)" in planned.stdout
    assert lema("data_mix=cott").returncode == 2
    assert not list(elsewhere.iterdir())
    ran = lema("data_mix=cot_and_corrections", *TINY)
    assert ran.returncode == 0, ran.stderr
    assert (elsewhere / "report.html").is_file() and len(list((elsewhere / "store" / "artifacts").iterdir())) == 6
