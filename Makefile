# `make demo` shows the programs at work on a built-in sample host; `make test` installs what the tests need and passes
# them all. The rest is for whoever changes the code: see CONTRIBUTING.md.

CARGO ?= cargo
DEMO := target/demo-host
SCENARIO := fixtures/scenarios/teaching-lab-at-noon.yaml

PACKAGE := config/deploy/package
SCRIPTS := $(addprefix config/deploy/,install.sh check-daemon-reload units purge-state) fixtures/install-test-deps.sh \
	$(addprefix $(PACKAGE)/,tools programs licenses build inspect reproduce) \
	$(addprefix $(PACKAGE)/scripts/,before after before-removal after-removal) \
	$(addprefix config/notify.d/,mail webhook) config/profile.d/ds01-notices.sh \
	fixtures/fuzz/run

.PHONY: demo test test-deps test-system test-gpu lint bench trial trial-fleet fuzz soak deb rpm packages inspect \
	reproducible clean

demo:
	@echo 'Building the three programs: about a minute the first time.'
	$(CARGO) build --locked --package ds01-detect --package ds01-workloads --package ds01-idle
	@rm -rf $(DEMO) && mkdir -m 750 $(DEMO)
	@echo
	@echo 'A scan of the built-in sample host: what the systemd timer runs every 30 seconds.'
	target/debug/ds01-detect --scenario $(SCENARIO) --state-dir $(DEMO) --events-file $(DEMO)/events.jsonl
	@echo
	@echo 'What runs on it, whose it is, and which GPUs it holds:'
	target/debug/ds01-workloads --state-dir $(DEMO)
	@echo
	@echo 'Which GPU containers are idle, and what happens to them next:'
	target/debug/ds01-idle status --demo
	@echo
	@echo "Next: 'target/debug/ds01-idle explain jupyter-204817 --demo' explains one row; README.md says how to install ds01."

# Tests that need Docker share one private daemon, which goes away with them.
test:
	@echo "make test: installs Debian's docker.io, podman, busybox-static, time, zstd, chromium, prometheus,"
	@echo 'prometheus-node-exporter, openssh-server and openssl where they are missing (as root),'
	@echo 'builds the workspace, starts a private Docker daemon, runs every test suite on it, and removes the daemon again.'
	@sh fixtures/install-test-deps.sh
	$(CARGO) build --locked --package docker-rig
	DS01_REQUIRE_RIG=1 target/debug/docker-rig run -- $(CARGO) test --locked --workspace --no-fail-fast
	@echo
	@echo "All tests passed. Next: 'make lint' checks format, lints and docs; 'make test-system' tries the package on booted Debians."

# Both packages inspected, and tried on clean Debians that systemd boots in containers, side by side: about fifteen minutes.
test-system:
	sh fixtures/install-test-deps.sh system
	shellcheck $(SCRIPTS)
	$(MAKE) --no-print-directory inspect
	$(CARGO) build --quiet --locked --package system-test
	target/debug/system-test target/release target/package

# A trial on a real NVIDIA GPU, for whoever has one: fixtures/gpu-trial/README.md. Seven to eight minutes.
test-gpu:
	$(CARGO) build --quiet --locked --package gpu-trial --package docker-rig
	target/debug/gpu-trial

test-deps:
	sh fixtures/install-test-deps.sh

lint:
	$(CARGO) fmt --all --check
	@# The engine of the fuzzing has a lock file of its own, which has to follow.
	$(CARGO) update --quiet --locked --workspace --manifest-path fixtures/fuzz/engine/Cargo.toml
	$(CARGO) clippy --locked --workspace --all-targets --all-features -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --locked --workspace --no-deps --all-features

# One daemon for each: what is measured depends on how many containers it has.
bench: test-deps
	$(CARGO) build --quiet --locked --package docker-rig
	$(CARGO) bench --quiet --locked --no-run --package ds01-detect --bench scan --bench sample --package ds01-workloads --bench view \
		--package ds01-workloads --bench fleet --package ds01-idle --bench check --bench replay
	$(CARGO) bench --quiet --locked --package ds01-workloads --bench fleet
	target/debug/docker-rig run -- $(CARGO) bench --quiet --locked --package ds01-detect --bench scan
	$(CARGO) bench --quiet --locked --package ds01-detect --bench sample
	target/debug/docker-rig run -- $(CARGO) bench --quiet --locked --package ds01-workloads --bench view
	target/debug/docker-rig run -- $(CARGO) bench --quiet --locked --package ds01-idle --bench check
	$(CARGO) bench --quiet --locked --package ds01-idle --bench replay

# All days of the false-stop trials, 10,000 of each kind, of which CI runs a smaller part; a whole month of which all is known, for
# ledger and replay; a roll-up that is killed 200 times; and what the replay of a month takes. About fifty minutes.
trial:
	DS01_TRIAL_DAYS=10000 $(CARGO) test --locked --release --package ds01-core --all-features --test false_stops -- --nocapture
	DS01_PAST_DAYS=30 $(CARGO) test --locked --release --package ds01-core --all-features --test past -- --nocapture
	DS01_KILLS=200 $(CARGO) test --locked --package ds01-detect --test roll_up killed -- --nocapture
	DS01_REPLAY_DAYS=30 $(CARGO) bench --quiet --locked --package ds01-idle --bench replay

# The whole fleet: 200 simulated hosts on a real Prometheus, in debug and as shipped, of which CI tries 40.
trial-fleet: test-deps
	DS01_FLEET_HOSTS=200 $(CARGO) test --locked --package ds01-workloads --test program fleet -- --nocapture
	$(CARGO) bench --quiet --locked --package ds01-workloads --bench fleet

# Every parser with bytes that nobody writes: a minute each, FUZZ_SECONDS=3600 for longer. fixtures/fuzz/README.md. It takes
# g++ besides what the build takes.
fuzz:
	fixtures/fuzz/run

# An hour of churn and trouble with all programs at work; SOAK_SECONDS=600 for ten minutes. fixtures/soak/README.md. It takes root.
soak: test-deps
	$(CARGO) build --quiet --locked --release --package ds01-detect --package ds01-workloads --package ds01-idle
	$(CARGO) build --quiet --locked --package soak
	target/debug/soak --programs target/release

# Both packages are made of the same tree, in target/package: docs/packages.md. The Debian package takes dpkg-dev.
deb rpm:
	$(PACKAGE)/programs
	@rm -f target/package/*.$@
	$(PACKAGE)/build $@

packages:
	$(PACKAGE)/programs
	@rm -f target/package/*.deb target/package/*.rpm
	$(PACKAGE)/build

inspect: packages
	$(PACKAGE)/inspect target/package/ds01_*.deb target/package/ds01-*.rpm

reproducible: packages
	$(PACKAGE)/reproduce

clean:
	$(CARGO) clean
