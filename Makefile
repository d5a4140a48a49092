# kaiwire. `make` alone lists what there is to make, and why.

SHELL := /bin/bash
.DEFAULT_GOAL := help
export GOFLAGS ?= -mod=readonly

# Go's packages by where they run; the modules' entry points exist for the phone only.
NATIVE := ./bridge/... ./protocols/... ./wasm/call/... ./web/demo/...
PHONE := ./bridge/... ./wasm/... ./web/bench/... ./web/faults/... ./web/test/...
GOEXEC := node $(CURDIR)/web/test/goexec.mjs
NODE_MODULES := web/node_modules/.package-lock.json

.PHONY: help setup demo tinygo test test-go test-wasm test-tinygo test-js test-web gates conformance faults soak bundle bench sizes lint clean

help: ## This list.
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):[^#]*## /\1\t/' | while IFS=$$'\t' read -r t w; do printf '  make %-10s %s\n' "$$t" "$$w"; done

demo: $(NODE_MODULES) ## Go's IMAP, SMTP, IRC and DNS clients in a phone on a page, against servers of its own; no network needed.
	node web/build.mjs --fast
	node web/demo/serve.mjs

tinygo: $(NODE_MODULES) ## The compiler of the small modules: an installed TinyGo 0.41 or later, or one that is built here; see wasm/tinygo.
	node wasm/tinygo/make.mjs

test: setup lint test-go test-wasm test-tinygo bundle test-js test-web gates sizes ## Everything that CI runs. On Debian, as root, it installs what it needs.

setup: $(NODE_MODULES) ## What the tests need: npm packages, and on Debian Firefox and the servers; elsewhere says what is missing.
	web/test/install-debian.sh
	@if [ "$$CI" = true ]; then $(MAKE) tinygo; fi

lint: ## go vet for both worlds, and gofmt.
	go vet $(NATIVE)
	GOOS=js GOARCH=wasm go vet $(PHONE)
	GOOS=js GOARCH=wasm go vet -tags=owntls ./wasm/... ./web/faults/... ./web/bench/...
	cd web/examples/finger && GOOS=js GOARCH=wasm go vet .
	@unformatted=$$(gofmt -l bridge protocols wasm web/demo web/bench web/faults web/examples); if [ -n "$$unformatted" ]; then echo "gofmt these: $$unformatted"; exit 1; fi

test-go: ## The protocols on this machine, with the race detector: logic errors show fastest here.
	go test -race $(NATIVE)

test-wasm: $(NODE_MODULES) ## The bridge as WebAssembly on the mock's sockets, page and worker, in Node and in Firefox: nettest is the definition of a net.Conn.
	GOOS=js GOARCH=wasm go test -count=1 -exec "$(GOEXEC) --host=node" $(PHONE)
	for mode in page worker; do for profile in kaios25 kaios3 gecko; do \
		echo "node, $$mode, $$profile"; \
		KAIWIRE_MODE=$$mode KAIWIRE_PROFILE=$$profile GOOS=js GOARCH=wasm go test -count=1 -exec "$(GOEXEC) --host=node" ./bridge || exit 1; \
	done; done
	for mode in page worker; do \
		echo "node, $$mode, Node's own sockets"; \
		KAIWIRE_SOCKETS=node KAIWIRE_MODE=$$mode GOOS=js GOARCH=wasm go test -count=1 -exec "$(GOEXEC) --host=node" ./bridge || exit 1; \
	done
	KAIWIRE_MODE=page KAIWIRE_PROFILE=kaios3 GOOS=js GOARCH=wasm go test -count=1 -exec "$(GOEXEC) --host=firefox" ./bridge
	KAIWIRE_MODE=worker KAIWIRE_PROFILE=kaios25 GOOS=js GOARCH=wasm go test -count=1 -exec "$(GOEXEC) --host=firefox" ./bridge

test-tinygo: $(NODE_MODULES) ## The same of the bridge as TinyGo compiles it, where there is TinyGo; says how to get it where there is none.
	node web/test/tinygo.mjs

test-js: $(NODE_MODULES) ## The mock of the phone's sockets, line by line of its checklist, the relay, and what is done to Go's modules.
	node --test $$(find bridge wasm web/relay -name '*.test.mjs')

test-web: $(NODE_MODULES) ## The built package in Firefox, page and worker, against Dovecot, ngIRCd and unbound.
	node --test --test-concurrency=1 $$(find web/test web/kit web/demo web/bench web/soak web/examples -name '*.test.mjs')

gates: $(NODE_MODULES) ## What old engines take: the syntax of Gecko 48, the package in SpiderMonkey 78, stories where Firefox has forgotten what is newer.
	test -d web/dist || $(MAKE) bundle
	node --test --test-concurrency=1 $$(find web/gates -name '*.test.mjs')
	KAIWIRE_MASK=84 node --test --test-concurrency=1 web/test/stories/{irc,dns,imap,smtp,pop3,mime,own-tls}.test.mjs
	@if [ -f web/dist/irc.js ]; then \
		echo "as Gecko 48"; KAIWIRE_MASK=48 node --test --test-concurrency=1 web/test/stories/{irc,dns,imap,smtp,pop3,mime,own-tls}.test.mjs; \
	else \
		echo '*** TESTS SKIPPED *** nothing is built for Gecko 48: make tinygo, then make bundle' >&2; \
	fi

conformance: $(NODE_MODULES) ## The mock against Gecko's own sockets in Firefox, fact by fact; then the Go side and IMAP over those sockets.
	test -d web/dist || $(MAKE) bundle
	GOOS=js GOARCH=wasm go test -count=1 -exec "$(GOEXEC) --host=gecko" ./bridge/...
	node --test --test-concurrency=1 $$(find web/conformance -name '*.test.mjs')
	node web/conformance/run.mjs

faults: $(NODE_MODULES) ## Every fault by its name against every operation, in page and worker, under each TLS; then 1,000 connections and 100 MB.
	node web/faults/run.mjs

soak: $(NODE_MODULES) ## An hour of chat and name queries in each engine, page and worker, each in a Firefox of its own: the memory has to stay flat.
	test -d web/dist || $(MAKE) bundle
	node web/soak/run.mjs

bundle: $(NODE_MODULES) ## The package as an app gets it, in web/dist, and as npm tarball and zip in web/out; beside it the phone's self-test. ENGINE=go, tinygo or js makes that one's modules only.
	node web/build.mjs $(if $(ENGINE),--engine=$(ENGINE))
	node web/conformance/build.mjs
	node web/archive.mjs

bench: $(NODE_MODULES) ## Speed and memory as ratios, side by side in one run of Firefox; figures also in web/bench/out.
	test -d web/dist || $(MAKE) bundle
	node web/bench/run.mjs

sizes: ## What each module weighs, with the change since the last release; fails over a budget. MODULE=irc: what makes it large.
	node web/sizes.mjs $(if $(MODULE),--by-package $(MODULE))

clean: ## Removes what was built.
	rm -rf web/dist web/out web/test/out web/bench/out web/faults/out web/soak/out

$(NODE_MODULES): web/package.json web/package-lock.json
	cd web && npm ci --no-audit --no-fund
	@touch $@
