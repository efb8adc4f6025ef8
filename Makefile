# zt: `make` builds ./zt, `make demo` shows it, `make test` proves it, `make help` lists the rest.
#
# Three variants share the rules below, each under build/<variant>/:
#   rel   what ships: musl, static-pie, no INTERP
#   asan  the host's C library with AddressSanitizer and UBSan (clang)
#   fuzz  one libFuzzer program per tests/fuzz/fuzz_*.c (clang)

VERSION  := 0.1.0
CC       := gcc
CLANG    := clang
PREFIX   := /usr/local
DESTDIR  :=
MULTIARCH := $(shell $(CC) -print-multiarch 2>/dev/null)

LAYERS   := base wire decide io serve
LIB_SRC  := $(sort $(wildcard $(LAYERS:%=lib/%/*.c)))
ROLE_SRC := main.c $(sort $(wildcard roles/*.c roles/*/*.c))

WARN := -Wall -Wextra -Wshadow -Wconversion -Wformat=2 -Wvla -Wswitch-enum -Wstrict-prototypes \
        -Wmissing-prototypes -Wpointer-arith -Wcast-align -Wwrite-strings -Wundef -Werror
CPPFLAGS_ALL := -D_GNU_SOURCE -DZT_VERSION='"$(VERSION)"' -I. -Ilib
HARDEN := -fstack-protector-strong -fstack-clash-protection -ftrivial-auto-var-init=zero \
          -fno-delete-null-pointer-checks -fno-strict-aliasing -fwrapv -fno-common
ifneq ($(filter x86_64%,$(MULTIARCH)),)
HARDEN += -fcf-protection=return
else ifneq ($(filter aarch64%,$(MULTIARCH)),)
HARDEN += -mbranch-protection=standard
endif
CFLAGS_ALL := -std=gnu11 -O2 -g -ffunction-sections -fdata-sections \
              -ffile-prefix-map=$(CURDIR)=. $(WARN)

# ---- where BearSSL and inih come from ----------------------------------------------------
# Default: the distribution's static archives. make BEARSSL=DIR: a BearSSL source tree.
SYSTEM_A = $(firstword $(wildcard /usr/lib/$(MULTIARCH)/$(1) /usr/lib/$(1)))
ifdef BEARSSL
CPPFLAGS_ALL += -isystem $(BEARSSL)/inc
BEARSSL_A := $(BEARSSL)/build/libbearssl.a
else
BEARSSL_A := $(call SYSTEM_A,libbearssl.a)
endif
INIH_A := $(call SYSTEM_A,libinih.a)
ifeq ($(INIH_A),)
CPPFLAGS_ALL += -isystem build/inih
INIH_A := $(wildcard build/inih/libinih.a)
endif

# ---- musl: native on Alpine; beside glibc on Debian ---------------------------------------
# Debian's musl-gcc quietly links -static-pie dynamically, so zt names the start files itself.
ifneq ($(wildcard /lib/ld-musl-*.so.1 /etc/alpine-release),)
NATIVE_MUSL := $(wildcard /etc/alpine-release)
endif
ifdef NATIVE_MUSL
REL_CPP  :=
REL_LINK = $(CC) -static-pie -o $@ $(1) build/rel/libbearssl.a $(INIH_A) $(LDFLAGS_REL)
else
MUSL     := /usr/lib/$(firstword $(subst -, ,$(MULTIARCH)))-linux-musl
MUSL_INC := /usr/include/$(firstword $(subst -, ,$(MULTIARCH)))-linux-musl
GCC_FILE = $(shell $(CC) -print-file-name=$(1))
# After musl's own headers come the host's, for linux/*.h, bearssl.h and ini.h only.
REL_CPP  := -nostdinc -isystem $(MUSL_INC) -isystem $(call GCC_FILE,include) \
            -idirafter /usr/include -idirafter /usr/include/$(MULTIARCH)
REL_LINK = $(CC) -static-pie -nostdlib -o $@ $(MUSL)/rcrt1.o $(MUSL)/crti.o \
           $(call GCC_FILE,crtbeginS.o) $(1) -Wl,--start-group build/rel/libbearssl.a $(INIH_A) \
           $(MUSL)/libc.a -lgcc -Wl,--end-group $(call GCC_FILE,crtendS.o) $(MUSL)/crtn.o $(LDFLAGS_REL)
endif
LDFLAGS_REL := -Wl,--gc-sections -Wl,-z,relro,-z,now,-z,noexecstack,-z,separate-code \
               -Wl,--build-id=none
# Packed relocations, 66 KB less, and who corrects them where musl cannot: third_party/start.c.
ifneq ($(NATIVE_MUSL)$(filter x86_64% aarch64%,$(MULTIARCH)),)
LDFLAGS_REL += -Wl,-z,pack-relative-relocs
START := $(if $(NATIVE_MUSL),,build/rel/third_party/start.o)
LDFLAGS_REL += $(START:%=-Wl,-e,zt_start)
endif

SAN := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
CC_rel     := $(CC)
# Nothing unwinds a stack at run time; a debugger finds its tables in .debug_frame all the same. 115 KB.
CFLAGS_rel := $(CFLAGS_ALL) $(HARDEN) -fPIE -fno-asynchronous-unwind-tables -fno-unwind-tables $(REL_CPP)
CC_asan     := $(CLANG)
CFLAGS_asan := $(filter-out -O2,$(CFLAGS_ALL)) -O1 $(SAN)
CC_fuzz     := $(CLANG)
CFLAGS_fuzz := $(filter-out -O2,$(CFLAGS_ALL)) -O1 $(SAN) -fsanitize=fuzzer-no-link
LINK_asan = $(CLANG) $(SAN) -o $@ $(1) $(BEARSSL_A) $(INIH_A)
LINK_fuzz = $(CLANG) $(SAN) -fsanitize=fuzzer -o $@ $(1) $(BEARSSL_A) $(INIH_A)
LINK_rel  = $(REL_LINK)
# The library's unwind tables are of no more use than ours would be: 16 KB.
build/rel/libbearssl.a: $(BEARSSL_A) build/flags
	@mkdir -p $(dir $@)
	@objcopy -R .eh_frame $< $@
build/rel/libbase.a: | build/rel/libbearssl.a # whatever is linked has it

# make V=1 shows the commands.
SAY = @$(if $(V),set -x,echo "  $(1)  $@");
.DEFAULT_GOAL := zt
.DELETE_ON_ERROR:
.SECONDARY:

# Small rather than fast, but for what looks at every byte: 140 KB less. Nothing else was measured to be faster so.
HOT  := $(addprefix lib/,base/aead.c base/crc32c.c base/gcm_x86.c base/gcm_vaes.c base/span.c wire/httpfield.c \
          wire/httphead.c wire/record.c io/tlsdata.c)
COLD := $(filter-out $(HOT),$(LIB_SRC)) $(wildcard main.c roles/*.c roles/*/*.c)
# Guards stand in functions with arrays, not in every one that takes an address (strong, as in HOT): 40 KB.
SMALL_rel := -Oz -fstack-protector -ftrivial-auto-var-init=uninitialized

# Everything is compiled anew when the commands that compile change, and nothing is compiled
# while something is missing.
FLAGS := $(foreach v,rel asan fuzz,$(CC_$(v)) $(CFLAGS_$(v))) $(CPPFLAGS_ALL) $(LDFLAGS_REL) $(BEARSSL_A) $(SMALL_rel) $(HOT)
build/flags: FORCE | $(and $(BEARSSL),$(BEARSSL_A))
	@mkdir -p build
	@echo '$(FLAGS)' | cmp -s - $@ || { sh third_party/deps.sh --check build && echo '$(FLAGS)' >$@; }
ifdef BEARSSL
$(BEARSSL_A):
	$(MAKE) -C $(BEARSSL) lib CC='$(CC)' CFLAGS='-O2 -fPIE -fno-common -fstack-protector-strong'
bearssl: $(BEARSSL_A)
endif

# ---- one set of rules per variant ---------------------------------------------------------
define variant
build/$(1)/%.o: %.c build/flags
	@mkdir -p $$(dir $$@)
	$$(call SAY,CC  )$$(CC_$(1)) $$(CPPFLAGS_ALL) $$(CFLAGS_$(1)) $$(if $$(filter $$(COLD),$$<),$$(SMALL_$(1))) -MMD -MP -c -o $$@ $$<
$(foreach l,$(LAYERS),
build/$(1)/lib$(l).a: $(patsubst %.c,build/$(1)/%.o,$(filter lib/$(l)/%,$(LIB_SRC)))
	@mkdir -p $$(dir $$@) && rm -f $$@
	@ar rcsD $$@ $$^
)
ARCHIVES_$(1) := $(patsubst %,build/$(1)/lib%.a,serve io decide wire base)
endef
$(foreach v,rel asan fuzz,$(eval $(call variant,$(v))))
SHIM := build/rel/third_party/shim.o $(START)
$(START): CFLAGS_rel += -fno-stack-protector

build/rel/zt: LDFLAGS_REL += -Wl,-Map=build/rel/zt.map
build/rel/zt: $(ROLE_SRC:%.c=build/rel/%.o) $(ARCHIVES_rel) $(SHIM)
	$(call SAY,LINK)$(call LINK_rel,$^)
build/asan/zt: $(ROLE_SRC:%.c=build/asan/%.o) $(ARCHIVES_asan)
	$(call SAY,LINK)$(call LINK_asan,$^)

# The release's objects with a clock that tests set: tests/clock/hidden.c.
build/clock/zt: $(ROLE_SRC:%.c=build/rel/%.o) build/rel/tests/clock/hidden.o $(ARCHIVES_rel) $(SHIM)
	@mkdir -p $(dir $@)
	$(call SAY,LINK)$(call LINK_rel,$^) -Wl,--wrap=clock_gettime,--wrap=epoll_wait,--wrap=poll

zt: build/rel/zt
	@strip -o $@ $<
	@sh tests/check-binary.sh $@

# ---- tests: one program per noun, linked with its own layer and those below ---------------
# tests/unit/<layer>/test_<noun>.c. Archives give the linker only what the noun pulls in, and
# nothing from a layer above: that a test links at all proves the direction.
UNIT_SRC := $(sort $(wildcard tests/unit/*/test_*.c))
below_base   := base
below_wire   := wire base
below_decide := decide wire base
below_io     := io decide wire base
below_serve  := serve io decide wire base
# wrapio.o stands between a test and the kernel only where a test asks for it by name.
WRAPPED := read write pwrite pread fsync fdatasync ftruncate rename renameat openat open malloc calloc realloc \
           accept4 socket connect recv send recvfrom sendto
define unit_rule
build/$(1)/$(2:%.c=%): build/$(1)/$(2:%.c=%.o) build/$(1)/tests/unit/unit.o \
    $(if $(findstring _fault,$(2)),build/$(1)/tests/unit/wrapio.o) \
    $(patsubst %,build/$(1)/lib%.a,$(below_$(word 3,$(subst /, ,$(2))))) $(if $(filter rel,$(1)),$(SHIM))
	$$(call SAY,LINK)$$(call LINK_$(1),$$^) $(if $(findstring _fault,$(2)),$(WRAPPED:%=-Wl,--wrap=%))
endef
$(foreach v,rel asan,$(foreach t,$(UNIT_SRC),$(eval $(call unit_rule,$(v),$(t)))))
UNIT_rel  := $(UNIT_SRC:%.c=build/rel/%)
UNIT_asan := $(UNIT_SRC:%.c=build/asan/%)

FUZZ_SRC := $(sort $(wildcard tests/fuzz/fuzz_*.c))
FUZZ_BIN := $(FUZZ_SRC:tests/fuzz/%.c=build/fuzz/%)
build/fuzz/fuzz_%: build/fuzz/tests/fuzz/fuzz_%.o $(ARCHIVES_fuzz)
	$(call SAY,LINK)$(call LINK_fuzz,$^)

# Small programs that behaviour tests and benches drive.
TOOL_SRC := $(sort $(wildcard tests/tools/*.c bench/*.c))
TOOL_BIN := $(TOOL_SRC:%.c=build/rel/%) build/rel/tests/zt-next build/rel/tests/zt-strange
build/rel/tests/tools/%: build/rel/tests/tools/%.o $(ARCHIVES_rel) $(SHIM)
	$(call SAY,LINK)$(call LINK_rel,$^)
# zt of a later version of the hand-over at an upgrade: one that can still be read, and one that cannot.
build/rel/tests/zt-next: UPMSG := -DUPMSG_VERSION=2
build/rel/tests/zt-strange: UPMSG := -DUPMSG_VERSION=2 -DUPMSG_LEAST=2
build/rel/tests/zt-%: $(ROLE_SRC:%.c=build/rel/%.o) lib/wire/upmsg.c $(ARCHIVES_rel) $(SHIM)
	@mkdir -p $(dir $@)
	$(call SAY,CC  )$(CC_rel) $(CPPFLAGS_ALL) $(CFLAGS_rel) $(UPMSG) -c -o $@.o lib/wire/upmsg.c
	$(call SAY,LINK)$(call LINK_rel,$@.o $(filter-out %.c,$^))
build/rel/bench/%: build/rel/bench/%.o $(ARCHIVES_rel) $(SHIM)
	$(call SAY,LINK)$(call LINK_rel,$^)

# A zt whose allocator fails as it is told to: tests/starve/starve.c.
build/rel/tests/zt-starved: $(ROLE_SRC:%.c=build/rel/%.o) build/rel/tests/starve/starve.o $(ARCHIVES_rel) $(SHIM)
	$(call SAY,LINK)$(call LINK_rel,$^) $(foreach c,malloc calloc realloc accept4,-Wl,--wrap=$(c))
TOOL_BIN += build/rel/tests/zt-starved

-include $(shell find build -name '*.d' 2>/dev/null)

.PHONY: all tools bearssl deps need-build need-test need-lint demo test unit asan ubsan sandbox-off \
        fuzz lint testssl forge certlint reproducible size bench soak install uninstall clean help FORCE
all: zt
tools: $(TOOL_BIN) build/clock/zt

deps:
	@sh third_party/deps.sh
# What a goal lacks is installed first, and then make starts over with it.
need-build need-test need-lint: need-%:
	@sh third_party/deps.sh --check build $* 2>/dev/null || sh third_party/deps.sh build $*

demo: need-build
	@$(MAKE) --no-print-directory zt
	@./zt demo

test: need-test
	@$(MAKE) --no-print-directory zt tools $(UNIT_rel) $(FUZZ_BIN)
	@bash tests/run.sh all

unit: $(UNIT_rel)
	@bash tests/run.sh unit

# Both sanitizers are in one build: they cost one run instead of two and never disagree.
asan ubsan: need-test
	@$(MAKE) --no-print-directory build/asan/zt tools $(UNIT_asan) $(FUZZ_BIN)
	@bash tests/run.sh asan

# What must hold without any sandbox: the sandbox is the second line, not the first.
sandbox-off: need-test
	@$(MAKE) --no-print-directory zt tools
	@bash tests/run.sh sandbox-off

FUZZ_SECONDS := 60
fuzz: need-test
	@$(MAKE) --no-print-directory $(FUZZ_BIN)
	@bash tests/fuzz/run.sh $(FUZZ_SECONDS)

lint: need-lint
	@bash tests/lint.sh
# The compile command of a variant, for lint: make -s flags-rel
flags-%:
	$(info $(CC_$*) $(CPPFLAGS_ALL) $(CFLAGS_$*))
	@:

# What testssl.sh finds has an answer in docs/testssl.md; some minutes long.
testssl: need-test
	@$(MAKE) --no-print-directory zt
	@bash tests/testssl.sh

# Readers and judges that no distribution packages.
forge: need-test
	@$(MAKE) --no-print-directory tools
	@bash tests/forge.sh
certlint: need-test
	@$(MAKE) --no-print-directory tools
	@bash tests/certlint.sh

reproducible:
	@bash tests/check-reproducible.sh

size: zt
	@sh tests/check-binary.sh --report zt

bench: zt tools
	@bash bench/run.sh $(BENCH)

soak: zt tools $(UNIT_rel) $(FUZZ_BIN)
	@bash tests/soak.sh

install: zt
	install -D -m 0755 zt $(DESTDIR)$(PREFIX)/bin/zt
	install -D -m 0644 -t $(DESTDIR)$(PREFIX)/share/doc/zt config.ini.example LICENSE
	install -D -m 0644 -t $(DESTDIR)$(PREFIX)/share/doc/zt/licenses third_party/licenses/*
uninstall:
	rm -f $(DESTDIR)$(PREFIX)/bin/zt
	rm -rf $(DESTDIR)$(PREFIX)/share/doc/zt

clean:
	rm -rf build zt

help:
	@sed -n 's/^## //p' Makefile
## make            build ./zt (static-pie, stripped, checked)
## make deps       install what building and testing need (Debian, Alpine)
## make demo       build and show a tunnel on this machine
## make test       the whole suite; ends with "N passed, N failed"
## make asan       the suite's core under AddressSanitizer and UBSan (ubsan is the same run)
## make fuzz       every fuzz target for FUZZ_SECONDS (60)
## make sandbox-off  the security tests with every sandbox off
## make lint       warnings by two compilers, layers, banned calls, length limits
## make testssl  testssl.sh against a relay; what it finds must have its answer in docs/testssl.md
## make certlint   every kind of certificate, judged by zlint when it is on PATH, and by our own lint
## make forge      node-forge (from npm) reads our PKCS#12
## make reproducible  build twice, differently, and compare
## make size       what the binary weighs and whether it is hardened
## make bench      measurements beside real peers; BENCH=race for one of bench/*.sh
## make soak       the long versions of the tests
## make install    DESTDIR and PREFIX are honoured
## make V=1 ...    shows the commands
## make BEARSSL=DIR  build against a BearSSL source tree
