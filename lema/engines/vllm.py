"""The place of vLLM's offline engine, for sampling at scale on GPUs."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path

from lema.errors import ConfigError
from lema.extras import require
from lema.models import Model
from lema.protocols import Complete
from lema.spec import Spec, spec


@spec
class Vllm(Spec):
    """Not built yet: `open` says what to use instead."""

    kind = "vllm"
    model: Model

    @property
    def name(self) -> str:
        return self.model.name

    def open(self, *, checkpoint: Path | None = None, replies: Path | None = None) -> AbstractContextManager[Complete]:  # noqa: ARG002
        """Raises:
        MissingExtra: vllm is not installed.
        ConfigError: always, until this engine is built.
        """
        require("vllm", extra="vllm", why=f"the vllm engine for {self.name}")
        raise ConfigError(
            "the vllm engine comes with a later version of lema. Until then use the transformers engine, "
            "or start `vllm serve` and use the openai engine with its base_url."
        )
