"""A client that a generator makes of docs/openapi.yaml can be used as it is."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from rest_framework.authtoken.models import Token

from thirdparty import targets
from users.models import User

DOCUMENT = Path(__file__).parents[2] / "docs" / "openapi.yaml"


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("generated")
    (folder / "config.yaml").write_text("post_hooks: []\n")
    words = ["generate", "--path", str(DOCUMENT), "--meta", "none", "--config", str(folder / "config.yaml")]
    command = [sys.executable, "-m", "openapi_python_client", *words, "--output-path", str(folder / "usersync_client")]
    made = subprocess.run(command, capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stdout + made.stderr
    assert "WARNING" not in made.stdout, made.stdout
    sys.path.insert(0, str(folder))
    yield importlib.import_module("usersync_client")
    sys.path.remove(str(folder))


@pytest.mark.django_db(transaction=True)
def test_it_creates_reads_and_changes_a_user(generated: Any, live_server: Any) -> None:
    from importlib import import_module

    users = {name: import_module(f"usersync_client.api.users.users_{name}") for name in ("create", "partial_update")}
    models = import_module("usersync_client.models")
    targets.publish_rows()
    token = Token.objects.create(user=User.objects.create_superuser("root"))
    with generated.AuthenticatedClient(base_url=live_server.url, token=token.key) as client:
        body = models.UserRequest(name="张伟", phone="13800000001")
        made = users["create"].sync(client=client, body=body, idempotency_key="once")
        again = users["create"].sync(client=client, body=body, idempotency_key="once")
        changed = users["partial_update"].sync(made.uuid, client=client, body=models.PatchedUserRequest(name="李娜"))
        problem = users["create"].sync(client=client, body=models.UserRequest(name=" ", phone=""))
    assert again == made
    assert (made.username, made.sync[0].target, made.sync[0].state) == ("zhangwei13800000001", "partner", "pending")
    assert (changed.name, problem.status) == ("李娜", 400)
    assert User.objects.get(uuid=made.uuid).name == "李娜"
