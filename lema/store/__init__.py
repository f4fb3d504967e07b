"""The store: artifacts by content, made once, whole, and never lost."""

from lema.store.looking import read_progress
from lema.store.store import Artifact, Holder, LeaseLost, Store, Work

__all__ = ["Artifact", "Holder", "LeaseLost", "Store", "Work", "read_progress"]
