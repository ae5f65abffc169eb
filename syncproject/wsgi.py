"""The web application: ``gunicorn syncproject.wsgi``. Refuses to start where writes would go unrecorded."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "syncproject.settings")
application = get_wsgi_application()

from syncproject import traces  # noqa: E402  # logs as the application set up above does
from thirdparty.capture.triggers import require_in_place  # noqa: E402  # needs it set up

require_in_place()
traces.set_up()
