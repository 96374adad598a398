# make demo [SITE=https://…]   try it: the demo shop, or another site, with Lado in front
# make test                    everything that must pass
# make bench | sites | shots   measure | real applications through Lado | pictures of every screen

SITE ?=
LISTEN ?= 127.0.0.1:7070
TARGET = $(or $(CARGO_TARGET_DIR),target)
LADO_BIN = $(abspath $(TARGET))/debug/lado
export LADO_BIN

.PHONY: demo test setup build bench sites shots

demo: build
	$(LADO_BIN) demo --listen $(LISTEN) $(addprefix --site ,$(SITE))

test: setup
	@.ci/test

setup:
	@.ci/setup

build: setup
	cargo build --bin lado

# Minutes, on a machine that does nothing else; LADO_BIN of a release build for latencies that mean something.
bench: setup
	cargo bench
	benches/instructions.sh
	cargo build --release --bin lado
	LADO_BIN=$(abspath $(TARGET))/release/lado npx playwright test --config tests/bench/config.ts

sites: build
	node tests/sites/run.mjs

shots: build
	SHOTS=$(CURDIR)/shots npx playwright test shots
