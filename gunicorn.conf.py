"""How `gunicorn syncproject.wsgi` serves; flags on its command line go before."""

# A request may wait for the targets (`Prefer: wait=30`, strict): the others need threads to go on meanwhile,
# and a worker of threads is not taken for dead because one request takes long.
threads = 8
timeout = 120
graceful_timeout = 60
