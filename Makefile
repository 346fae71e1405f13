# `make demo` shows the programs at work on a built-in sample host; `make test` installs what the tests need and passes
# them all. The rest is for whoever changes the code: see CONTRIBUTING.md.

CARGO ?= cargo
DEMO := target/demo
SCENARIO := fixtures/scenarios/teaching-lab-at-noon.yaml

SCRIPTS := config/deploy/install.sh config/deploy/check-daemon-reload fixtures/install-test-deps.sh \
	$(addprefix config/deploy/debian/,build preinst postinst prerm postrm)

.PHONY: demo test test-deps test-system lint bench deb clean

demo:
	$(CARGO) build --quiet --locked --release --package ds01-detect --package ds01-workloads --package ds01-idle
	rm -rf $(DEMO) && mkdir -m 750 $(DEMO)
	target/release/ds01-detect --scenario $(SCENARIO) --state-dir $(DEMO) --events-file $(DEMO)/events.jsonl
	target/release/ds01-workloads --state-dir $(DEMO)
	target/release/ds01-idle status --demo

# Tests that need Docker share one private daemon, which goes away with them.
test: test-deps
	$(CARGO) build --quiet --locked --package docker-rig
	DS01_REQUIRE_RIG=1 target/debug/docker-rig run -- $(CARGO) test --locked --workspace

# The package on a clean Debian that systemd boots in a container: about eight minutes.
test-system:
	sh fixtures/install-test-deps.sh system
	shellcheck $(SCRIPTS)
	$(MAKE) --no-print-directory deb
	$(CARGO) build --quiet --locked --package system-test
	target/debug/system-test target/release

test-deps:
	sh fixtures/install-test-deps.sh

lint:
	$(CARGO) fmt --all --check
	$(CARGO) clippy --locked --workspace --all-targets --all-features -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --locked --workspace --no-deps --all-features

# One daemon for each: what is measured depends on how many containers it has.
bench: test-deps
	$(CARGO) build --quiet --locked --package docker-rig
	$(CARGO) bench --quiet --locked --no-run --package ds01-detect --bench scan --package ds01-workloads --bench view \
		--package ds01-idle --bench check
	target/debug/docker-rig run -- $(CARGO) bench --quiet --locked --package ds01-detect --bench scan
	target/debug/docker-rig run -- $(CARGO) bench --quiet --locked --package ds01-workloads --bench view
	target/debug/docker-rig run -- $(CARGO) bench --quiet --locked --package ds01-idle --bench check

# target/debian/ds01_VERSION_ARCHITECTURE.deb; takes the Debian package dpkg-dev.
deb:
	$(CARGO) build --quiet --locked --release --package ds01-detect --package ds01-workloads --package ds01-idle
	config/deploy/debian/build

clean:
	$(CARGO) clean
