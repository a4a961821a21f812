.DEFAULT_GOAL := help

# Without git, or in an archive of the sources, the version is "dev".
VERSION ?= $(or $(shell git describe --tags --always --dirty 2>/dev/null),dev)
REMINDER = github.com/mtsn6garut/pengingat/reminder
BUILD    = CGO_ENABLED=0 go build -trimpath -ldflags '-s -w -X $(REMINDER).Version=$(VERSION) -X $(REMINDER).VersionDate=$(shell git log -1 --format=%cI 2>/dev/null)'
FUZZTIME ?= 30s

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-14s %s\n", $$1, $$2 }' Makefile

.PHONY: demo
demo: ## the reminders of a sample library; no mail leaves this machine
	go run -C cmd/demo .

.PHONY: build
build: ## bin/pengingat, for this machine
	$(BUILD) -o bin/pengingat ./cmd/local

.PHONY: build-windows
build-windows: ## bin/pengingat.exe, for the library's computer
	GOOS=windows GOARCH=amd64 $(BUILD) -o bin/pengingat.exe ./cmd/local
	go run -C deploy/dev/tools ./winres $(CURDIR)/bin/pengingat.exe '$(VERSION)'

.PHONY: package
package: ## dist/pengingat-function.zip, the source from which the platform builds the function
	go run ./deploy/package -version '$(VERSION)' dist/pengingat-function.zip

.PHONY: dist
dist: ## everything of a release, into dist/: installer, zip, Debian package, archives, SBOM, SHA256SUMS
	deploy/release/dist.sh '$(VERSION)' dist

# Tests that take long with the race detector: some of their cases run with it, and then all without.
LONG = TestModel|TestRepliesToACrowd|TestUnseenAnswers|TestCrash|TestDatabaseGone|TestOneOddRow|TestOverlap|TestAnyStatement

# The race detector is linked with cgo. The demonstration is tested without it: its database engine has races of its own.
.PHONY: test
test: START := $(shell date +%s)
test: export TEST_MYSQL_OPTIONS = --innodb-flush-log-at-trx-commit=0
test: export TEST_MYSQL_MEMORY = 1
test: ## every test, on a private MariaDB and with the race detector
	@deploy/dev/need.sh "$$(go env CC)" gcc libc6-dev
	deploy/dev/with-mariadb.sh sh -c 'go test -race -shuffle=on -timeout 30m ./... && go test -timeout 30m -run "$(LONG)" ./reminder ./reminder/mysql'
	go test -C cmd/demo -shuffle=on -timeout 30m ./...
	@echo "make test: passed in $$(($$(date +%s) - $(START))) s"

.PHONY: test-long
test-long: test ## test, the model fifteen times as long, a school year day by day, a short torture with sent mail kept, and the senders against real mail servers
	$(MAKE) torture TORTURE_SENT=1 TORTURE_KILLS=100
	deploy/dev/with-mariadb.sh go test -timeout 1h -run TestModel ./reminder -rapid.checks 3000
	deploy/dev/with-mariadb.sh go test -timeout 1h -run TestSchoolYear ./reminder -year
	deploy/dev/with-mariadb.sh deploy/dev/real-mail-servers.sh sh -c 'go test -race -shuffle=on -tags realmail ./mail/... && go test -race -tags realmail -run TestRealBounces ./reminder'

.PHONY: test-report
test-report: ## the page of 'pengingat report' in Chromium, on screens and printed, and the guide's search
	go test -tags chromium -count=1 -run 'TestReportInChromium|TestSearchInChromium' ./cmd/local ./docs/panduan

# axe-core checks the accessibility of the pages. It is kept in the user's cache and is not part of this tree.
AXE_VERSION = 4.14.1
AXE = $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/pengingat/axe-core-$(AXE_VERSION)/package/axe.min.js
$(AXE):
	@deploy/dev/need.sh npm npm
	mkdir -p $(@D) && cd $(@D)/.. && npm pack --silent axe-core@$(AXE_VERSION) && tar xzf axe-core-$(AXE_VERSION).tgz

.PHONY: test-mails
test-mails: ## every mail in Chromium, on a phone and a screen, light, dark and printed, and by SpamAssassin; MAIL_PICTURES=DIR keeps pictures
	@deploy/dev/need.sh $(or $(CHROMIUM),chromium) chromium
	@deploy/dev/need.sh spamassassin spamassassin
	CHROMIUM=$(CHROMIUM) MAIL_PICTURES=$(if $(MAIL_PICTURES),$(abspath $(MAIL_PICTURES))) go test -tags mails -timeout 1h -count=1 -v -run 'TestMails' ./reminder/letter

.PHONY: test-desk
test-desk: build $(AXE) ## the desk in Chromium, as a librarian uses it; DESK_PICTURES=docs/images keeps pictures of its pages
	@deploy/dev/need.sh $(or $(CHROMIUM),chromium) chromium
	CHROMIUM=$(CHROMIUM) DESK_PICTURES=$(abspath $(DESK_PICTURES)) PENGINGAT=$(CURDIR)/bin/pengingat AXE=$(AXE) deploy/dev/with-mariadb.sh \
		go test -C deploy/dev/desk -tags chromium -timeout 30m -count=1 ./...

# It needs the module proxy, as the platform's build does.
.PHONY: test-package
test-package: ## build the packaged function as the platform does, start it and call it
	deploy/dev/with-mariadb.sh go test -tags package -run TestPackage -count=1 -v .

.PHONY: test-windows
test-windows: build-windows ## the program for Windows, under Wine; a minute, and 700 MB of disk meanwhile
	PENGINGAT_EXE=$(CURDIR)/bin/pengingat.exe deploy/dev/with-wine.sh deploy/dev/with-mariadb.sh \
		go test -tags wine -run TestWindows -count=1 -v ./cmd/local

.PHONY: test-setup
test-setup: ## the setup program under Wine: install, update during a run, uninstall; minutes, and 700 MB of disk meanwhile
	deploy/dev/with-wine.sh deploy/dev/with-mariadb.sh go test -tags wine -run TestSetup -count=1 -v -timeout 30m ./deploy/release

.PHONY: test-deb
test-deb: ## the Debian package in a Debian of its own: install, enable, run, remove, purge; as root or with sudo
	deploy/dev/with-mariadb.sh deploy/release/test-deb.sh

.PHONY: test-databases
test-databases: ## the store and every library system on MariaDB, MySQL and the servers DATABASES="name=dsn ..." names
	deploy/dev/test-databases.sh $(foreach database,$(DATABASES),'$(database)')

.PHONY: test-million
test-million: ## scan a million loans of each library system, without and with its index; minutes
	deploy/dev/with-mariadb.sh go test -tags torture -run TestMillion -count=1 -v -timeout 1h ./reminder/mysql

.PHONY: torture
torture: ## kill the program TORTURE_KILLS times (1000) and its database; TORTURE_CONCURRENCY, _DB_KILLS, _SENT=1; minutes
	@deploy/dev/need.sh mariadbd mariadb-server-core mariadb-client-core
	@[ -z "$(TORTURE_SENT)" ] || deploy/dev/need.sh dovecot dovecot-core dovecot-imapd
	go test -tags torture -run TestTorture -count=1 -v -timeout 3h ./reminder/torture

.PHONY: soak
soak: ## send SOAK_MAILS (100000) in one process and watch its memory, killing it every SOAK_KILL seconds (0: never); minutes
	deploy/dev/with-mariadb.sh go test -tags torture -run TestSoak -count=1 -v -timeout 12h ./reminder/torture

.PHONY: bench-million
bench-million: ## a million mails with a kill every minute; 40 minutes or more, and 4 GB of memory
	SOAK_MAILS=1000000 SOAK_KILL=60 $(MAKE) soak

.PHONY: bench-peers
bench-peers: ## the program beside a River worker (where PostgreSQL is installed) and another build (BENCH_BESIDE); 10 minutes
	$(MAKE) bench BENCH=peers

.PHONY: bench-scale
bench-scale: ## 1 to 8 functions on one outbox; SCALE_MAILS (5000), SCALE_LATENCY (0 ms); minutes
	deploy/dev/with-mariadb.sh go test -tags torture -run TestScale -count=1 -v -timeout 3h ./reminder/torture

.PHONY: bench
bench: ## measure the program beside what bounds it, BENCH_RUNS (5) times; BENCH=delivery for that part; an hour
	@deploy/dev/with-mariadb.sh deploy/dev/with-smtp-sink.sh \
		go test -tags bench -run 'TestBench/$(BENCH)' -count=1 -v -timeout 12h ./reminder/bench >&2
	@cat bin/bench.md

.PHONY: microbench
microbench: ## the benchmarks of single functions
	go test -run '^$$' -bench . -benchmem ./...

.PHONY: bench-start
bench-start: ## how long the packaged function takes to its first answer, beside the smallest one possible
	deploy/dev/with-mariadb.sh go test -tags package -run '^$$' -bench ColdStart -benchtime 30x .

.PHONY: fuzz
fuzz: ## every fuzz test for FUZZTIME (30s)
	@go test -list '^Fuzz' ./... | \
	awk '/^Fuzz/ { name[++n] = $$1 } /^ok/ { while (n) print $$2, name[n--] }' | \
	while read -r package name; do \
		go test -run '^$$' -fuzz "^$$name\$$" -fuzztime $(FUZZTIME) "$$package" </dev/null || exit; \
	done

.PHONY: lint
lint: ## everything that can be judged without running the program
	deploy/dev/lint.sh

# Minutes the first time: tflint is built. Its rules for the language come with it; the provider comes from its registry.
.PHONY: lint-terraform
lint-terraform: ## terraform/ against the real provider, its tests, plans and tflint; needs terraform and the Internet
	terraform -chdir=terraform init -backend=false
	terraform -chdir=terraform fmt -check -recursive
	terraform -chdir=terraform validate
	terraform -chdir=terraform test
	deploy/dev/plan-terraform.sh
	go run github.com/terraform-linters/tflint@v0.64.0 --chdir=terraform

.PHONY: tidy
tidy: ## go mod tidy in every module
	@for module in . cmd/demo reminder/bench/river deploy/dev/desk deploy/dev/tools deploy/dev/lint; do (cd $$module && go mod tidy) || exit; done

.PHONY: clean
clean: ## remove what was built
	rm -rf bin dist
