"""Faults put into the product on purpose, one at a time, to see whether the chaos run finds them."""
