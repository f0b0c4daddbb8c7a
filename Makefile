# `make` lists the targets. Each builds on cargo alone; CARGO_FLAGS adds to every cargo command that resolves dependencies.

CARGO ?= cargo
CARGO_FLAGS ?=

.DEFAULT_GOAL := help
.PHONY: help setup build demo test test-slow test-browser lint gate bench release clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## install what the build needs (protoc), or say how
	@.ci/setup

build: setup ## build the command (debug)
	$(CARGO) build $(CARGO_FLAGS)

demo: setup ## build the command and run the whole loop on the bundled seeds
	$(CARGO) run $(CARGO_FLAGS) --bin mmevol -- demo

test: setup ## run all tests: unit, integration, documentation, and the examples
	@if $(CARGO) nextest --version > /dev/null 2>&1; then runner="nextest run --no-fail-fast"; else runner="test --tests --no-fail-fast"; fi; \
	echo $(CARGO) $$runner $(CARGO_FLAGS); $(CARGO) $$runner $(CARGO_FLAGS)
	$(CARGO) test $(CARGO_FLAGS) --doc
	@for example in examples/*.rs; do name=$$(basename $$example .rs); \
	echo $(CARGO) run --example $$name; $(CARGO) run --quiet $(CARGO_FLAGS) --example $$name || exit; done

test-slow: setup ## run the tests that take minutes: the README's tour, kills and failing disks at every point (MMEVOL_TEST_SEED repeats one)
	@if $(CARGO) nextest --version > /dev/null 2>&1; then runner="nextest run --run-ignored only"; else runner="test --tests"; ignored="-- --ignored"; fi; \
	echo $(CARGO) $$runner $(CARGO_FLAGS) $$ignored; $(CARGO) $$runner $(CARGO_FLAGS) $$ignored

test-browser: build ## look at the report in chromium, wide and narrow, light, dark and printed (needs chromium and chromedriver)
	@folder=$$(mktemp -d); trap 'rm -rf "$$folder"' EXIT; command="$${CARGO_TARGET_DIR:-target}/debug/mmevol"; pages=$$folder/photos.html; \
	export MMEVOL_STORE=$$folder/photos; $$command demo > /dev/null 2>&1 && $$command audit sample -o $$folder/drawn.jsonl || exit; \
	sed 's/"improved":""/"improved":"yes"/; s/"correct":""/"correct":"no"/' $$folder/drawn.jsonl > $$folder/filled.jsonl; \
	$$command audit import $$folder/filled.jsonl && $$command report -o $$pages || exit; \
	export MMEVOL_STORE=$$folder/rounds; $$command import tests/data/report/many_rounds.json --allow-missing-images || exit; \
	$$command report -o $$folder/rounds.html || exit; pages="$$pages $$folder/rounds.html"; \
	history=../shared/data/mmevol_demo/history.json; if [ -f $$history ]; then export MMEVOL_STORE=$$folder/history; \
	$$command import $$history --allow-missing-images && $$command report -o $$folder/history.html || exit; pages="$$pages $$folder/history.html"; fi; \
	tests/browser/report.py $$pages

gate: setup ## what every change must pass before its tests: format, clippy, documentation
	@{ $(CARGO) fmt --version && $(CARGO) clippy --version; } > /dev/null 2>&1 || rustup component add rustfmt clippy
	$(CARGO) fmt --check
	$(CARGO) clippy $(CARGO_FLAGS) --all-targets -- -D warnings
	RUSTDOCFLAGS=-Dwarnings $(CARGO) doc $(CARGO_FLAGS) --no-deps

lint: gate ## the gate, unused dependencies, licences and sources
	@command -v cargo-machete > /dev/null || $(CARGO) install --locked cargo-machete
	@command -v cargo-deny > /dev/null || $(CARGO) install --locked cargo-deny
	$(CARGO) machete
	$(CARGO) deny check --hide-inclusion-graph bans licenses sources

bench: setup ## run the benchmarks
	$(CARGO) bench $(CARGO_FLAGS)

release: setup ## build the optimised command
	$(CARGO) build $(CARGO_FLAGS) --release

clean: ## remove everything built
	$(CARGO) clean
