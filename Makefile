# Two commands: `make demo` shows the whole thing, `make test` runs every test.

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
LINT_VERSION := v2.15.0
# Short by default; a night's run gives it minutes.
FUZZTIME ?= 5s

# One way of compiling for programs, tests and the image, so that each package is
# compiled once.
export CGO_ENABLED := 0
export GOFLAGS := $(shell go env GOFLAGS) -trimpath
TOOLS := $(CURDIR)/.cache/bin
LINT := $(TOOLS)/golangci-lint-$(LINT_VERSION)

.PHONY: help demo test build lint fuzz bench score score-alerts clean
.DEFAULT_GOAL := help

help: ## list these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' Makefile

demo: build ## watch simulated accounts run dry, and who is told what
	bin/billwatch demo

# The program comes first: tests build it too, and then only have to link it.
test: build ## run every test, on SQLite and on a PostgreSQL of its own
	@go build -o $(TOOLS)/testrun ./internal/testrun
	@exec $(TOOLS)/testrun

build: ## build bin/billwatch
	go build -ldflags "-s -w -X main.version=$(VERSION)" -o bin/billwatch ./cmd/billwatch

lint: $(LINT) ## look for mistakes, and for breaches of the house's form
	@go vet ./...
	$(LINT) run

# Built apart from go.mod, so that none of its dependencies becomes ours.
$(LINT):
	GOBIN=$(TOOLS) go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(LINT_VERSION)
	mv $(TOOLS)/golangci-lint $@

fuzz: ## fuzz every fuzz target for FUZZTIME (5s)
	@grep -rlE --include='*_test.go' '^func Fuzz' . | xargs -r grep -HoE '^func Fuzz[A-Za-z0-9_]*' | \
	while IFS=: read -r file func; do \
		go test -run '^$$' -fuzz "^$${func#func }\$$" -fuzztime $(FUZZTIME) "$$(dirname "$$file")" || exit 1; \
	done

bench: ## run every benchmark
	go test -run '^$$' -bench . -benchmem ./...

score: build ## score the forecast on real series; SIGNAL is the benchmark's folder
	@rules/forecast/score.sh bin/billwatch "$(SIGNAL)"

score-alerts: build ## compare what a backtest reports with the alerts that are scored, day by day
	@rules/forecast/scorealerts.sh bin/billwatch "$(SIGNAL)"

clean: ## remove what was built
	rm -rf bin .cache
