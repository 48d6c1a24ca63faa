# Thin over meson and ninja: each target sets up a build folder below build/ and says what runs in it.
PREFIX ?= /usr/local
DESTDIR ?=
B := build
PYTHON ?= python3
VM_SECONDS ?= 7200

# What people install: -O2 (not release's -O3), link-time optimisation, position independent.
RELEASE := -Dbuildtype=release -Doptimization=2 -Ddebug=false -Db_lto=true -Db_pie=true -Dtests=false
# Sanitizers make frames larger, and gcc sees null formats where there are none.
STRICT := -Dbuildtype=debug -Doptimization=1 -Dwerror=true "-Dc_args=['-Wno-format-truncation','-Wno-frame-larger-than']"
ASAN := $(STRICT) -Db_sanitize=address,undefined -Db_lundef=false -Db_coverage=true
TSAN := $(STRICT) -Db_sanitize=thread -Db_lundef=false
# meson 1.0 knows no sanitizer of that name, so it goes by the compiler's flags.
FUZZ := -Dbuildtype=debug -Doptimization=1 -Dfuzz=libfuzzer -Db_sanitize=address,undefined -Db_lundef=false \
	-Dc_args=-fsanitize=fuzzer-no-link

all: release

# setup,FOLDER,OPTIONS: once; ninja looks after later changes of meson.build.
setup = @test -f $(B)/$(1)/build.ninja || meson setup $(B)/$(1) $(2)

release: | need-meson
	$(call setup,release,$(RELEASE) -Dprefix=$(PREFIX))
	@ninja -C $(B)/release

build-asan: | need-meson
	$(call setup,asan,$(ASAN))
	@ninja -C $(B)/asan

# tests/check builds in it only what has threads.
build-tsan: | need-meson
	$(call setup,tsan,$(TSAN))

need-meson:
	@command -v meson >/dev/null && command -v ninja >/dev/null || { \
	  echo "davit is built by meson and ninja, which are not installed. Install them and the libraries by: make deps" >&2; \
	  exit 1; }

deps:
	scripts/install-deps

# What docs/ has from the tables of the program: davit.1, job.schema.json, tables in jobs.md, from-docker.md and nomad.md.
docs: build-asan
	@$(B)/asan/src/davit-docs/davit-docs docs

demo:
	@scripts/demo

# The last line is "N passed, N failed, N skipped".
check: release build-asan build-tsan
	@$(PYTHON) tests/check

check-asan: build-asan
	@$(PYTHON) tests/check asan

check-tsan: build-tsan
	@$(PYTHON) tests/check tsan

# What a containerd has most part in of integration and e2e, against a 1.7 (runc) and a 2.x (crun), built from Go modules into a cache folder.
check-containerd: release build-asan
	@$(PYTHON) tests/check containerd

# What CI has no time for, for hours: each containerd with each engine, critest among it, all of containerd-driver under two agents and on cgroup v2,
# and each fuzz target for two minutes. LONG_PARTS: containerd, cri, nomad, vm, fuzz; all by default. The counts go into docs/testing.md.
check-long: release build-asan
	@VM_SECONDS=$(VM_SECONDS) $(PYTHON) tests/long $(LONG_PARTS)

# Scripts that show faults, from $DAVIT_CASES or shared/cases beside the checkout, on containerd 1.6 and 2.x with runc and crun.
check-cases: release
	@$(PYTHON) tests/check cases

# What files may cost that are made for it: memory here, time in make bench.
check-hostile: release build-asan
	@$(PYTHON) tests/check hostile

# What Nomad itself (built from its Go module into a cache folder: some minutes, once) reads of job files, beside what davit reads; and
# containerd-driver under a real agent of two versions of it.
check-nomad: build-asan
	@$(PYTHON) tests/check nomad

# What passes with the stock shim of Kubernetes' suite (critest, built from its Go module into a cache folder), and of tests/cri, passes with
# davit's.
check-cri: build-asan
	@$(PYTHON) tests/check cri

# A Debian with systemd on pure cgroup v2, and power cuts, in a virtual machine under software emulation: minutes. VM_PARTS: reboot, policies, runc, crun; all by default.
check-vm: release build-asan
	@$(PYTHON) tests/vm/run $(VM_PARTS) --seconds $(VM_SECONDS)

coverage: | need-meson
	@tools/coverage $(B)/asan

lint:
	@tools/lint

# gcc's static analyser over every source; slow, and it sees paths that are none, so not part of check.
analyze: | need-meson
	@test -f $(B)/analyze/build.ninja || CFLAGS='-fanalyzer' meson setup $(B)/analyze -Dbuildtype=plain -Dtests=false
	@ninja -C $(B)/analyze -t clean >/dev/null
	@ninja -C $(B)/analyze >$(B)/analyze/log 2>&1 || { tail -n 40 $(B)/analyze/log; exit 1; }
	@grep -E '(warning|error): .*Wanalyzer' $(B)/analyze/log | sort -u || true
	@echo "$$(grep -c 'Wanalyzer' $(B)/analyze/log) findings; how it comes to each stands in $(B)/analyze/log"

# Each fuzz target for FUZZ_SECONDS; what it finds new goes to build/fuzz, not into the corpus.
FUZZ_SECONDS ?= 30
fuzz: | need-meson
	@test -f $(B)/fuzz/build.ninja || CC=clang meson setup $(B)/fuzz $(FUZZ)
	@ninja -C $(B)/fuzz fuzz-targets
	@tests/fuzz/run $(B)/fuzz $(FUZZ_SECONDS) $(FUZZ_TARGETS)

bench: release
	@bench/run
	@tests/hostile $(B)/release --time

# davit's shim and the stock one in turn: the table of the shim in docs/performance.md. bench/shim ROW... measures only those.
bench-shim: release
	@bench/shim

# containerd-driver beside Nomad's docker driver under one agent: the table of the driver in docs/performance.md.
bench-nomad: release build-asan
	@bench/nomad

# What davit stats of 100 jobs costs beside docker stats of 100 containers.
bench-stats: release
	@bench/stats

# davit-monitor: what it takes, how soon it starts a task again beside docker, and davit ps -a of a thousand jobs.
bench-monitor: release
	@bench/monitor

# What davit cp of 1 GiB takes beside tar through a pipe.
bench-cp: release
	@bench/cp

# Another build in BASE (its davit, davit-image and davit-logger) and this one, in turn: is a change slower?
bench-against: release
	@BASE="$(abspath $(BASE))" tests/run --cases bench/against

install: release
	@meson configure $(B)/release -Dprefix=$(PREFIX)
	@ninja -C $(B)/release
	@DESTDIR=$(DESTDIR) meson install -C $(B)/release --no-rebuild --quiet

clean:
	rm -rf $(B)

.PHONY: all release build-asan build-tsan need-meson deps docs demo check check-asan check-tsan check-containerd check-long check-cases check-hostile check-nomad check-cri check-vm coverage lint \
	analyze fuzz bench bench-shim bench-nomad bench-stats bench-monitor bench-cp bench-against install clean
