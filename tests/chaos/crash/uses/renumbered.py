"""Orders of the shop that get another number: an update gives it to their record at the ERP."""

from __future__ import annotations

from django.db import transaction
from shop.models import Order
from shop.synced import PaidOrder

from tests.chaos.crash.uses.shop import Shop, number_of
from tests.chaos.crash.uses.use import AFTER, WHILE_FROZEN
from thirdparty.declaration import KeyChanges


class Renumbered(Shop):
    """While a process is frozen, the order gets its first number again, or a third one."""

    replaces = False

    def declare(self) -> None:
        PaidOrder.key_changes = KeyChanges.RENAMED

    def write(self, operation: str, word: str, content: str = AFTER) -> None:
        with transaction.atomic():
            super().write(operation, word, content)
            if content == WHILE_FROZEN:
                number = number_of(word) if int(word) % 2 else number_of(word, "frozen")
                Order.objects.filter(pk=word).update(number=number)


USE = Renumbered()
