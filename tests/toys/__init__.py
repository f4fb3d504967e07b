"""Toy parts of experiments: real in kind, small in size, made on the spot."""
