"""What ``manage.py sync`` does for people besides."""

from users.management.sync import importing, token

ACTIONS = (importing, token)
