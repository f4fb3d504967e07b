"""Questions that are alike: near-duplicates among new ones, and leaks between training and test sets."""

from lema.likeness.rules import LEAST_WORDS, ROUNDING, Decontamination, NearDuplicates

__all__ = ["LEAST_WORDS", "ROUNDING", "Decontamination", "NearDuplicates"]
