"""The textbook application, in earnest: at-least-once delivery, ten tries with exponential backoff."""

# ruff: noqa: ANN001, ANN003, ANN201  # as tutorials write it

import hashlib

import requests
from celery import shared_task
from django.db import transaction

from syncproject.demo.stack import TARGET
from tests.chaos.baseline.models import RemoteId
from thirdparty.settings import settings
from users.models import RoleMapping, User

RETRY = {"autoretry_for": (requests.RequestException,), "retry_backoff": True, "retry_backoff_max": 30}
ROBUST = RETRY | {"max_retries": 10, "acks_late": True, "reject_on_worker_lost": True}


def saved(instance, **_):
    if not instance.is_superuser:
        transaction.on_commit(lambda: push.delay(instance.pk))


def roles_changed(instance, action, reverse, pk_set, **_):
    if action.startswith("post_"):
        for pk in (pk_set or ()) if reverse else [instance.pk]:
            transaction.on_commit(lambda pk=pk: push.delay(pk))


def deleted(instance, **_):
    transaction.on_commit(lambda pk=instance.pk: remove.delay(pk))


@shared_task(**ROBUST)
def push(user_id):
    user = User.objects.filter(pk=user_id).first()
    if user is None or not user.is_active:
        remove(user_id)
        return
    fields = {"name": user.name, "phone": user.phone, "email": user.email, "externalId": str(user.uuid)}
    roles = RoleMapping.objects.filter(group__user=user).values_list("remote_role_id", flat=True)
    fields["roleIds"] = sorted(roles)
    remote = RemoteId.objects.filter(user_id=user_id).first()
    if remote is not None:
        ask("update", userId=remote.value, **fields)
    else:
        remote_id = ask("add", username=user.username, password=md5(CONFIG.options["default_password"]), **fields)
        RemoteId.objects.update_or_create(user_id=user_id, defaults={"value": remote_id})


@shared_task(**ROBUST)
def remove(user_id):
    for remote in RemoteId.objects.filter(user_id=user_id):
        ask("delete", userId=remote.value)
        remote.delete()


def ask(call, **fields):
    headers = {"authToken": md5(CONFIG.options["app_secret"])}
    answer = requests.post(f"{CONFIG.base_url}/user/{call}", json=fields, headers=headers, timeout=1)
    answer.raise_for_status()
    reply = answer.json()
    if reply["status"] not in ("ok", "user_exists", "user_not_found"):
        raise requests.RequestException(reply["status"])
    return reply["data"]


def md5(text):
    return hashlib.md5(text.encode()).hexdigest()


CONFIG = settings.SYNC_TARGETS[TARGET]
