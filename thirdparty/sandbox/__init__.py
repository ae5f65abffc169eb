"""A stand-in third party: a real HTTP server of the ``landcloud`` contract that can be told to misbehave.

Start it with ``python -m thirdparty.sandbox --port 9100`` or ``python manage.py sandbox --port 9100``;
steer it with `thirdparty.sandbox.client.SandboxControl`. It needs no Django and no database.
"""
