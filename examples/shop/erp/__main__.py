"""``python -m erp --port 9200 --token erp-token``"""

from __future__ import annotations

import argparse

from erp.server import Server


def main() -> None:
    parser = argparse.ArgumentParser(prog="erp", description="The ERP that the shop's orders go to.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=9200)
    parser.add_argument("--token", default="erp-token")
    parser.add_argument("--seed", type=int, default=0, help="of what decides which requests fail")
    told = parser.parse_args()
    server = Server((told.host, told.port), token=told.token, seed=told.seed)
    print(f"The ERP listens at http://{told.host}:{told.port}", flush=True)  # noqa: T201  # a person starts it
    server.serve_forever()


if __name__ == "__main__":
    main()
