"""Models: what identifies weights, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from lema.base.errors import ConfigError, InputError
from lema.base.spec import key
from lema.lm.model import Model


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "model"
    place.mkdir()
    (place / "config.json").write_text("{}")
    (place / "model.safetensors").write_bytes(b"weights")
    return place


def test_a_local_model_is_its_files_not_its_place(folder: Path) -> None:
    before = key(Model(name="m", path=str(folder)))
    moved = folder.rename(folder.with_name("elsewhere"))
    assert key(Model(name="m", path=str(moved))) == before
    (moved / "model.safetensors").write_bytes(b"others!")
    assert key(Model(name="m", path=str(moved))) != before


def test_fresh_weights_are_their_seed_whatever_lies_in_the_folder(folder: Path) -> None:
    before = key(Model(name="m", path=str(folder), fresh=True))
    (folder / "model.safetensors").write_bytes(b"others!")
    assert key(Model(name="m", path=str(folder), fresh=True)) == before
    assert key(Model(name="m", path=str(folder), fresh=True, init_seed=1)) != before


def test_a_hub_model_needs_a_pinned_revision() -> None:
    with pytest.raises(ConfigError, match="pinned revision"):
        Model(name="m", hub="org/m").check()


@pytest.mark.parametrize("given", [{}, {"hub": "org/m", "revision": "1", "path": "x"}])
def test_exactly_one_source_is_given(given: dict[str, str]) -> None:
    with pytest.raises(ConfigError, match="one of hub, path and shipped"):
        Model(name="m", **given).check()  # type: ignore[arg-type]


def test_a_folder_without_a_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=str(tmp_path)):
        key(Model(name="m", path=str(tmp_path)))
