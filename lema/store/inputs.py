"""The finished upstream artifacts as one stage reads them."""

from __future__ import annotations

from lema.store.artifact import Artifact
from lema.store.stage import Stage
from lema.store.store import Store


class InputsOnce:
    """Opens each input once, so that each file of it that the stage uses is hashed once, before it is used.

    Ranks and engines of the stage read what its own process has checked, and hash nothing.
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        self.opened: dict[str, Artifact] = {}

    def __call__(self, stage: Stage) -> Artifact:
        """As `Store.get`."""
        address = self.store.address(stage)
        if address not in self.opened:
            self.opened[address] = self.store.get(stage)
        return self.opened[address]
