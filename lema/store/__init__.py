"""The store: artifacts by content, made once, whole, and never lost."""

from lema.store.store import Artifact, Holder, LeaseLost, Store, Work, read_progress

__all__ = ["Artifact", "Holder", "LeaseLost", "Store", "Work", "read_progress"]
