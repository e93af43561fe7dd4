# The commands: `make run` serves the examples at http://localhost:8080/, `make test` is what CI runs.

PATH := $(HOME)/.cargo/bin:$(PATH)
export PATH

# The Python that httpd is to run, and that gets the package: make PYTHON=/opt/python/bin/python3.
ifdef PYTHON
export PYTHON
export PYO3_PYTHON := $(PYTHON)
endif

# Tests of one httpd each wait more than they compute: two a core.
WORKERS ?= $(shell echo $$(( 2 * $$(nproc) )))

.PHONY: help run test build install uninstall wheel deb rpm lint docs docs-links fuzz soak test-valgrind test-matrix test-packages bench

help:
	@echo "make run          build, and serve examples/ at http://localhost:8080/ (PORT=8081 for another port)"
	@echo "make test         everything that CI checks: build, lints, Rust tests, Python tests, tests with a real httpd"
	@echo "make build        target/release/libmod_python.so"
	@echo "make install      module, configuration, package and command (PYTHON, PREFIX, DESTDIR … : docs/install.md)"
	@echo "make uninstall    take away what make install has installed"
	@echo "make wheel        wheel and source distribution for pip, in target/dist/"
	@echo "make deb          Debian package for the Debian that this is, in target/packages/"
	@echo "make rpm          RPM package for httpd of Fedora and RHEL, in target/packages/"
	@echo "make lint         formatting and lints"
	@echo "make docs         the documentation, as pages in target/docs; make docs-links asks the links to elsewhere"
	@echo "make fuzz         five minutes of fuzzing for each parser (FUZZ_SECONDS=60 for another time)"
	@echo "make soak         ten minutes of everything at once, restarts and killed children among it (SOAK_SECONDS=60 for another time)"
	@echo "make test-valgrind  the server tests with every httpd under valgrind (hours; ARGUMENTS=\"tests/test_filter.py\" for some)"
	@echo "make test-matrix  the same binary, and its tests, under several versions of Python (PYTHONS=\"3.13 3.14\" for some)"
	@echo "make test-packages  Debian package, wheel and make install in clean Debian 12 and 13, the container (root)"
	@echo "make bench        side by side with the C modules"

build:
	@scripts/install-dependencies build
	cargo build --release --locked

run:
	@scripts/install-dependencies build run
	cargo build --release --locked
	@scripts/run

# The last line says so where it cannot run: it needs root, and a machine that allows mount and chroot.
test:
	@scripts/install-dependencies build test lint docs fuzz valgrind matrix wheel
	cargo build --release --locked
	scripts/lint
	scripts/docs
	cargo nextest run --release --locked
	scripts/fuzz all 30
	if [ -d tests/python ]; then /usr/bin/python3 -m pytest -q tests/python; fi
	/usr/bin/python3 -m pytest -q -n $(WORKERS) --dist loadgroup --ignore=tests/python tests
	scripts/test-valgrind --core --workers $(WORKERS)
	scripts/test-matrix --pythons 3.13 --core --workers $(WORKERS) || [ $$? = 3 ]

# Does not build: `make && sudo make install` builds as yourself.
install:
	scripts/install

uninstall:
	scripts/install --remove

wheel:
	@scripts/install-dependencies build wheel
	scripts/wheel

deb:
	@scripts/install-dependencies build deb
	scripts/deb

rpm:
	@scripts/install-dependencies build rpm
	scripts/rpm

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

soak:
	@scripts/install-dependencies build test
	cargo build --release --locked
	PYTHONPATH=tests /usr/bin/python3 -m soak

test-valgrind:
	@scripts/install-dependencies build test valgrind
	cargo build --release --locked
	scripts/test-valgrind $(ARGUMENTS)

PYTHONS ?= 3.11 3.13 3.14 3.15

test-matrix:
	@scripts/install-dependencies build matrix
	scripts/test-matrix --pythons "$(PYTHONS)" --workers $(WORKERS)

test-packages:
	@scripts/install-dependencies build packages wheel deb rpm
	scripts/test-packages

bench:
	@scripts/install-dependencies build bench
	cargo build --release --locked
	benches/run
