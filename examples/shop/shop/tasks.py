from datetime import timedelta

from celery import shared_task
from django.utils import timezone

from shop.models import Order

CART_DAYS = 30


@shared_task
def cancel_old_carts() -> int:
    """The shop's own nightly task, which was there before any third party was."""
    old = timezone.now() - timedelta(days=CART_DAYS)
    return Order.objects.filter(status=Order.Status.CART, created_at__lt=old).update(status=Order.Status.CANCELLED)
