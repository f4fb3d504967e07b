"""Which model: hub id with a pinned revision, a local folder, or the one that ships with lema."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Literal

from lema.base.errors import ConfigError, InputError
from lema.base.spec import Spec, runtime, spec

SHIPPED = Path(__file__).parents[1] / "shipped"
SHAPE = ("config.json", "generation_config.json", "tokenizer*", "chat_template*")
WEIGHTS = ("*.safetensors", "adapter_config.json")


@lru_cache
def folder_digest(folder: str, stamp: tuple[tuple[str, int, int], ...]) -> str:
    """Digest of a model folder's files; `stamp` (name, size, mtime) makes an edit miss the cache."""
    total = hashlib.sha256()
    for name, _, _ in stamp:
        total.update(name.encode())
        total.update(hashlib.sha256((Path(folder) / name).read_bytes()).digest())
    return total.hexdigest()[:16]


@spec
class Model(Spec):
    """A language model: causal, or an encoder-decoder where its configuration says so (`is_encoder_decoder`).

    `hub` is an id on the model hub and needs `revision`; `path` is a local folder, whose content
    counts and whose place does not; `shipped` names a model inside the package; `fresh` is a
    configuration inside the package for weights drawn at random from `init_seed`.
    """

    kind = "model"
    name: str
    hub: str | None = None
    revision: str | None = None
    path: str | None = runtime(default=None)
    shipped: str | None = runtime(default=None)
    fresh: bool = False
    init_seed: int = 0
    dtype: Literal["float32", "bfloat16", "float16"] = "bfloat16"
    trust_remote_code: bool = False
    attention: Literal["sdpa", "eager", "flash_attention_2"] = runtime(default="sdpa")

    def check(self) -> None:
        if not self.name.strip():
            raise ConfigError("model.name: expected a name, which reports and keys call the model by")
        given = [f for f in ("hub", "path", "shipped") if getattr(self, f) is not None]
        if len(given) != 1:
            raise ConfigError(f"model: give one of hub, path and shipped, not {' and '.join(given) or 'none'}")
        if self.hub is not None and self.revision is None:
            raise ConfigError(
                f"model.revision: {self.hub} needs a pinned revision (a commit of the hub repository), "
                "so that the key stands for these weights and no others"
            )

    def fingerprint(self) -> Mapping[str, str]:
        if self.hub is not None:
            return {}
        folder = self.folder()
        # Fresh weights come from the seed: those that lie beside the configuration do not count.
        counted = SHAPE if self.fresh else SHAPE + WEIGHTS
        files = sorted({f for pattern in counted for f in folder.glob(pattern)})
        stamp = tuple((f.name, f.stat().st_size, f.stat().st_mtime_ns) for f in files)
        return {"files": folder_digest(str(folder), stamp)}

    def folder(self) -> Path:
        """The local folder of a model that is not on the hub.

        Raises:
            InputError: there is no such folder, or no model in it.
        """
        if self.shipped is not None:
            folder = SHIPPED / self.shipped
        else:
            folder = Path(self.path or "").expanduser().resolve()
        if not (folder / "config.json").is_file():
            raise InputError(f"model {self.name!r}: {folder} holds no model (no config.json)")
        return folder

    def source(self) -> str:
        """What `from_pretrained` takes."""
        return self.hub if self.hub is not None else str(self.folder())
