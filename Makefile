# The commands of a newcomer. What they do is in deploy/local/.

ifeq ($(wildcard deploy/local/demo.sh),)
$(error this is not the repository's root folder; hint: `make -C DIR` goes there)
endif

.PHONY: help demo test interleave soak bench compare upgrades scan-tls audit fuzz build fmt clean-state

help: ## list these commands
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 14

demo: ## build and start the shop and the edge in front of it; Ctrl-C ends all
	@deploy/local/demo.sh

test: ## every check that a change has to pass
	@deploy/local/test.sh

interleave: ## fills, lookups and purges of the cache in thousands of orders of their threads
	cargo test -p cache --features shuttle --lib interleavings

soak: ## a thousand reloads under load: requests, failures, memory
	@deploy/local/reload-soak.sh

bench: ## cached hits of one processor beside nginx, HAProxy and Varnish; half an hour
	@deploy/local/compare.sh hits

compare: ## the edge beside nginx and HAProxy: framing, floods, slow clients, throughput, a cache that is crashed and crowded
	@deploy/local/compare.sh

upgrades: ## 200 reloads and 50 upgrades under HTTP/1.1, HTTP/2, WebSocket and gRPC: failures, memory
	@deploy/local/compare.sh soak

scan-tls: ## what sslyze and testssl.sh find wrong with the edge's TLS
	@deploy/local/scan-tls.sh

audit: ## licences, bans and sources of the dependencies, by deny.toml
	@deploy/local/audit.sh

fuzz: ## mutated text against what reads configurations and requests, 60 s for each target
	@deploy/local/fuzz.sh

build: ## the three programs as they are shipped, in target/dist
	@deploy/local/require.sh
	cargo build --profile dist --locked -p proxy -p shop-origin -p loadtest

fmt: ## format the code
	cargo fmt --all

clean-state: ## forget the demo's shop, certificates and logs
	@deploy/local/clean-state.sh
