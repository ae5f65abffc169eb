"""The same job as tutorials do it: ``on_commit(push.delay)`` and ``autoretry_for``. What the promises are worth.

``python -m tests.chaos.run --baseline`` puts it under the same chaos as the product.
"""
