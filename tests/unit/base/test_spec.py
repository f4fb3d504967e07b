"""Identity: what is in a key, what is not, and that it is the same everywhere."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from lema.base.errors import ConfigError
from lema.base.spec import Spec, canonical, encode, key, runtime, since, spec


@spec
class Inner(Spec):
    kind = "inner"
    depth: int = 1


@spec
class Toy(Spec):
    kind = "toy"
    rate: float
    inner: Inner = Inner()
    batch: int = runtime(default=8)
    careful: bool = since(False)
    anything: Any = None


def test_a_runtime_field_is_not_in_the_key() -> None:
    assert key(Toy(rate=0.5, batch=8)) == key(Toy(rate=0.5, batch=64))


def test_every_other_field_is_in_the_key() -> None:
    keys = {
        key(t) for t in (Toy(rate=0.5), Toy(rate=0.6), Toy(rate=0.5, inner=Inner(depth=2)), Toy(rate=0.5, careful=True))
    }
    assert len(keys) == 4


def test_a_later_field_at_its_neutral_value_leaves_the_key_as_it_was() -> None:
    @spec
    class Older(Spec):
        kind = "toy"
        rate: float
        inner: Inner = Inner()
        anything: Any = None

    assert key(Older(rate=0.5)) == key(Toy(rate=0.5))


def test_the_module_of_a_class_is_not_in_its_key_but_its_version_is() -> None:
    @spec
    class Moved(Spec):
        kind = "inner"
        depth: int = 1

    @spec
    class Changed(Spec):
        kind = "inner"
        version = 2
        depth: int = 1

    assert key(Moved()) == key(Inner())
    assert key(Changed()) != key(Inner())


def test_a_fingerprint_counts() -> None:
    class Digest(Spec):
        text = "one"

    @spec
    class Prompted(Digest):
        kind = "prompted"

        def fingerprint(self) -> dict[str, str]:
            return {"prompt": self.text}

    before = key(Prompted())
    Digest.text = "two"
    assert key(Prompted()) != before


@pytest.mark.parametrize("value", [float("nan"), float("inf"), print, object(), {1, 2}])
def test_a_value_without_a_stable_form_is_refused(value: object) -> None:
    with pytest.raises(ConfigError, match=r"\$\.anything"):
        canonical(Toy(rate=0.5, anything=value))


def test_an_integer_written_for_a_number_is_the_same_number() -> None:
    assert key(Toy(rate=1)) == key(Toy(rate=1.0))


@pytest.mark.parametrize(
    "wrong", [{"rate": "0.5"}, {"rate": True}, {"rate": 0.5, "rat": 1}, {}, {"rate": float("inf")}]
)
def test_wrong_types_unknown_names_and_missing_values_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Toy(**wrong)


def test_a_spec_cannot_be_changed() -> None:
    toy = Toy(rate=0.5)
    with pytest.raises(Exception, match=r"frozen|assign"):
        toy.rate = 1.0  # type: ignore[misc]


def test_a_spec_without_a_kind_of_its_own_is_refused() -> None:
    with pytest.raises(TypeError, match="kind"):

        @spec
        class Nameless(Spec):
            depth: int = 1


@given(st.dictionaries(st.text(max_size=5), st.one_of(st.integers(), st.booleans(), st.text(max_size=5), st.none())))
def test_the_order_of_a_mapping_does_not_count(mapping: dict[str, Any]) -> None:
    backwards = dict(reversed(mapping.items()))
    assert encode(canonical(mapping)) == encode(canonical(backwards))


def test_keys_are_equal_in_another_process_with_another_hash_seed() -> None:
    code = "from lema.base import protocols, spec; print(spec.key(protocols.Sampling(n=3, stop=('a', 'b'))))"
    said = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(said) == 1
