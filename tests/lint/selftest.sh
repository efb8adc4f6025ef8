#!/usr/bin/env bash
# selftest.sh: proves that every lint rule can fail. A small good tree passes all rules; then one
# file at a time is made bad, and the rule meant for it must refuse it with the words expected.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
lint=$PWD/tests/lint.sh

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
good=$tmp/good
touch "$tmp/failures" "$tmp/cases" # a line each: the cases run in pipelines, which are subshells

put() { # FILE: stdin becomes this file of the good tree
	mkdir -p "$good/$(dirname "$1")"
	cat >"$good/$1"
}

put lib/base/thing.h <<'END'
/* thing: holds one number, for the tests of lint. */
#ifndef ZT_THING_H
#define ZT_THING_H

struct thing {
	int n;
	int (*exit)(void);
};
int thing_number(const struct thing *t);

#endif
END
put lib/base/thing.c <<'END'
/* thing: see thing.h. It says malloc(), strcpy() and <bearssl.h> in comments and strings only. */
#include "thing.h"

#include <string.h>

static const char *const words[] = {"malloc(1)", "system(\"x\")"};

int thing_number(const struct thing *t)
{
	return t->n > 0 ? (int)strlen(words[0]) : t->exit();
}
END
put lib/base/ct.h <<'END'
/* ct: stands for the file that compares secrets. */
#ifndef ZT_CT_H
#define ZT_CT_H

#endif
END
put lib/wire/pure.c <<'END'
/* pure: calls only what is below it. */
#include "base/thing.h"

int pure_number(const struct thing *t);

int pure_number(const struct thing *t)
{
	return thing_number(t);
}
END
put lib/io/upper.h <<'END'
/* upper: something of a higher layer. */
#ifndef ZT_UPPER_H
#define ZT_UPPER_H

int upper(void);

#endif
END
put roles/roles.h <<'END'
/* roles: the entry points. */
#ifndef ZT_ROLES_H
#define ZT_ROLES_H

int one_main(int argc, char **argv);

#endif
END
put roles/two.h <<'END'
/* two: another role's header. */
#ifndef ZT_TWO_H
#define ZT_TWO_H

#endif
END
put roles/one.c <<'END'
/* one: a role, which may print and end. */
#include "roles/roles.h"

#include <stdio.h>

int one_main(int argc, char **argv)
{
	printf("%d %s\n", argc, argv[0]);
	return 0;
}
END
put tests/ok.sh <<'END'
#!/bin/sh
echo "$1"
END
put tests/lint/allowed <<'END'
# nothing is exempt
END

report() { # WHAT: lint's own words follow
	echo "$1" >>"$tmp/failures"
	echo "selftest: $1"
	sed 's/^/    /' "$tmp/out"
}

echo good >>"$tmp/cases"
bash "$lint" --root "$good" >"$tmp/out" 2>&1 || report "the good tree was refused"

# bad RULE WORDS FILE: stdin becomes FILE, in an otherwise good tree, and RULE must say WORDS.
bad() {
	local rule=$1 words=$2 file=$3 tree=$tmp/bad
	echo "$rule $file" >>"$tmp/cases"
	rm -rf "$tree"
	cp -r "$good" "$tree"
	mkdir -p "$tree/$(dirname "$file")"
	cat >"$tree/$file"
	if bash "$lint" --root "$tree" "$rule" >"$tmp/out" 2>&1; then
		report "$rule let $file pass: $words"
	elif ! grep -Eq -- "$words" "$tmp/out"; then
		report "$rule refused $file, but not with '$words'"
	fi
}
c() { # BODY [INCLUDE]: a C file with one function
	printf '/* bad: a file that lint must refuse. */\n%s\nint bad(int n);\n\nint bad(int n)\n{\n%s\n\treturn n;\n}\n' \
		"${2:-}" "$1"
}

c $'\tint unused;\n' | bad gcc 'unused variable' lib/base/bad.c
c $'\tunsigned u = n;\n\tn = (int)u;' | bad gcc 'sign-conversion' lib/base/bad.c
c $'\tint unused;\n' | bad clang 'unused variable' lib/base/bad.c
c $'\tint *p = 0;\n\tif (n > 3)\n\t\tp = &n;\n\tif (n < 3)\n\t\tn = *p;' | bad analyzer 'analyzer-null-dereference' lib/base/bad.c
c $'\tint x = n;\n\tif (n)\n\t\tx = 1;\n\telse\n\t\tx = 1;\n\tn = x;' | bad tidy 'bugprone-branch-clone' lib/base/bad.c

c '' '#include "io/upper.h"' | bad layers 'base may use only itself' lib/base/bad.c
c '' '#include "roles/roles.h"' | bad layers 'a library file includes' lib/base/bad.c
c '' '#include "roles/two.h"' | bad layers 'a role knows no other role' roles/bad.c
c '' '#include "nowhere.h"' | bad layers 'neither beside it' lib/base/bad.c
c '' | bad layers 'not in one of lib' lib/other/bad.c

c '' '#include <bearssl.h>' | bad third-party '<bearssl.h> is not for this file' lib/io/bad.c
c '' '#include <ini.h>' | bad third-party '<ini.h> is not for this file' roles/bad.c
printf '/* bad */\nstruct bad { br_sha256_context c; };\n' | bad third-party "BearSSL's names stay out" lib/io/bad.h
printf 'include ini.h lib/base/thing.c no longer true\n' | bad third-party 'nothing needs' tests/lint/allowed

for header in unistd.h sys/socket.h time.h stdio.h stdlib.h errno.h; do
	c '' "#include <$header>" | bad purity "includes $header: this layer is pure" lib/wire/bad.c
done
c $'\tn = errno;' | bad purity 'errno: this layer is pure' lib/decide/bad.c
c $'\tn = close(n);' 'int close(int fd);' | bad pure-calls 'calls close' lib/wire/bad.c
c $'\tn = upper();' 'int upper(void);' | bad pure-calls 'calls upper' lib/decide/bad.c

for call in 'strcpy(a, b)' 'sprintf(a, b)' 'strtok(a, b)' 'atoi(a)' 'sscanf(a, b)' 'alloca(9)' 'setjmp(a)' \
	'system(a)' 'rand()' 'gets(a)'; do
	c $'\t'"$call;" | bad banned "bad.c:7: ${call%%(*}:" tests/unit/base/bad.c
done
for call in 'malloc(9)' 'strdup(a)' 'strtol(a)' 'getaddrinfo(a)' 'clock_gettime(a)' 'time(0)' 'getrandom(a)' \
	'fork()' 'execve(a)'; do
	c $'\t'"$call;" | bad banned "bad.c:7: ${call%%(*}:" roles/bad.c
done
for call in 'printf(a)' 'exit(1)' 'abort()' 'getenv(a)'; do
	c $'\t'"$call;" | bad banned "bad.c:7: ${call%%(*}:" lib/io/bad.c
done
c $'\tn = memcmp(a, b, 3);' '#include "ct.h"' | bad banned 'memcmp in a file that handles secrets' lib/base/bad.c
c $'again:\n\tif (n++ < 3)\n\t\tgoto again;' | bad banned 'goto again' lib/base/bad.c
c $'out:\n\tif (n++ < 3)\n\t\tgoto out;' | bad banned 'goto out: only forward' lib/base/bad.c
printf 'alloc malloc lib/base/thing.c no longer true\n' | bad banned 'nothing needs' tests/lint/allowed
printf 'alloc malloc lib/base/thing.c\n' | bad banned 'a row is' tests/lint/allowed

c '' 'static int counter; int *at(void); int *at(void) { return &counter; }' |
	bad globals 'counter is a mutable global' lib/base/bad.c
c $'\tstatic int calls = 1;\n\tn += ++calls;' | bad globals 'calls.* is a mutable global' lib/base/bad.c
c '' 'extern int shared; int shared = 7;' | bad globals 'shared is a mutable global' roles/bad.c

{
	printf '/* bad: too long */\nint bad(int n);\n\nint bad(int n)\n{\n'
	printf '\tn++;\n%.0s' {1..68}
	printf '\treturn n;\n}\n'
} | bad length 'bad has 72 lines' lib/base/bad.c
{
	printf '/* bad: too long */\nint bad(int n);\n'
	printf '/* */\n%.0s' {1..599}
} | bad length '601 lines in one file' lib/base/bad.c
printf '/* bad */\nint bad(int a, int b, void (*c)(int, int), int d, int e, int f, int g)\n{\n\treturn a;\n}\n' |
	bad length 'bad has 7 parameters' lib/base/bad.c

printf '%s\n' '#!/bin/sh' 'cd /tmp' | bad shell 'SC2164' tests/bad.sh
printf '%s\n' '#!/bin/bash' 'if true; then' | bad shell 'error' .ci/run

printf '%s\n' "see /wor""k/main for more" | bad names "is not of this project" docs/bad.md
printf '%s\n' "as the sub""agent said" | bad names "is not of this project" lib/base/bad.c

printf '/* bad: trailing blank below */\n\nint x; \n' | bad text 'bad.c:3: trailing blanks' lib/base/bad.c
printf '/* bad: no newline at the end */' | bad text 'no newline at the end' lib/base/bad.c
printf '\nint bad(void);\n' | bad text 'does not open with a comment' lib/base/bad.c
printf '/* bad: a header without a guard */\nint bad(void);\n' | bad text 'no include guard' lib/base/bad.h

failed=$(wc -l <"$tmp/failures") cases=$(wc -l <"$tmp/cases")
if [ "$failed" != 0 ]; then
	echo "selftest: $failed of $cases cases failed"
	exit 1
fi
echo "selftest: $cases cases, each refused by its rule"
