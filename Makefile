# make run      sets up what is missing, builds, and runs a hub on this machine: make run ARGS="--listen 127.0.0.1:9000"
# make test     sets up what is missing and runs all tests
# make test-bert  sets up libtorch (540 MB to download) and tests the transformers of the feature `bert`
# make check    formatting, lints, licences, unused dependencies, docs, dependency directions, .sqlx, deployment files
# make fuzz-api asks a running hub everything its OpenAPI document allows, and more; no answer may be a 5xx
# make fuzz-channels  100,000 broken bodies of every kind of channel: no panic, nothing unbounded, no memory growth
# make chaos    200,000 messages, then a campaign to 200,000, while workers and servers are killed: nothing lost or doubled
# make bench    throughput and latency through the real interface, on this machine
# make models   trains the models that come with tidings, where the public data is at hand
# make clean    removes what was built and the hub's folder .tidings with all its data

CARGO ?= cargo
ARGS ?=
export PATH := $(CURDIR)/.tidings/tools/bin:$(PATH)

.DEFAULT_GOAL := help
.PHONY: help setup build run test test-parts test-bert check fuzz-api fuzz-channels chaos bench models clean

help:
	@sed -n 's/^# \(make\)/\1/p' Makefile

setup:
	@scripts/setup

build: setup
	$(CARGO) build --release --locked

run: build
	@target/release/tidings up $(ARGS)

test:
	@scripts/setup --dev
	$(CARGO) test --workspace --locked

# The same tests, part by part, each with its time: for finding what is slow.
test-parts:
	@scripts/setup --dev
	@scripts/test-parts

# The feature is off by default and not part of `make test`: see docs/inference.md.
test-bert:
	@scripts/setup-bert
	scripts/with-libtorch $(CARGO) test --package inference --features bert --locked

check:
	@scripts/setup --check
	@scripts/check

fuzz-api: build
	@scripts/setup --fuzz
	@scripts/fuzz-api $(ARGS)

# With debug assertions and overflow checks, so not as a release.
fuzz-channels:
	@scripts/setup --dev
	TIDINGS_MUTATIONS=$${TIDINGS_MUTATIONS:-100000} $(CARGO) test --locked --test channel no_body -- --nocapture

chaos: build
	target/release/tidings bench chaos --broker $(ARGS)
	target/release/tidings bench campaign --recipients 200000 --kill-every 3

bench: build
	target/release/tidings bench inbound --max $(ARGS)
	target/release/tidings bench ingest-nats --max $(ARGS)
	target/release/tidings bench outbound --max $(ARGS)
	target/release/tidings bench campaign --recipients 200000 --pauses 5
	target/release/tidings bench understand

models: build
	@scripts/models $(ARGS)

# A hub that runs is left alone: its lock is held.
clean:
	@scripts/clean
	$(CARGO) clean
