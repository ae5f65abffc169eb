# One image for every process: web, worker, beat, flower, migrations and the stand-in third party.
FROM python:3.11-slim-bookworm AS build

RUN pip install --no-cache-dir "uv==0.13.*"
WORKDIR /app
COPY pyproject.toml requirements.lock ./
# pyproject.toml says what runs, the lock which versions and with which hashes.
RUN uv venv /opt/venv \
    && VIRTUAL_ENV=/opt/venv uv pip install --no-cache --require-hashes --constraints requirements.lock \
        --extra api --extra unfold --extra traces --extra deployment -r pyproject.toml

FROM python:3.11-slim-bookworm

ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    DJANGO_SETTINGS_MODULE=syncproject.settings
RUN useradd --system --uid 10001 --no-create-home --home-dir /nonexistent app \
    && install --directory --owner app /state
COPY --from=build /opt/venv /opt/venv
WORKDIR /app
COPY . .
RUN python manage.py collectstatic --noinput
USER app
EXPOSE 8000
CMD ["gunicorn", "syncproject.wsgi", "--bind", "0.0.0.0:8000", "--workers", "2", "--threads", "8", "--no-control-socket"]
