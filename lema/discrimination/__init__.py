"""Can a model pick its own right answer? How it is asked, how its pick is read, and what the picks show.

SELF-[IN]CORRECT (Jiang et al., arXiv 2404.04298): a model samples n candidates for a question, is shown the same
candidates, and picks one. DG-DIFF is the score of its picks less that of a candidate drawn at random.
"""
