"""Crash points: a real process dies, freezes or fails at every step of the life of a push."""
