"""Claims of papers, judged on what re-runs of their figures measure."""
