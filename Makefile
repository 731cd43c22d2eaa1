# make run     set everything up and serve http://127.0.0.1:8000
# make test    set everything up and run every check and test
# make setup   only set up; the command line is then .venv/bin/wasmverse
# make develop   set up what tests, checks and benchmarks need besides; `make test` and `make lint` do it
# make languages   install the compilers of all languages in strategies/; `make test` and `make bench` do it, nothing else needs it
# make bench   measure turns and queries, and write docs/benchmarks
# make test-postgres   only the tests of universes in PostgreSQL, on servers of their own; `make test` has them too
# make test-long   the kernels against the oracle over 10,000 random turns, 200,000 ships killed 30 times, PostgreSQL killed
#                  50 times, the page over an hour of turns, and each generator of hostile input for an hour
# make pictures   take the pictures of README.md and docs/ again, and a clip of ten seconds, from a real universe
# make attack      only the generators of hostile input: ATTACK_SECONDS each (3600), from the numbers of ATTACK_SEED (1)
#
# Everything is made once, and again only when what it is made from has changed.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
TOOLCHAINS := .toolchains
ASSEMBLYSCRIPT := strategies/assemblyscript
TYPESCRIPT := strategies/typescript
PACKAGE := server/wasmverse
ATTACK_SECONDS ?= 3600
ATTACK_SEED ?= 1

.PHONY: pictures run develop test test-postgres test-long attack setup languages bench check lint clean tools
.DEFAULT_GOAL := setup

setup: $(VENV)/installed $(PACKAGE)/bundled/built $(PACKAGE)/bundled/rules.wasm $(PACKAGE)/page/index.html

run: setup
	@$(BIN)/wasmverse serve

develop: setup $(VENV)/developed

# ---- tools of the machine

tools:
	@tools/check-tools $(PYTHON)

# ---- the Python package and its locked dependencies

$(VENV)/bin/python: | tools
	@echo "==> virtual environment in $(VENV)"
	@$(PYTHON) -m venv $(VENV)

$(VENV)/installed: requirements.lock pyproject.toml | $(VENV)/bin/python
	@echo "==> Python packages (requirements.lock)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps -e .
	@touch $@

# What tests, checks and benchmarks need besides; `make run` does without.
$(VENV)/developed: requirements-dev.lock $(VENV)/installed
	@echo "==> Python packages for tests (requirements-dev.lock)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@

# ---- the bundled strategies

$(ASSEMBLYSCRIPT)/node_modules/installed: $(ASSEMBLYSCRIPT)/package-lock.json | tools
	@echo "==> AssemblyScript compiler"
	@npm --prefix $(ASSEMBLYSCRIPT) ci --silent --no-audit --no-fund
	@touch $@

$(PACKAGE)/bundled/built: $(ASSEMBLYSCRIPT)/node_modules/installed $(wildcard $(ASSEMBLYSCRIPT)/*.ts $(ASSEMBLYSCRIPT)/*.mjs $(ASSEMBLYSCRIPT)/*.json $(ASSEMBLYSCRIPT)/lib/*.ts)
	@echo "==> bundled strategies"
	@npm --prefix $(ASSEMBLYSCRIPT) run build --silent
	@touch $@

# ---- the rules of a turn as a module, for duels in the page

$(PACKAGE)/bundled/rules.wasm: $(VENV)/installed $(wildcard $(addprefix $(PACKAGE)/,rules_wasm/*.py typed_python/*.py universe/*.py))
	@echo "==> the rules as a module"
	@$(BIN)/python -m wasmverse.rules_wasm -o $@

# ---- compilers of the other languages: from PyPI and npm into folders of their own, and Debian's

languages: $(TOOLCHAINS)/installed $(TYPESCRIPT)/node_modules/installed $(TOOLCHAINS)/engines/quickjs.wasm \
	$(TOOLCHAINS)/engines/lua.wasm $(TOOLCHAINS)/sentiment/fetched $(TOOLCHAINS)/spec/fetched
	@tools/need-compilers $(PYTHON)

$(TOOLCHAINS)/installed: strategies/toolchains.lock | tools
	@echo "==> compilers from PyPI (strategies/toolchains.lock)"
	@$(PYTHON) -m venv $(TOOLCHAINS)
	@$(TOOLCHAINS)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r strategies/toolchains.lock
	@touch $@

$(TYPESCRIPT)/node_modules/installed: $(TYPESCRIPT)/package-lock.json | tools
	@echo "==> TypeScript compiler"
	@npm --prefix $(TYPESCRIPT) ci --silent --no-audit --no-fund
	@touch $@

# ---- the WebAssembly specification's own tests, from a source package of Debian

$(TOOLCHAINS)/spec/fetched: tools/fetch-spec-tests | $(TOOLCHAINS)/installed
	@echo "==> the specification's tests"
	@rm -rf $(@D)
	@tools/fetch-spec-tests $(@D)
	@touch $@

# ---- the lexicon of functions/sentiment, and the texts that it is tested with

$(TOOLCHAINS)/sentiment/fetched: functions/sentiment/sources.lock | $(TOOLCHAINS)/installed
	@echo "==> lexicon and texts (functions/sentiment/sources.lock)"
	@rm -rf $(@D) && mkdir -p $(@D)
	@$(TOOLCHAINS)/bin/python -m pip download --quiet --disable-pip-version-check --no-deps --no-binary :all: --no-build-isolation \
		--require-hashes -r functions/sentiment/sources.lock -d $(@D)
	@tar -xzf $(@D)/vaderSentiment-*.tar.gz -C $(@D) --strip-components 1
	@tar -xzf $(@D)/additional_resources/*.tar.gz -C $(@D) --strip-components 1
	@touch $@

$(TOOLCHAINS)/engines/quickjs.wasm: strategies/engines/quickjs.c strategies/engines/sources.lock tools/build-quickjs $(TOOLCHAINS)/installed
	@echo "==> QuickJS, the engine of strategies in JavaScript"
	@tools/build-quickjs $(TOOLCHAINS)

$(TOOLCHAINS)/engines/lua.wasm: $(addprefix strategies/engines/,lua.c lua_errors.h lua_sources.lock) tools/build-lua \
		$(TOOLCHAINS)/installed $(ASSEMBLYSCRIPT)/node_modules/installed
	@echo "==> Lua, the engine of strategies in Lua"
	@tools/build-lua $(TOOLCHAINS) $(ASSEMBLYSCRIPT)/node_modules/.bin/wasm-opt

# ---- the page

web/node_modules/installed: web/package-lock.json | tools
	@echo "==> packages of the page"
	@npm --prefix web ci --silent --no-audit --no-fund
	@touch $@

$(PACKAGE)/page/index.html: web/node_modules/installed web/index.html web/vite.config.ts \
		$(wildcard $(ASSEMBLYSCRIPT)/*.ts $(ASSEMBLYSCRIPT)/*.mjs $(ASSEMBLYSCRIPT)/*.json $(ASSEMBLYSCRIPT)/lib/*.ts) \
		$(shell find web/src web/public -type f 2>/dev/null)
	@echo "==> the page"
	@npm --prefix web run build --silent -- --logLevel warn
	@touch $@

# ---- checks and tests

test: develop languages
	@tools/need-chromium
	@tools/need-postgres
	@tools/need-proxies
	@$(BIN)/python tools/run-tests

test-postgres: develop
	@tools/need-postgres
	@$(BIN)/python -m pytest -n auto --dist worksteal tests/postgres

attack: develop
	@WASMVERSE_TEST_ATTACK_SECONDS=$(ATTACK_SECONDS) WASMVERSE_TEST_ATTACK_SEED=$(ATTACK_SEED) \
		$(BIN)/python -m pytest -n auto --dist worksteal tests/attack

test-long: develop attack
	@echo "==> kernels against the oracle: 500 random universes, 20 turns each"
	@WASMVERSE_TEST_UNIVERSES=500 $(BIN)/python -m pytest -n auto --dist worksteal tests/universe
	@echo "==> the package on every Python that is here"
	@WASMVERSE_TEST_PYTHONS=all $(BIN)/python -m pytest tests/test_packages.py
	@echo "==> kill -9, 30 times, with 200,000 ships"
	@WASMVERSE_TEST_CROWD_SYSTEMS=6250 WASMVERSE_TEST_CROWD_KILLS=30 $(BIN)/python -m pytest tests/processes/test_kill.py
	@tools/need-postgres
	@echo "==> PostgreSQL and its gateways: 50 random kills, 10 s of standing still, 1,000 turns"
	@WASMVERSE_TEST_POSTGRES_KILLS=50 WASMVERSE_TEST_POSTGRES_STILL_SECONDS=10 WASMVERSE_TEST_POSTGRES_TURNS=1000 \
		$(BIN)/python -m pytest tests/postgres/test_faults.py tests/postgres/test_heap.py tests/postgres/test_gateways.py
	@tools/need-chromium
	@echo "==> the page over an hour of turns, played fast"
	@WASMVERSE_TEST_LEAK_TURNS=3600 $(BIN)/python -m pytest -s tests/e2e/test_long_visit.py

bench: develop languages $(TOOLCHAINS)/clickhouse/installed
	@tools/need-postgres
	@$(BIN)/python -m tests.bench

$(TOOLCHAINS)/clickhouse/installed: tests/bench/clickhouse.lock | tools
	@echo "==> ClickHouse, to be measured beside (tests/bench/clickhouse.lock)"
	@rm -rf $(@D) && $(PYTHON) -m venv $(@D)
	@$(@D)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r tests/bench/clickhouse.lock
	@touch $@

lint: develop
	@$(BIN)/ruff check --fix server tests strategies functions
	@$(BIN)/ruff format server tests strategies functions

pictures: setup $(VENV)/developed
	@tools/need-chromium
	@$(BIN)/python tools/take-pictures

clean:
	rm -rf $(VENV) $(TOOLCHAINS) $(PACKAGE)/bundled $(PACKAGE)/page web/node_modules $(ASSEMBLYSCRIPT)/node_modules $(ASSEMBLYSCRIPT)/build $(TYPESCRIPT)/node_modules .cache
