"""Program-aided distillation (PaD, arXiv 2305.13888): models that answer with programs, judged by running them."""
