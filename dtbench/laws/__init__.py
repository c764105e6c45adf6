"""What every problem must keep to, whatever it is about: called by the tests and by ``dtbench check-problem``."""
