"""What the README shows is tried: put into the example project as it stands there, it makes an order owed, and wait."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SHOWN = re.findall(r"```python\n# ([\w/]+\.py)[^\n]*\n(.*?)```", (ROOT / "README.md").read_text(), flags=re.DOTALL)
WRITES = """
from shop.models import Customer, Order, OrderLine, Product
from thirdparty.models import Record
customer = Customer.objects.create(name="Ada", email="ada@example.org")
order = Order.objects.create(number="N1", customer=customer, status="paid", total=5)
cart = Order.objects.create(number="N2", customer=customer, status="cart", total=5)
OrderLine.objects.create(order=order, product=Product.objects.create(sku="S1", name="Screw", price=5))
print(sorted(Record.objects.values_list("key", flat=True)))
"""


def test_what_the_readme_shows_works_as_it_stands(tmp_path: Path) -> None:
    shop = tmp_path / "shop"
    shutil.copytree(ROOT / "examples" / "shop", shop, ignore=shutil.ignore_patterns("db.sqlite3*"))
    for name, text in SHOWN:
        (shop / name).write_text(text)
    told = ("PATH", "LANG")
    environment = {name: value for name, value in os.environ.items() if name in told} | {
        "PYTHONPATH": str(ROOT), "CELERY_BROKER_URL": "redis://127.0.0.1:1/0",
        "SYNC_TARGETS": "erp", "TARGET_ERP_CONNECTOR": "shop.erp.Erp",
        "TARGET_ERP_BASE_URL": "https://erp.example/api", "TARGET_ERP_TOKEN": "a-token",
    }  # fmt: skip

    def manage(*arguments: str) -> str:
        command = [sys.executable, "manage.py", *arguments]
        ended = subprocess.run(command, cwd=shop, env=environment, capture_output=True, text=True, check=False)
        assert ended.returncode == 0, ended.stderr
        return ended.stdout

    assert [name for name, _ in SHOWN] == ["shop/synced.py", "shop/erp.py"]
    manage("migrate")
    manage("check", "--database", "default")
    assert "['erp:shop.customer:1', 'erp:shop.order:1']" in manage("shell", "--no-imports", "-c", WRITES)
