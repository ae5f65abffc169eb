"""How fast, against what: every figure with its baseline in the same run. ``make bench`` (ARGS=--quick)."""
