"""Real servers that tests start and stop: SLURM, vLLM, W&B, an OpenAI-compatible one, a browser; and a faulty one."""
