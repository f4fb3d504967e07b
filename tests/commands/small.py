"""Overrides that make the default pipeline take a minute: does the whole way work?"""

from __future__ import annotations

SMALL = [
    "debug=small",
    "cot_questions.stop=48",
    "generation.questions.stop=24",
    "generation.sampling.n=2",
    "generation.sampling.max_tokens=48",
    "generation.part=6",
    "evaluation.questions.stop=24",
    "evaluation.part=6",
    "evaluation.sampling.max_tokens=48",
    "trainer.epochs=2",
    "trainer.batch_size=16",
    "trainer.save_every=2",
]
