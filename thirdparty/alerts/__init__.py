"""Tells people what somebody has to act on: once when it begins, and once when it has ended."""
