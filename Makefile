# The commands of this repository. "make help" lists them.
SHELL := /bin/bash
BIN   := bin

.DEFAULT_GOAL := help
.PHONY: help build demo test check bench chaos generate tools

help: ## list the commands
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

build: ## one static, stripped binary for this machine: bin/shippost
	CGO_ENABLED=0 go build -trimpath -ldflags='-s -w' -o $(BIN)/shippost ./cmd/shippost

demo: ## the product and a TikTok simulator on this machine, with sample creators
	go run ./cmd/shippost demo

test: ## everything CI runs; installs what is missing on Debian, or says what to install
	@scripts/test

check: ## the quick half of it: generated files fresh, formatting, vet, linters, house rules
	@scripts/check

chaos: ## the proof of "never twice, never not at all, never early": kills, pauses, bad networks; see docs/chaos.md
	go run ./e2e/chaos $(CHAOS)

bench: ## the product against its limits (BENCH="-full" for all sizes, "-only herd" for one), then the benchmarks beside the code
	go run ./bench $(BENCH)
	go run ./internal/store/storetest/runpostgres go test -run='^$$' -bench=. -benchmem ./...

generate: ## write all generated files anew
	go generate ./...

tools: ## install what the tests need from Debian's packages, or say what to install
	@scripts/tools
