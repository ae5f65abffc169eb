"""The audit: what the targets really hold, compared with what is wanted. Reports, and mends where it may.

``verdict`` decides, purely; ``looks`` reads our side and ``questions`` asks theirs; ``listing`` and ``records`` are the two
walks; ``journal`` keeps what was seen, so that whoever comes next goes on; ``runner`` puts them together; ``schedule`` begins
them, and ``pace`` spreads their calls.
"""
