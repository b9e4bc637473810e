# Everything that a developer or CI runs. `make help` lists the targets.
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

GO            ?= go
GOLANGCI      ?= v2.15.0
ROUNDS        ?= 200   # kill -9 rounds of the story
FUZZTIME      ?= 60s
BIN           := $(CURDIR)/bin

help: ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

build: ## build bin/ficha
	$(GO) build -o $(BIN)/ficha ./cmd/ficha

test: vet lint race story ## everything CI runs: vet, lint, race-enabled tests, end-to-end tests

vet:
	$(GO) vet ./...

lint: $(BIN)/golangci-lint-$(GOLANGCI) ## golangci-lint with the project's configuration
	$(BIN)/golangci-lint-$(GOLANGCI) run ./...

$(BIN)/golangci-lint-$(GOLANGCI):
	mkdir -p $(BIN)
	GOBIN=$(BIN) $(GO) install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI)
	mv $(BIN)/golangci-lint $@

race: ## all tests under the race detector (short forms of the end-to-end ones)
	$(GO) test -race -short -timeout 20m ./...

story: ## the end-to-end tests at full size, against the real binary
	FICHA_ROUNDS=$(ROUNDS) $(GO) test -count=1 -timeout 25m ./cmd/ficha/... ./matching/... -run 'Shared|Story|EndToEnd' -v | grep --line-buffered -Ev '^=== (RUN|PAUSE|CONT)'

scale: ## the tests that need a large town: a quarter of an hour and 6 GB
	FICHA_SCALE=full FICHA_ROUNDS=$(ROUNDS) $(GO) test -count=1 -timeout 60m ./cmd/ficha -run 'TestStoryMatchLatency' -v

fuzz: ## fuzz every parser and normaliser for FUZZTIME each
	@for pkg in $$($(GO) list ./...); do \
	  for f in $$($(GO) test -list '^Fuzz' $$pkg 2>/dev/null | grep '^Fuzz' || true); do \
	    echo "fuzz $$pkg $$f"; $(GO) test -run '^$$' -fuzz "^$$f$$" -fuzztime $(FUZZTIME) $$pkg; done; done

bench: build ## the workloads of docs/performance.md, each beside its raw limit
	$(BIN)/ficha bench

verify: ## formatting and module files are as they should be
	test -z "$$(gofmt -l .)"
	$(GO) mod tidy -diff
	$(GO) mod verify

.PHONY: help build test vet lint race story scale fuzz bench verify
