"""Notebooks run on a finished store and are kept without outputs."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import package
from toys.lab import points, run

from lema.store import Store

FOLDER = Path(__file__).parents[2] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_a_notebook_holds_no_outputs(path: Path) -> None:
    nbformat = package("nbformat")
    cells = [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
    assert cells and not any(cell.outputs or cell.execution_count for cell in cells)


def test_the_demo_notebook_redraws_the_comparison(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nbformat, nbclient = package("nbformat"), package("nbclient")
    package("ipykernel")
    store = Store(tmp_path / "store")
    run(store, points())
    monkeypatch.setenv("LEMA_STORE", str(store.root))
    for name in ("IPYTHONDIR", "JUPYTER_RUNTIME_DIR", "MPLCONFIGDIR"):
        monkeypatch.setenv(name, str(tmp_path / name))
    notebook = nbformat.read(FOLDER / "demo_comparison.ipynb", as_version=4)
    nbclient.NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(tmp_path)}}).execute()
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    said = "".join(output.get("text", "") for output in outputs)
    assert "cot_and_corrections is better than cot by" in said and "Wrong: step 2." in said
    assert sum("image/png" in output.get("data", {}) for output in outputs) == 2


def test_the_python_example_of_the_readme_runs_on_a_finished_store(tmp_path: Path) -> None:
    readme = (FOLDER.parent / "README.md").read_text()
    (example,) = [block for block in re.findall(r"```python\n(.*?)```", readme, re.DOTALL) if "finished(" in block]
    run(Store(tmp_path / "store"), points())
    done = subprocess.run(
        [sys.executable, "-c", example], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert "cot_and_corrections" in done.stdout
