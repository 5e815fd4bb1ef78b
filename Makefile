# Names the targets. CMake does the work; CMakePresets.json holds the settings.
# `make test DEPENDENCIES=:` skips the look for missing Debian packages.

PREFIX ?= /usr/local
JOBS ?= $(shell nproc)
FUZZ_SECONDS ?= 400
DEPENDENCIES ?= scripts/dependencies.sh
SCALE ?= quick
LINT ?= src
PYTHON ?= python3
TABLES ?= 1,2,3
COMMIT = $(shell git describe --always --dirty)

PRESETS := release mpi debug dev asan clang arm bench peers fuzz wasm
SOURCES = $(shell find include src tests bench examples python rtl web -name wrong -prune -o \
            \( -name '*.cpp' -o -name '*.h' -o -name '*.inl' \) -print)

# $(call build,PRESET) configures and builds a preset; $(call check,PRESET) runs its tests too.
build = cmake --preset $(1) && cmake --build --preset $(1) -j $(JOBS)
check = $(call build,$(1)) && ctest --preset $(1) -j $(JOBS)

.DEFAULT_GOAL := help
.PHONY: help build models demo test cosim formal reproduce bench bench-peers bench-record synth asan clang arm fuzz python-test napari-test mpi-test web web-test site lint format install clean

help: ## print this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## build the library and the program into build/release
	@$(DEPENDENCIES) build
	$(call build,release)

models: ## train the models that come with the program anew, with their cards, into models/ (5 minutes)
	$(call build,release)
	scripts/models.sh build/release/taugate models

demo: ## train a network, judge it and draw a lifetime map: the project in five minutes
	@$(DEPENDENCIES) demo
	$(call build,release)
	scripts/demo.sh

test: ## build everything with warnings as errors and run all tests
	@$(DEPENDENCIES) test
	@scripts/rtl_tools.sh build/rtl-tools
	$(call check,dev)

reproduce: ## the paper's Tables 1 to 3 in half an hour: build/reproduction/report.html (SCALE=full, TABLES=..)
	@$(DEPENDENCIES) demo
	$(call build,release)
	build/release/taugate reproduce --tables $(TABLES) --scale $(SCALE) --commit $(COMMIT) \
	  -o build/reproduction --report build/reproduction/report.html

bench: ## time every part of this project beside the FMA peak, two minutes (build/bench/*.csv, *.json)
	@$(DEPENDENCIES) bench
	$(call build,bench)
	build/bench/taugate_bench --commit=$(COMMIT) --csv=build/bench/bench.csv \
	  --benchmark_out=build/bench/bench.json $(BENCH)
	build/bench/taugate_fixture build/bench/fixture
	build/bench/taugate_processes build/bench/fixture --commit=$(COMMIT) \
	  --csv=build/bench/processes.csv
	scripts/plot_bench.sh build/bench/bench.csv docs/results/peers-infer.csv build/bench/images

bench-peers: ## time training and inference beside other engines (installs them)
	@$(DEPENDENCIES) peers
	@scripts/python_peers.sh build/python-peers
	$(call build,peers)
	build/peers/taugate_peers --python build/python-peers/bin/python --commit $(COMMIT) $(PEERS)

bench-record: ## all figures of docs/performance.md, 20 minutes: docs/results/*.csv, docs/images/*.svg
	@$(DEPENDENCIES) bench
	@$(DEPENDENCIES) peers
	@scripts/python_peers.sh build/python-peers
	$(call build,bench)
	$(call build,peers)
	scripts/bench_record.sh $(COMMIT)

cosim: ## run traces through the datapath under Verilator and compare every word with the integer executor
	@$(DEPENDENCIES) test
	cmake --preset dev && cmake --build --preset dev -j $(JOBS) --target taugate_program test_rtl
	scripts/cosim.sh build/dev/taugate build/dev/tests/test_rtl build/cosim

formal: ## prove properties of the datapath's blocks, and that each proof can fail (build/formal)
	@scripts/rtl_tools.sh build/rtl-tools
	scripts/formal.sh build/rtl-tools build/formal

synth: ## synthesise, place and route the core with open tools (docs/results/synth.md); Artix-7 takes root
	@scripts/synth_tools.sh build/synth-tools
	scripts/synth.sh build/synth-tools build/synth $(COMMIT)

asan: ## run the tests under the address and undefined-behaviour sanitizers
	@$(DEPENDENCIES) test
	$(call check,asan)

fuzz: ## fuzz the readers of measured files, FUZZ_SECONDS (default 400) each
	@$(DEPENDENCIES) fuzz
	$(call build,fuzz)
	tests/fuzz/run.sh build/fuzz/tests/fuzz build/fuzz/work $(FUZZ_SECONDS)

clang: ## build with clang, warnings as errors, and run the tests
	@$(DEPENDENCIES) clang
	$(call check,clang)

arm: ## build taugate::taugate for 64-bit ARM (cross compiler) and run its tests under qemu
	@$(DEPENDENCIES) arm
	$(call check,arm)

python-test: ## build the Python package's wheel, install it into a clean environment and test it there (PYTHON=..)
	@$(DEPENDENCIES) python
	cmake --preset dev && cmake --build --preset dev -j $(JOBS) --target taugate_program
	PYTHON=$(PYTHON) scripts/python_test.sh build/python; code=$$?; [ $$code -eq 77 ] || exit $$code

napari-test: ## test the napari plugin in an environment of its own, without a display (PYTHON=..)
	@$(DEPENDENCIES) napari
	PYTHON=$(PYTHON) scripts/napari_test.sh build/python; code=$$?; [ $$code -eq 77 ] || exit $$code

mpi-test: ## train in several ranks under Open MPI and MPICH, and compare with one process
	@$(DEPENDENCIES) mpi
	$(call build,mpi)
	scripts/mpi_test.sh build/mpi build/mpi-test

web: ## build the page that finds lifetimes in a browser, by emscripten (build/web)
	@$(DEPENDENCIES) web
	$(call build,wasm)
	cmake --install build/wasm --prefix build/web

web-test: web ## compare the page's numbers with the program's, and try it in a headless Chromium (screenshots: build/web-test)
	@$(DEPENDENCIES) build
	cmake --preset dev && cmake --build --preset dev -j $(JOBS) --target taugate_program
	scripts/web_test.sh build/web build/dev/taugate build/web-test; code=$$?; [ $$code -eq 77 ] || exit $$code

site: ## build README, docs/ and the Python reference as a web site, with the page of `make web` where built (build/site)
	scripts/site.sh build; code=$$?; [ $$code -eq 77 ] || exit $$code

lint: ## check the format (clang-format) and the code (clang-tidy): all of src, or LINT=src/nn
	@$(DEPENDENCIES) lint
	clang-format --dry-run -Werror $(SOURCES)
	cmake --preset clang
	run-clang-tidy -quiet -j $(JOBS) -p build/clang '^$(CURDIR)/($(LINT))/.*'

format: ## rewrite the sources in the project's style
	@$(DEPENDENCIES) lint
	clang-format -i $(SOURCES)

install: build ## install into PREFIX (default /usr/local)
	cmake --install build/release --prefix $(PREFIX)

clean: ## remove what the targets above have built
	rm -rf $(PRESETS:%=build/%) build/python build/web build/web-test build/site build/site-*
