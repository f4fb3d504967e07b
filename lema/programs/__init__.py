"""Programs written by a model: running them where they can do no harm, and what came of each."""
