# Wasmverse in one image: the embedded universe, its readers, the gateway and the page.
#
#   docker compose up --build        builds it and serves http://127.0.0.1:8000; see docker-compose.yml
#
# The stage `database` is another image: a PostgreSQL server that plays turns, on the published image of PostgreSQL or Citus.

ARG SERVER=postgres:15-bookworm

# ---- built with Node.js: the page and the bundled strategies

FROM node:22-slim AS node
WORKDIR /src
COPY web/package.json web/package-lock.json web/.npmrc web/
RUN npm --prefix web ci --no-audit --no-fund
COPY strategies/assemblyscript/package.json strategies/assemblyscript/package-lock.json strategies/assemblyscript/.npmrc strategies/assemblyscript/
RUN npm --prefix strategies/assemblyscript ci --no-audit --no-fund
COPY web web
RUN npm --prefix web run build
COPY strategies/assemblyscript strategies/assemblyscript
RUN npm --prefix strategies/assemblyscript run build

# ---- the Python packages: every wheel is checked by its hash; only those that the server needs are installed

FROM python:3.12-slim AS packages
WORKDIR /src
COPY requirements.lock ./
RUN pip download --no-cache-dir --only-binary=:all: --require-hashes -r requirements.lock -d /wheels
RUN pip install --no-cache-dir --no-index --find-links /wheels hatchling editables
COPY pyproject.toml README.md LICENSE ./
COPY server server
COPY strategies strategies
COPY docs/abi.md docs/client.md docs/data-dictionary.md docs/functions.md docs/mcp.md docs/query.md docs/rules-detail.md docs/
COPY --from=node /src/server/wasmverse/page server/wasmverse/page
COPY --from=node /src/server/wasmverse/bundled server/wasmverse/bundled
RUN pip wheel --no-cache-dir --no-index --no-build-isolation --no-deps -w /wheels . \
 && python -m venv /opt/wasmverse \
 && /opt/wasmverse/bin/pip install --no-cache-dir --no-index --find-links /wheels wasmverse \
 && /opt/wasmverse/bin/python -m wasmverse.rules_wasm \
      -o "$(/opt/wasmverse/bin/python -c 'import wasmverse; print(wasmverse.__path__[0])')/bundled/rules.wasm"

# ---- the image of a database server: with PL/Python, and of the package what a turn needs

FROM ${SERVER} AS database
COPY requirements.lock /src/
COPY --from=packages /wheels/wasmverse-*.whl /src/
# PL/Python runs Debian's own Python, so the packages are those for its version.
RUN apt-get update \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends postgresql-plpython3-$PG_MAJOR python3-venv \
 && rm -rf /var/lib/apt/lists/*
RUN awk '/^[a-z]/ { wanted = /^(llvmlite|numba|numpy|wasmtime)==/ } wanted' /src/requirements.lock > /src/turn.lock \
 && python3 -m venv /src/pip \
 && /src/pip/bin/pip install --no-cache-dir --no-deps --only-binary=:all: --require-hashes --target /opt/wasmverse -r /src/turn.lock \
 && /src/pip/bin/pip install --no-cache-dir --no-deps --no-index --target /opt/wasmverse /src/wasmverse-*.whl \
 && rm -rf /src \
 && install --directory --owner postgres --group postgres /var/lib/postgresql/kernels
VOLUME /var/lib/postgresql/kernels

# What the processes of the server find when they play: the package, and a folder for the kernels' machine code.
ENV PYTHONPATH=/opt/wasmverse \
    PYTHONDONTWRITEBYTECODE=1 \
    OPENBLAS_NUM_THREADS=1 \
    NUMBA_CACHE_DIR=/var/lib/postgresql/kernels

# ---- the image that runs

FROM python:3.12-slim
COPY --from=packages /opt/wasmverse /opt/wasmverse
RUN useradd --system --create-home --uid 10001 wasmverse \
 && install --directory --owner wasmverse --group wasmverse /data
USER wasmverse
WORKDIR /data
VOLUME /data

# The kernels are compiled for the processor that they run on: at the first start, in about half a minute, and kept on the
# volume. At build time they would be compiled for the build machine's processor, and numba would compile them again.
ENV PATH=/opt/wasmverse/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    NUMBA_CACHE_DIR=/data/kernels \
    WASMVERSE_DATABASE_PATH=/data/universe.duckdb \
    WASMVERSE_HOST=0.0.0.0 \
    WASMVERSE_PORT=8000

EXPOSE 8000
# /health answers 503 when turns do not advance, even if the process lives; then urlopen raises.
HEALTHCHECK --interval=10s --timeout=5s --start-period=120s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request; urllib.request.urlopen('http://127.0.0.1:' + os.environ['WASMVERSE_PORT'] + '/health', timeout=4)"]
# SIGTERM finishes the turn and closes the database.
STOPSIGNAL SIGTERM
ENTRYPOINT ["wasmverse"]
CMD ["serve"]
