/*
 * p12_tool: what lib/wire/p12.c, mobileconfig.c and the derivation under them write, for other programs
 * to judge. Passwords are in files; these keys are worth nothing.
 *
 *   kdf sha1|sha256 USE ROUNDS HEXPASS HEXSALT LENGTH   "hex"; USE: 1 key, 2 vector, 3 MAC
 *   make compat|modern KEY NAME PASSWORDFILE CERT...    a PKCS#12 file; CERT in DER, the key's first
 *   profile TITLE ID P12 ROOT...                        a configuration profile; ROOT in DER
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/crypto.h"
#include "base/ct.h"
#include "base/num.h"
#include "base/pbe.h"
#include "wire/mobileconfig.h"
#include "wire/p12.h"
#include "wire/privkey.h"

static uint8_t files[1 << 18], made[1 << 18];
static size_t used;

static void must(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "p12_tool: %s\n", what);
	exit(1);
}

static struct span slurp(const char *path)
{
	FILE *f = fopen(path, "rb");
	size_t from = used;

	must(f != NULL, path);
	used += fread(&files[used], 1, sizeof files - used, f);
	must(!ferror(f) && used < sizeof files, path);
	fclose(f);
	return span_of(&files[from], used - from);
}

static int put(const struct wr *w)
{
	return fwrite(w->p, 1, w->n, stdout) == w->n && fflush(stdout) == 0 ? 0 : 1;
}

static struct span unhex(const char *hex, uint8_t *out, size_t cap)
{
	must(strlen(hex) / 2 <= cap && ct_hex_decode(span_str(hex), out) == 0, "not hex");
	return span_of(out, strlen(hex) / 2);
}

static int kdf(char **arg, int n)
{
	uint8_t password[P12_KDF_PASSWORD_MAX], salt[P12_KDF_SALT_MAX], out[256];
	struct p12_kdf k = {.prf = strcmp(arg[0], "sha1") == 0 ? PBE_HMAC_SHA1 : PBE_HMAC_SHA256};
	unsigned long len = strtoul(arg[5], NULL, 10);

	(void)n;
	must(len <= sizeof out, "too long");
	k.iterations = (uint32_t)strtoul(arg[2], NULL, 10);
	k.password = unhex(arg[3], password, sizeof password);
	k.salt = unhex(arg[4], salt, sizeof salt);
	p12_kdf(&k, (enum p12_use)strtoul(arg[1], NULL, 10), out, len);
	for (size_t i = 0; i < len; i++)
		printf("%02x", out[i]);
	puts("");
	return 0;
}

static int make(char **arg, int n)
{
	static struct privkey key;
	struct p12_make m = {.profile = strcmp(arg[0], "modern") == 0 ? P12_MODERN : P12_COMPAT, .key = &key.key};
	struct wr w = wr_of(made, sizeof made);
	struct why why = {0};

	must(privkey_read(&key, slurp(arg[1]), SPAN_NONE, &why) == 0, why.text);
	m.name = span_str(arg[2]);
	m.password = slurp(arg[3]);
	for (int i = 4; i < n && m.ncerts < P12_CERTS; i++)
		m.certs[m.ncerts++] = slurp(arg[i]);
	random_bytes(m.random, sizeof m.random);
	must(p12_write(&w, &m, &why) == 0, why.text);
	return put(&w);
}

static int profile(char **arg, int n)
{
	struct mobileconfig m = {.title = span_str(arg[0]), .id = span_str(arg[1]), .p12 = slurp(arg[2])};
	struct wr w = wr_of(made, sizeof made);

	for (int i = 3; i < n && m.nroots < MOBILECONFIG_ROOTS; i++)
		m.roots[m.nroots++] = slurp(arg[i]);
	random_bytes(m.uuid, sizeof m.uuid);
	must(mobileconfig_write(&w, &m) == 0, "refused");
	return put(&w);
}

static const struct {
	const char *name;
	int least;
	int (*run)(char **arg, int n);
} commands[] = {{"kdf", 6, kdf}, {"make", 5, make}, {"profile", 3, profile}};

int main(int argc, char **argv)
{
	for (size_t i = 0; argc > 1 && i < ARRAY_LEN(commands); i++)
		if (strcmp(argv[1], commands[i].name) == 0 && argc - 2 >= commands[i].least)
			return commands[i].run(&argv[2], argc - 2);
	fputs("usage: p12_tool kdf|make|profile …\n", stderr);
	return 2;
}
