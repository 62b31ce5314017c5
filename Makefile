# make check is the whole check and what CI runs; make run starts the server from
# the sources. make help lists the rest.

GO          ?= go
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
FUZZTIME    ?= 10s
DATA        ?= restante-data
SIZES       ?= 100000

.PHONY: run build check fmt vet staticcheck tidy test faults fuzz bench bench-peers bench-report bench-code random help
.DEFAULT_GOAL := help

help: ## say what can be made
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  \1\t/' | expand -t 16

run: build ## build and start the server with its data in ./restante-data
	./restante serve --data $(DATA)

build: ## build ./restante, one static binary
	CGO_ENABLED=0 $(GO) build -trimpath -o restante ./cmd/restante

check: fmt vet tidy staticcheck test faults fuzz ## the whole check

fmt: ## every source file is formatted
	@bad=$$(gofmt -l .); if [ -n "$$bad" ]; then echo "not formatted, run gofmt -w:"; echo "$$bad"; exit 1; fi

vet: ## go vet
	$(GO) vet ./...

tidy: ## go.mod says exactly what is used
	$(GO) mod tidy -diff

staticcheck: ## staticcheck, at the pinned version
	$(GO) run $(STATICCHECK) ./...

test: ## all tests, layers included, with the race detector
	$(GO) test -race -timeout 15m ./...

faults: ## all file operations fail, and the power is cut at each, in turn
	@out=$$($(GO) test -timeout 15m -v -run TestFaults ./mailstore/maildir ./mailstore/mbox 2>&1) || { echo "$$out"; exit 1; }; \
	echo "$$out" | grep -E '^(---|ok)|^    .* cases$$' | grep -v visited

fuzz: ## each fuzz target for FUZZTIME
	@scripts/fuzz $(FUZZTIME)

bench: ## what the storage formats cost beside bare system calls; SIZES=100000,1000000 for more
	$(GO) run ./bench/storage -sizes $(SIZES)

bench-peers: ## beside Debian's Dovecot on the same mail; ARGS="-quick" for a first look (bench/README.md)
	$(GO) run ./bench/peers $(ARGS)

bench-report: ## docs/performance-peers.md with its plots, from JSON=FILE that bench-peers has written
	$(GO) run ./bench/report -json "$(JSON)"

bench-code: ## all benchmarks of the packages once
	$(GO) test -run '^$$' -bench . -benchtime 1x ./...