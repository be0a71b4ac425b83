# The collector with Meltano, the loader and dbt installed: nothing is downloaded when it starts, nothing but /data is
# written, and no user but 10001 is needed. Layers go from what changes rarely to what changes often.

# To pin by digest as well: --build-arg PYTHON_IMAGE=python:3.13.9-slim-trixie@sha256:...
ARG PYTHON_IMAGE=python:3.13.9-slim-trixie

FROM ${PYTHON_IMAGE} AS build
ENV UV_CACHE_DIR=/var/cache/uv \
    UV_COMPILE_BYTECODE=1 \
    UV_LINK_MODE=copy \
    UV_PYTHON_DOWNLOADS=never \
    PATH=/app/.venv/bin:$PATH
WORKDIR /app
COPY constraints.txt ./
RUN python -m venv .venv \
    && python -m pip install --no-cache-dir --disable-pip-version-check --constraint constraints.txt uv

# The packages are installed as links to folders, which are still empty here: a change in code leaves all of this, and its
# downloads, as it is.
COPY tap-oura/pyproject.toml tap-oura/
COPY collector/pyproject.toml collector/
RUN --mount=type=cache,target=/var/cache/uv \
    mkdir tap-oura/tap_oura collector/oura_collector \
    && touch tap-oura/README.md tap-oura/tap_oura/__init__.py collector/README.md collector/oura_collector/__init__.py \
    && uv pip install --constraint constraints.txt --editable 'tap-oura[aws]' --editable collector

# Meltano writes the configuration of a run beside the plugins, which are read-only here: its run folder is the volume.
COPY meltano.yml ./
RUN --mount=type=cache,target=/var/cache/uv \
    meltano --log-level warning install \
    && rm -rf .meltano/run .meltano/logs .meltano/cache .meltano/meltano.db .meltano/analytics.json \
    && ln -s /data .meltano/run \
    && uv pip uninstall uv pip


FROM ${PYTHON_IMAGE}
# curl, psql and pg_isready are for the operator, by `kubectl exec`; tini collects the processes that Meltano leaves.
# Debian keeps no older versions of a package, so pinning them would break the build with each security fix.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates curl postgresql-client tini \
    && rm -rf /var/lib/apt/lists/* \
    && groupadd --gid 10001 oura \
    && useradd --uid 10001 --gid 10001 --home-dir /data --no-create-home --shell /usr/sbin/nologin oura \
    && install --directory --owner=10001 --group=10001 --mode=0700 /data

WORKDIR /app
COPY --from=build /app/.meltano .meltano
COPY --from=build /app/.venv .venv
COPY collect.py constraints.txt meltano.yml ./
COPY tap-oura tap-oura
COPY collector collector
COPY transform transform
COPY docs/data-dictionary.md docs/
RUN python -m compileall -q collector tap-oura

ENV PATH=/app/.venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    DATA_DIR=/data \
    HOME=/data \
    TMPDIR=/data \
    DBT_TARGET_PATH=/data/dbt/target \
    DBT_LOG_PATH=/data/dbt/logs \
    LISTEN_HOST=0.0.0.0 \
    LOG_FORMAT=json \
    MELTANO_AUTO_INSTALL=false \
    MELTANO_PROJECT_READONLY=true

ARG VERSION=0.1.0
LABEL org.opencontainers.image.title="oura-collector" \
      org.opencontainers.image.description="Collects everything Oura knows about its wearer into PostgreSQL" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.licenses="MIT"

USER 10001:10001
VOLUME /data
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s \
    CMD ["sh", "-c", "curl --fail --silent --output /dev/null http://localhost:${PORT:-8080}/health/live"]
ENTRYPOINT ["tini", "--", "python", "/app/collect.py"]
CMD ["serve"]
