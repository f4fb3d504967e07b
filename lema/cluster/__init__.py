"""`slurm=<profile>`: a merged plan as jobs of SLURM, and looking after them."""
