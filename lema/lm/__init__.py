"""Language models in this process: loading them, texts to tokens, sampling, and the scores of given texts."""
