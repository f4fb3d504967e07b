"""Learning from mistakes: sample, correct, fine-tune, compare."""

__version__ = "0.1.0"
