.PHONY: help bootstrap build run install package test check conformance fuzz soak faults bench bench-dialects microbench quality format clean

help:
	@echo "make run     build for release and start the gateway (PORT=3000; room server inside unless LIVEKIT_URL is set)"
	@echo "make install  puts the built gateway, its systemd unit and its settings in place (DESTDIR= PREFIX=/usr/local)"
	@echo "make package  a Debian package of it in .build/package"
	@echo "make test    everything: packages, build, format, unit tests, interop tests"
	@echo "make check   build, format and unit tests only"
	@echo "make conformance  WebSocket server and client against the Autobahn test suite (ARGUMENTS=\"--cases 6.4 --verbose\")"
	@echo "make fuzz    feeds every codec with inputs of libFuzzer's making, each for DURATION=60 seconds; see docs/fuzzing.md"
	@echo "make soak    20 calls at once for two minutes, then a count of what is left over (CALLERS=20 DURATION=120)"
	@echo "make faults  what calls lose while networks fail, beside an official SDK (root; ARGUMENTS=\"--livekit PATH\")"
	@echo "make bench   CPU, memory and delays of gateway and libopus side by side, against the goals (QUICK=1, ARGUMENTS=\"--help\")"
	@echo "make bench-dialects  CPU of a session in each dialect, beside one of raw PCM (ARGUMENTS=\"--rooms 5 --seconds 15\")"
	@echo "make microbench  instructions and allocations of each core, against Benchmarks/Micro/thresholds.json (needs valgrind)"
	@echo "make quality  what Opus sounds like at several operating points, by PESQ and a recogniser (ARGUMENTS=\"--only words\")"
	@echo "make format  write the house format into the sources"

# Programs for release have Swift's runtime inside: they run where no Swift is, and what is tested is what is packaged.
RELEASE = swift build -c release --static-swift-stdlib --product

bootstrap:
	@scripts/bootstrap

build: bootstrap
	$(RELEASE) VoiceGateway

run: build
	@exec .build/release/VoiceGateway serve

# Does not build, so that root runs no compiler.
install:
	@DESTDIR="$(DESTDIR)" PREFIX="$(or $(PREFIX),/usr/local)" scripts/install-files

package: build
	@scripts/package

test:
	@scripts/test

check: bootstrap
	swift build --build-tests
	swift format lint --strict --recursive --parallel Sources Tests Fuzz Package.swift
	swift test --skip-build --disable-xctest

conformance:
	@scripts/websocket-conformance $(ARGUMENTS)

fuzz: bootstrap
	@DURATION=$(or $(DURATION),60) scripts/fuzz $(TARGETS)

soak:
	@scripts/bootstrap --tests
	$(RELEASE) VoiceGateway
	.venv/bin/python Tests/Interop/soak.py $(or $(CALLERS),20) $(or $(DURATION),120)

faults:
	@scripts/bootstrap --tests
	$(RELEASE) VoiceGateway
	.venv/bin/python Tests/Interop/faults.py $(ARGUMENTS)

# QUICK=1 takes a minute; ARGUMENTS="--baseline python", "--room-url ws://…", "--knee", …: see docs/benchmark.md.
bench: bootstrap
	BENCH=1 $(RELEASE) VoiceGateway
	BENCH=1 $(RELEASE) OpusAlone
	BENCH=1 $(RELEASE) BareRelay
	@python3 Benchmarks/bench.py $(if $(QUICK),--quick) $(ARGUMENTS)

# ARGUMENTS="--only /twilio", "--rooms 5", "--seconds 15".
bench-dialects: build
	@scripts/bootstrap --tests
	@.venv/bin/python Benchmarks/dialects.py $(ARGUMENTS)

# ARGUMENTS="--update" writes new thresholds, "--time" leaves callgrind out, a name measures what begins so.
microbench:
	@command -v valgrind >/dev/null || { echo "valgrind is missing: apt-get install valgrind" >&2; exit 1; }
	MICROBENCH=1 swift build -c release --product MicroBenchmarks
	@.build/release/MicroBenchmarks $(ARGUMENTS)

# ARGUMENTS="--only points", "--only losses", "--only words", "--rates 16000".
quality:
	@scripts/quality $(ARGUMENTS)

format:
	swift format --in-place --recursive --parallel Sources Tests Fuzz Package.swift

clean:
	rm -rf .build
