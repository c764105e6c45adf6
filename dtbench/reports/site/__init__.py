"""The static site of results: ``dtbench publish``. One module for each kind of page; they meet in ``build``."""
