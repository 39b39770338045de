# aipipe.control is the only place where the version is written.
EXTENSION  = aipipe
EXTVERSION = $(shell sed -n "s/^default_version *= *'\(.*\)'/\1/p" $(EXTENSION).control)

# One word per room, in dependency order.  The word names src/<word>/,
# sql/<word>/, test/sql/<word>_*.sql and docs/<word>.md; includes point only
# leftwards in this list (compat, core and learn are the common ground).
GROUND       = compat core learn
CAPABILITIES = model profile anomaly series gate source worker
ROOMS        = $(GROUND) $(CAPABILITIES)

MODULE_big   = $(EXTENSION)
OBJS         = src/aipipe.o $(sort $(patsubst %.c,%.o,$(foreach r,$(ROOMS),$(wildcard src/$(r)/*.c))))
PG_CPPFLAGS  = -Isrc -DAIPIPE_VERSION='"$(EXTVERSION)"'
PG_CFLAGS    = -std=gnu11 -Wall -Wextra -Wno-unused-parameter -Wno-sign-compare \
               -Wno-missing-field-initializers -MMD -MP $(AIPIPE_CFLAGS)
SHLIB_LINK   = -lm -ldl
SHLIB_EXPORTS = build/exports.txt

TABLES       = $(foreach r,$(ROOMS),$(wildcard sql/$(r)/tables.sql))
FUNCTIONS    = $(foreach r,$(ROOMS),$(wildcard sql/$(r)/functions.sql))
UPGRADES     = $(patsubst sql/upgrade/%.sql,build/$(EXTENSION)--%--$(EXTVERSION).sql,$(wildcard sql/upgrade/*.sql))

DATA_built   = build/$(EXTENSION)--$(EXTVERSION).sql $(UPGRADES)
EXTRA_CLEAN  = build tmp_check results output_iso $(OBJS:.o=.d)

REGRESS        = $(patsubst test/sql/%.sql,%,$(sort $(wildcard test/sql/*.sql)))
REGRESS_OPTS   = --inputdir=test --load-extension=$(EXTENSION)
ISOLATION      = $(patsubst test/specs/%.spec,%,$(sort $(wildcard test/specs/*.spec)))
ISOLATION_OPTS = --inputdir=test --outputdir=. --load-extension=$(EXTENSION)
TAP_TESTS      = 1
PROVE_TESTS    = test/t/*.pl

# The three promises of a fresh machine: each installs what it needs, works in
# a private copy of the server's tree and a throw-away cluster, and leaves the
# system's own clusters alone.  They come before PGXS, which may not be there yet.
ifneq (,$(filter check demo bench,$(MAKECMDGOALS)))

.PHONY: check demo bench
check:
	@test/setup/check.sh
demo:
	@demo/run.sh "$$CSV"
bench:
	@bench/run.sh $(ONLY)

else

PG_CONFIG ?= pg_config
PGXS := $(shell $(PG_CONFIG) --pgxs)
include $(PGXS)

all: $(DATA_built)

# PGXS knows no header dependencies; the compiler notes them beside each object.
# One without notes is made again.
-include $(OBJS:.o=.d)
$(OBJS): $(EXTENSION).control
$(filter-out $(patsubst %.d,%.o,$(wildcard $(OBJS:.o=.d))),$(OBJS)): unknown-headers
.PHONY: unknown-headers
unknown-headers:

# Loops over the values of a block and the bytes of a text: built as the server builds its own numeric.c.
$(filter $(foreach f,distinct frequent hash look moments quantiles sketch table_read value,src/profile/$(f)%),$(OBJS)): \
  CFLAGS += $(CFLAGS_UNROLL_LOOPS) $(CFLAGS_VECTORIZE)

# What SQL calls and the server looks for, and nothing else: main functions of parallel workers, and those of background
# workers, which are told to the postmaster as "aipipe_<kind>_main".
# Libraries are loaded with their symbols global, so any other name could meet another extension's.
build/exports.txt: $(wildcard src/*/*.c) Makefile
	@mkdir -p build
	( echo _PG_init; echo Pg_magic_func; \
	  sed -n -e 's/^PG_FUNCTION_INFO_V1(\([a-z0-9_]*\)).*/\1 pg_finfo_\1/p' \
	    -e 's/.*CreateParallelContext("$(EXTENSION)", "\([a-z0-9_]*\)".*/\1/p' \
	    -e 's/.*"\($(EXTENSION)_[a-z]*_main\)".*/\1/p' $(filter %.c,$^) | tr ' ' '\n' | sort ) > $@

# Fresh install: nothing may replace an object that is already there.
build/$(EXTENSION)--$(EXTVERSION).sql: sql/header.sql $(TABLES) $(FUNCTIONS) $(EXTENSION).control Makefile
	@mkdir -p build
	cat $(filter %.sql,$^) | sed 's/^CREATE OR REPLACE /CREATE /' > $@

# A release for PGXN: the committed tree, with the version filled in.
.PHONY: dist
dist: $(EXTENSION)-$(EXTVERSION).zip
$(EXTENSION)-$(EXTVERSION).zip: $(EXTENSION).control META.json
	@mkdir -p build/dist
	sed 's/@VERSION@/$(EXTVERSION)/' META.json > build/dist/META.json
	git archive --format=zip --prefix=$(EXTENSION)-$(EXTVERSION)/ -o $@ \
		--add-file=build/dist/META.json HEAD -- . ':(exclude)META.json'

# Upgrade from any released version in one step: its table changes, then
# every function as it is now.
build/$(EXTENSION)--%--$(EXTVERSION).sql: sql/header.sql sql/upgrade/%.sql $(FUNCTIONS)
	@mkdir -p build
	cat $^ > $@

endif
