# Two commands do it all on a fresh machine: `make demo` and `make test`.
VENV ?= .venv
BIN := $(VENV)/bin
OLDEST := $(VENV)-oldest
PYTHON ?= python3
SHELL := /bin/bash
PIP := $(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt
PINS := .ci/pins-$(shell $(PYTHON) -c 'import sys, sysconfig; print("%d.%d-" % sys.version_info[:2] + sysconfig.get_platform())').txt
SOURCES := data runtime train export

.PHONY: help demo test test-oldest test-pythons test-processors lint types check-corpora bench bench-prepare bench-train bench-chorales bench-mutopia bench-forcing bench-live bench-recipes bench-folk bench-copies bench-memory pretrained docs listening showcase release third-party pins web page-tests install dependencies programs fuzz kills clean

help:            ## Show what there is to make
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 16

# with the hash of each file where these are known (make pins): all but torch, whose build differs by where it is from
$(VENV)/.dependencies: pyproject.toml constraints.txt $(wildcard $(PINS))
	$(PYTHON) -m venv $(VENV)
	$(if $(wildcard $(PINS)),$(PIP) --require-hashes --no-deps --only-binary :all: --requirement $(PINS))
	$(PIP) setuptools
	$(PIP) --no-build-isolation '.[dev]'
	@touch $@

# the package itself is installed afresh every time: a copy, as users have it, and never a stale one
install: $(VENV)/.dependencies
	@rm -rf build *.egg-info
	@$(PIP) --no-deps --no-build-isolation --force-reinstall .
	@rm -rf build *.egg-info

# programs of Debian's that some tests compare with; where they cannot be had, those tests are skipped
programs:
	@for wanted in midicsv sox:sox,libsox-fmt-mp3 strace xmllint:libxml2-utils qemu-x86_64-static:qemu-user-static chromium firefox-esr; do \
	  command -v $${wanted%%:*} >/dev/null && continue; \
	  command -v apt-get >/dev/null || { echo "no $${wanted%%:*} here: its tests are skipped"; continue; }; \
	  echo "installing Debian's $${wanted%%:*}, which the tests compare with"; \
	  sudo=$$([ "$$(id -u)" = 0 ] || echo sudo); packages=$${wanted#*:}; \
	  $$sudo apt-get -qq update && $$sudo apt-get -qq install -y $${packages//,/ } >/dev/null || exit 1; \
	done

# Node, with npm, is not installed by this: Debian 12 has one too old. Without it, the page's tests are skipped
page-tests: $(VENV)/.dependencies
	@if command -v npm >/dev/null; then $(MAKE) --no-print-directory web SERVE=; \
	  else echo "no npm here: the tests of the page for browsers are skipped"; fi

web: $(VENV)/.dependencies  ## Build the page for browsers and install it beside ugen (needs Node 20.19 or newer); SERVE=1: serve it with the bundled model on 127.0.0.1
	cd runtime/web && npm ci --silent && npm run --silent build
	@rm -rf runtime/web/python/build runtime/web/python/*.egg-info
	@$(PIP) --no-deps --no-build-isolation --force-reinstall ./runtime/web/python
	@rm -rf runtime/web/python/build runtime/web/python/*.egg-info
	@if [ -n "$(SERVE)" ]; then $(MAKE) --no-print-directory install && rm -rf demo/site \
	  && $(BIN)/export-ugen pretrained --format web -o demo/site \
	  && $(BIN)/python -m http.server --bind 127.0.0.1 --directory demo/site; fi

demo: install    ## Train on the bundled music, export, make a song: about five minutes on two cores
	rm -rf demo
	$(BIN)/train-ugen "$$($(BIN)/ugen-data music)" -o demo/run --minutes 4
	$(BIN)/export-ugen demo/run -o demo/model.onnx
	$(BIN)/ugen-run demo/model.onnx -o demo/song.mid --seconds 60 --seed 7
	$(BIN)/ugen-data convert demo/song.mid demo/song.png
	$(BIN)/python tests/demo_check.py demo

test: install programs page-tests lint types  ## Run the whole suite, and the style and type checks
	$(BIN)/python -m pytest --numprocesses auto --dist worksteal

# the light install alone, each dependency at the lowest version that pyproject.toml admits
test-oldest: install  ## Hold exported files, on the oldest onnxruntime admitted, to what the newest makes of them
	$(PYTHON) -m venv --clear $(OLDEST)
	$(BIN)/python tests/oldest.py lowest > $(OLDEST)/lowest.txt
	@$(OLDEST)/bin/pip install --quiet --disable-pip-version-check --constraint $(OLDEST)/lowest.txt .
	@rm -rf build *.egg-info
	$(BIN)/python tests/oldest.py record $(OLDEST)/files
	$(OLDEST)/bin/python tests/oldest.py check $(OLDEST)/files

test-pythons: install  ## Install on each Python of this machine, 3.10 to 3.13: the same song from all, and the tests that need no torch (MODEL=file: with that model)
	$(BIN)/python tests/pythons.py $(MODEL)

test-processors: install programs  ## Model files on an emulated processor with AVX2 and no VNNI: the same logits and songs
	$(BIN)/python tests/processors.py

fuzz: install    ## Feed damaged files to every reader for MINUTES=10 (SEED=number: the same again), then the property tests with fresh examples: half an hour more
	$(BIN)/python tests/fuzz.py $(or $(MINUTES),10) $(if $(SEED),--seed $(SEED))
	$(BIN)/python -m pytest -m hypothesis --hypothesis-profile=fuzz

kills: install   ## Kill, interrupt and race every command at random moments (KILLS=50 of each): an hour or more
	$(BIN)/python tests/kills.py --kills $(or $(KILLS),50)

lint: $(VENV)/.dependencies
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: install
	$(BIN)/mypy $(foreach package,$(SOURCES),-p ugen.$(package))
	$(BIN)/mypy tests/user_program.py

check-corpora: install  ## Round-trip every MIDI file under CORPORA=folder; report what was lost and what alarms the guard
	@[ -n "$(CORPORA)" ] || { echo "say which folder: make check-corpora CORPORA=folder"; exit 2; }
	$(BIN)/python tests/check_corpora.py "$(CORPORA)"

bench: install   ## Time a step in every runtime (RUN=folder: and the precisions of a run); writes docs/benchmarks.md
	$(BIN)/python tests/bench/step.py docs/benchmarks.md $(RUN)

bench-prepare: install  ## Time preparing the files under CORPORA=folder beside MidiTok, and measure memory
	@[ -n "$(CORPORA)" ] || { echo "say which folder: make bench-prepare CORPORA=folder"; exit 2; }
	$(PIP) 'miditok>=3.0.6'
	$(BIN)/python tests/bench/prepare.py "$(CORPORA)" docs/benchmarks-prepare.md

bench-train: install  ## Time training beside a bare PyTorch loop, and bf16 beside fp32
	$(BIN)/python tests/bench/train_speed.py docs/benchmarks-train.md

bench-chorales: install  ## Learn Bach's chorales (CHORALES=folder) and hold them to the published numbers: an hour; what is done is kept in demo/chorales
	@[ -n "$(CHORALES)" ] || { echo "say which folder: make bench-chorales CHORALES=folder"; exit 2; }
	$(BIN)/python tests/bench/chorales.py "$(CHORALES)" docs/benchmarks-chorales.md

bench-mutopia: install  ## Learn the files under MUTOPIA=folder beside a peer's tokens, 8 minutes each
	@[ -n "$(MUTOPIA)" ] || { echo "say which folder: make bench-mutopia MUTOPIA=folder"; exit 2; }
	$(PIP) 'miditok>=3.0.6'
	$(BIN)/python tests/bench/mutopia.py "$(MUTOPIA)" docs/benchmarks-mutopia.md --minutes 8

bench-forcing: install  ## Hold professor forcing to plain likelihood, by loss and by the songs made: 15 minutes
	$(BIN)/python tests/bench/forcing.py docs/benchmarks-forcing.md

bench-live: install  ## Send notes to a JACK port while they are made, and measure when they come (needs Debian's jackd2)
	$(BIN)/python tests/bench/live.py runtime/pretrained.onnx docs/benchmarks-live.md

bench-recipes: install  ## Hold recipes to one another on the files under MUSIC=folder, by loss and by songs: an hour or more
	@[ -n "$(MUSIC)" ] || { echo "say which folder: make bench-recipes MUSIC=folder"; exit 2; }
	PATH="$(abspath $(BIN)):$$PATH" $(BIN)/python tests/bench/recipes.py "$(MUSIC)" docs/benchmarks-recipes.md $(if $(ONLY),--only "$(ONLY)")

bench-folk: install  ## Learn the tunes under TUNES=folder for 4 minutes, and see whether songs come back as tunes do
	@[ -n "$(TUNES)" ] || { echo "say which folder: make bench-folk TUNES=folder"; exit 2; }
	rm -rf demo/folk
	PATH="$(abspath $(BIN)):$$PATH" $(BIN)/python tests/bench/folk.py "$(TUNES)" docs/benchmarks-folk.md

bench-copies: install  ## Songs that copy the music under CORPUS=folder (a prepared corpus), with and without the guard
	@[ -n "$(CORPUS)" ] || { echo "say which corpus: make bench-copies CORPUS=folder"; exit 2; }
	$(BIN)/python tests/bench/copies.py runtime/pretrained.onnx "$(CORPUS)" 200

bench-memory: install  ## Memory and seconds of each command for a MB of each kind of file
	$(BIN)/python tests/bench/memory.py -s 1,2,4

# the recipe of the models that come with ugen: docs/pretrained.md says how it was chosen. Sub-folders become styles.
COLUMNS := beat,phase,back_1,back_2,back_4,back_8,after_3,after_6,after_12,key,left,density,polyphony,label,meter,tempo,chord,next_chord,given_now,given_next,given_top,given_in
BAND := --wish-dropout 0.35 --given 0.2 --patience 100 --threads 1
GAMES := freedoom:shooter freedoom-0.12.1-deb:shooter blasphemer:dark-fantasy easyrpg-rtp:rpg tannerhelland:film
pretrained: install  ## Train the models that come with ugen again, from the music under CORPORA=folder: three hours on one core
	@[ -n "$(CORPORA)" ] || { echo "say which folder: make pretrained CORPORA=folder"; exit 2; }
	rm -rf demo/pretrained
	for kind in piano band; do for set in $(GAMES); do \
	  mkdir -p "demo/pretrained/$$kind/$${set#*:}"; \
	  cp -r "$(CORPORA)/game-permissive/$${set%:*}" "demo/pretrained/$$kind/$${set#*:}" || exit 1; done; done
	mkdir demo/pretrained/piano/classical demo/pretrained/piano/lieder
	cp -r "$(CORPORA)/piano-pd/mutopia" "$(CORPORA)/piano-pd/npm-ai-jam" demo/pretrained/piano/classical
	cp -r "$(CORPORA)/piano-cc0/openscore-lieder-piano" demo/pretrained/piano/lieder
	$(BIN)/train-ugen demo/pretrained/piano -o demo/pretrained/piano-first --from-scratch --columns $(COLUMNS) \
	  --hidden 512 --dropout 0.15 --epochs 7 --threads 1
	$(BIN)/train-ugen demo/pretrained/piano -o demo/pretrained/piano-run --init-from demo/pretrained/piano-first \
	  --dropout 0.15 --lr 0.0008 --warmup 50 --wish-dropout 0.45 --given 0.15 --epochs 1.6 --patience 20 --threads 1
	$(BIN)/train-ugen demo/pretrained/band -o demo/pretrained/band-first --from-scratch --arrange band --columns $(COLUMNS) \
	  --hidden 512 --embedding 192 --dropout 0.5 $(BAND) --epochs 9
	$(BIN)/train-ugen demo/pretrained/band -o demo/pretrained/band-second --init-from demo/pretrained/band-first \
	  --arrange band --dropout 0.2 --lr 0.003 $(BAND) --epochs 8
	$(BIN)/train-ugen demo/pretrained/band -o demo/pretrained/band-run --init-from demo/pretrained/band-second \
	  --arrange band --dropout 0.15 --lr 0.0025 $(BAND) --epochs 8
	$(BIN)/export-ugen demo/pretrained/piano-run -o runtime/pretrained.onnx --force --precision int8 \
	  --top-p 0.97 --licence "$$(cat runtime/pretrained.credits.txt)"
	$(BIN)/export-ugen demo/pretrained/band-run -o runtime/pretrained-band.onnx --force --precision int8 \
	  --top-p 0.95 --licence "$$(cat runtime/pretrained-band.credits.txt)"

docs: install    ## Build the pages of docs/ as a site that works from disk: site/index.html
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict --quiet
	@if [ -d demo/listening ]; then cp -r demo/listening site/; fi
	@echo "open site/index.html"

listening: install  ## Songs of seeds 1 to 12 by the models that come with ugen and by 5-grams, as a page to listen to: demo/listening
	cd tests/bench && $(abspath $(BIN))/python listening.py ../../demo/listening ../../docs/listening.md $(if $(MUSIC),--music "$(abspath $(MUSIC))")

showcase: install  ## Make the songs again that README shows
	rm -f docs/showcase/song.* $(addprefix docs/showcase/,$(addsuffix .svg,dense waltz chords melody bars trio))
	$(BIN)/ugen-run -o docs/showcase/song.mid -o docs/showcase/song.svg -o docs/showcase/song.mp3 --seconds 30 --seed 11
	cd docs/showcase && PATH="$(abspath $(BIN)):$$PATH" && \
	  ugen-run -o dense.svg --key Dm --density dense --seconds 15 --seed 1 && \
	  ugen-run -o waltz.svg --like lieder --meter 3/4 --tempo 90 --seconds 20 --seed 1 && \
	  ugen-run -o chords.svg --chords 'Am | F | C G | Am' --bars 8 --seed 1 && \
	  ugen-run -o melody.svg --with mine.mid --keep melody --seed 1 && \
	  ugen-run -o bars.svg --with mine.mid --from-bar 5 --to-bar 12 --rewrite --seed 1 && \
	  ugen-run pretrained-band -o trio.svg --instruments 'piano, acoustic bass, drums' --seconds 15 --seed 3

release: install ## Build the wheel and the archive of sources, and try both outside the checkout: dist/
	$(BIN)/python tests/release.py

third-party: install  ## Write THIRD_PARTY.md: the licences of all that each extra installs
	$(BIN)/python tests/third_party.py > THIRD_PARTY.md

pins:            ## Write the hashes of what constraints.txt names, for this Python and platform; CI installs by them
	$(PYTHON) -m venv --clear $(VENV)-pins
	set -o pipefail; $(VENV)-pins/bin/pip install --quiet --disable-pip-version-check --constraint constraints.txt \
	  --dry-run --ignore-installed --report - '.[dev]' | $(VENV)-pins/bin/python .ci/pins.py > $(PINS)
	@rm -rf $(VENV)-pins build *.egg-info

clean:           ## Remove what the other targets made
	rm -rf runtime/web/node_modules runtime/web/npm runtime/web/python/ugen_web/page
	rm -rf $(VENV) $(OLDEST) build demo dist site *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
