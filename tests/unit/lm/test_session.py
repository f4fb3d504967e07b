"""One model at a time is held open, and the same one is not opened twice."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lema.base.protocols import Complete
from lema.base.spec import Spec, runtime, spec
from lema.lm.session import Session

LOG: list[str] = []


@spec
class Loud(Spec):
    """Says when it is opened and closed."""

    kind = "loud"
    name: str
    batch: int = runtime(default=1)

    @contextmanager
    def open(self, *, checkpoint: Path | None = None, replies: Path | None = None) -> Iterator[Complete]:
        LOG.append(f"open {self.name} {checkpoint}")
        yield lambda prompts, sampling: []
        LOG.append(f"close {self.name}")


def test_stages_that_want_the_same_model_and_checkpoint_share_it(tmp_path: Path) -> None:
    LOG.clear()
    with Session() as session:
        first = session.open(Loud(name="a"), checkpoint=None, replies=tmp_path)
        again = session.open(Loud(name="a", batch=9), checkpoint=None, replies=tmp_path)
        assert first is again
        session.open(Loud(name="a"), checkpoint=Path("b"), replies=tmp_path)
        assert LOG == ["open a None", "close a", "open a b"]
    assert LOG[-1] == "close a"


def test_a_session_that_was_left_opens_anew(tmp_path: Path) -> None:
    LOG.clear()
    session = Session()
    for _ in range(2):
        with session:
            session.open(Loud(name="a"), checkpoint=None, replies=tmp_path)
    assert LOG == ["open a None", "close a"] * 2
