# The commands: `make run` serves the examples at http://localhost:8080/, `make test` is what CI runs.

PATH := $(HOME)/.cargo/bin:$(PATH)
export PATH

# Tests of one httpd each wait more than they compute: two a core.
WORKERS ?= $(shell echo $$(( 2 * $$(nproc) )))

.PHONY: help run test build install lint docs docs-links fuzz test-matrix bench dependencies-build

help:
	@echo "make run          build, and serve examples/ at http://localhost:8080/ (PORT=8081 for another port)"
	@echo "make test         everything that CI checks: build, lints, Rust tests, Python tests, tests with a real httpd"
	@echo "make build        target/release/libmod_python.so"
	@echo "make install      put it where httpd keeps its modules, and the command (DESTDIR, LIBEXECDIR, BINDIR, DATADIR, CONFDIR)"
	@echo "make lint         formatting and lints"
	@echo "make docs         the documentation, as pages in target/docs; make docs-links asks the links to elsewhere"
	@echo "make fuzz         five minutes of fuzzing for each parser (FUZZ_SECONDS=60 for another time)"
	@echo "make test-matrix  the same binary under several versions of Python"
	@echo "make bench        side by side with the C modules"

build:
	@scripts/install-dependencies build
	cargo build --release --locked

run:
	@scripts/install-dependencies build run
	cargo build --release --locked
	@scripts/run

test:
	@scripts/install-dependencies build test lint docs fuzz
	cargo build --release --locked
	scripts/lint
	scripts/docs
	cargo nextest run --release --locked
	scripts/fuzz all 30
	if [ -d tests/python ]; then /usr/bin/python3 -m pytest -q tests/python; fi
	/usr/bin/python3 -m pytest -q -n $(WORKERS) --dist loadgroup --ignore=tests/python tests

# Does not build: `make && sudo make install` builds as yourself.
install:
	scripts/install

lint:
	@scripts/install-dependencies build lint
	scripts/lint

docs:
	@scripts/install-dependencies docs
	@scripts/docs

docs-links:
	@scripts/install-dependencies docs
	@scripts/docs linkcheck

FUZZ_SECONDS ?= 300

fuzz:
	@scripts/install-dependencies build fuzz
	scripts/fuzz all $(FUZZ_SECONDS)

test-matrix:
	@scripts/install-dependencies build matrix
	scripts/test-matrix

bench:
	@scripts/install-dependencies build bench
	cargo build --release --locked
	benches/run
