"""The place of vLLM inside this process, which is not built yet."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import Field

from lema.errors import ConfigError
from lema.models import Model
from lema.protocols import Complete
from lema.spec import Spec, runtime, spec

NOT_BUILT = (
    "sampling with vLLM inside this process is not built in this version. Take lema.engines.transformers.Transformers "
    "(reasoner=model), or start a vLLM server and name its address as base_url of the openai engine."
)


@spec
class Vllm(Spec):
    """Refuses to be used: it keeps the name, so that a configuration that asks for vLLM is told what to do."""

    kind = "vllm"
    needs: ClassVar[str] = "gpu"  # what a cluster must give it
    model: Model
    tensor_parallel: Annotated[int, Field(ge=1)] = runtime(default=1)

    @property
    def name(self) -> str:
        return self.model.name

    def check(self) -> None:
        # Here and not only in `open`: the user should know before the stages that come first have run.
        raise ConfigError(NOT_BUILT)

    def open(self, *, checkpoint: Path | None = None, replies: Path | None = None) -> AbstractContextManager[Complete]:  # noqa: ARG002
        """Nothing to open yet.

        Raises:
            ConfigError: always.
        """
        raise ConfigError(NOT_BUILT)
