"""What can go wrong on a message's way."""

from __future__ import annotations


class NotDelivered(Exception):
    """Nobody has said that the message was taken; it is tried again. The text says why, and holds nothing secret."""
