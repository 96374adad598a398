# make demo [SITE=https://…]   try it: the demo shop, or another site, with Lado in front
# make test                    everything that must pass
# make bench | sites | shots   measure | real applications through Lado | pictures of every screen
# make mutants                 break the mask on purpose, and see that the leak harness notices

SITE ?=
LISTEN ?= 127.0.0.1:7070
TARGET = $(or $(CARGO_TARGET_DIR),target)
LADO_BIN = $(abspath $(TARGET))/debug/lado
export LADO_BIN

.PHONY: demo test setup browser build mutants bench sites shots

demo: build
	$(LADO_BIN) demo --listen $(LISTEN) $(addprefix --site ,$(SITE))

test: browser
	@.ci/test

setup:
	@.ci/setup

browser:
	@.ci/setup test

build: setup
	cargo build --bin lado

mutants: browser
	node tests/mutants/run.mjs

# Minutes, on a machine that does nothing else; LADO_BIN of a release build for latencies that mean something.
bench:
	@.ci/setup bench
	cargo bench
	benches/instructions.sh
	cargo build --release --bin lado
	LADO_BIN=$(abspath $(TARGET))/release/lado npx playwright test --config tests/bench/config.ts
	LADO_BIN=$(abspath $(TARGET))/release/lado node tests/bench/front.mjs
	LADO_BIN=$(abspath $(TARGET))/release/lado node tests/bench/secure.mjs
	LADO_BIN=$(abspath $(TARGET))/release/lado node tests/bench/trickle.mjs

sites: browser build
	node tests/sites/run.mjs

shots: browser build
	SHOTS=$(CURDIR)/shots npx playwright test shots
