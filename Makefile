# What there is to do here. `make` alone lists it.

GO    ?= go
TOOLS := $(GO) tool -modfile=tools/go.mod

.DEFAULT_GOAL := help

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: build
build: ## build bin/linli
	CGO_ENABLED=0 $(GO) build -trimpath -o bin/linli ./cmd/linli

.PHONY: demo
demo: ## play the example programme into ./linli-data and print its report
	$(GO) run ./cmd/linli demo --once

.PHONY: test
test: ## everything that must pass: formatting, vet, all tests on SQLite and PostgreSQL (a few minutes)
	./scripts/test

.PHONY: soak
soak: ## the long versions of the tests (hours)
	LINLI_SOAK=1 ./scripts/test

.PHONY: bench
bench: build ## the server's speed beside an ordinary one's, on SQLite and PostgreSQL (a few minutes)
	bin/linli bench
	./scripts/with-postgres sh -c 'bin/linli bench --db "$$LINLI_TEST_POSTGRES"'

.PHONY: bench-parts
bench-parts: ## benchmarks of single packages, on SQLite and PostgreSQL
	./scripts/with-postgres $(GO) test -run '^$$' -bench . -benchmem ./...

.PHONY: lint
lint: ## golangci-lint, with the version in tools/go.mod
	$(TOOLS) golangci-lint run ./...

.PHONY: fmt
fmt: ## format all Go code with gofumpt
	$(TOOLS) gofumpt -w cmd internal migrations workflows

.PHONY: generate
generate: ## rewrite the generated parts of the workflows' README files and other golden files
	$(GO) test ./workflows/... ./internal/workflow/... -run '(?i)readme|golden' -update

.PHONY: clean
clean: ## remove what was built
	rm -rf bin .cache coverage.out
