/*
 * key_tool: what lib/wire/privkey.c makes of key files, for a test that compares it with other
 * programs. Passphrases are arguments: these keys are worth nothing.
 *
 *   show FILE PASSPHRASE              "ok TYPE HEX" (the point, or the modulus), or "refused NAME: SENTENCE"
 *   seal FILE PASSPHRASE NEW ROUNDS   the same key as PEM; not encrypted when NEW is empty
 *   new TYPE NEW ROUNDS               a fresh key likewise; TYPE: p256 p384 p521
 *   sign FILE PASSPHRASE HASH         signs standard input; HASH: sha256 sha384 sha512
 *   verify FILE PASSPHRASE HASH SIG   "good" or "bad": standard input and the file SIG
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/crypto.h"
#include "base/num.h"
#include "wire/pem.h"
#include "wire/privkey.h"

static const char *const type_names[] = {[PK_NONE] = "none", [PK_P256] = "p256", [PK_P384] = "p384", [PK_P521] = "p521", [PK_RSA] = "rsa"};
static const char *const hash_names[] = {[PK_SHA256] = "sha256", [PK_SHA384] = "sha384", [PK_SHA512] = "sha512"};

static uint8_t file_mem[65536], input_mem[65536], sig_mem[4096];
static struct privkey key;

static struct span slurp(FILE *f, uint8_t *mem, size_t cap)
{
	size_t n;

	if (f == NULL)
		exit(2);
	n = fread(mem, 1, cap, f);
	if (n == cap || ferror(f))
		exit(2);
	return span_of(mem, n);
}

static void load(char **arg)
{
	struct span file = slurp(fopen(arg[0], "rb"), file_mem, sizeof file_mem);
	struct why why = {0};

	if (privkey_read(&key, file, span_str(arg[1]), &why) < 0) {
		printf("refused %s: %s\n", err_name(why.err), why.text);
		exit(1);
	}
}

static size_t name_index(const char *const *names, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(names[i], name) == 0)
			return i;
	exit(2);
}

static int show(char **arg)
{
	struct span s;

	load(arg);
	s = key.key.type == PK_RSA ? key.key.n : key.point;
	printf("ok %s ", type_names[key.key.type]);
	for (size_t i = 0; i < s.n; i++)
		printf("%02x", s.p[i]);
	puts("");
	return 0;
}

static int write_pem(const struct pk_private *k, const char *passphrase, const char *rounds)
{
	uint8_t der[1024], pem[2048], salt[16], iv[16];
	struct wr w = wr_of(der, sizeof der), p = wr_of(pem, sizeof pem);
	uint64_t iterations;

	if (*passphrase == '\0') {
		if (privkey_write(&w, k) < 0)
			return 1;
	} else {
		random_bytes(salt, sizeof salt);
		random_bytes(iv, sizeof iv);
		if (span_u64(span_str(rounds), UINT32_MAX, &iterations) < 0 ||
		    privkey_write_encrypted(&w, k, span_str(passphrase), (uint32_t)iterations, salt, iv) < 0)
			return 1;
	}
	pem_write(&p, *passphrase ? "ENCRYPTED PRIVATE KEY" : "PRIVATE KEY", wr_span(&w));
	if (w.full || p.full)
		abort();
	fwrite(pem, 1, p.n, stdout);
	return 0;
}

static int seal(char **arg)
{
	load(arg);
	return write_pem(&key.key, arg[2], arg[3]);
}

static int new(char **arg)
{
	uint8_t scalar[PK_SCALAR_MAX];
	struct pk_private k = {.type = (enum pk_type)name_index(type_names, ARRAY_LEN(type_names), arg[0])};
	int n = pk_generate(k.type, scalar, sizeof scalar);

	if (n < 0)
		return 1;
	k.scalar = span_of(scalar, (size_t)n);
	return write_pem(&k, arg[1], arg[2]);
}

static int sign(char **arg)
{
	enum pk_hash h = (enum pk_hash)name_index(hash_names, ARRAY_LEN(hash_names), arg[2]);
	uint8_t sig[PK_SIG_MAX];
	int n;

	load(arg);
	n = pk_sign(&key.key, h, slurp(stdin, input_mem, sizeof input_mem), sig);
	if (n < 0)
		return 1;
	fwrite(sig, 1, (size_t)n, stdout);
	return 0;
}

static int verify(char **arg)
{
	enum pk_hash h = (enum pk_hash)name_index(hash_names, ARRAY_LEN(hash_names), arg[2]);
	struct span sig = slurp(fopen(arg[3], "rb"), sig_mem, sizeof sig_mem);
	struct pk_public pub;

	load(arg);
	pub = privkey_public(&key);
	puts(pk_verify(&pub, h, slurp(stdin, input_mem, sizeof input_mem), sig) == 0 ? "good" : "bad");
	return 0;
}

static const struct {
	const char *name;
	int args;
	int (*run)(char **arg);
} commands[] = {{"show", 2, show}, {"seal", 4, seal}, {"new", 3, new}, {"sign", 3, sign}, {"verify", 4, verify}};

int main(int argc, char **argv)
{
	for (size_t i = 0; argc > 1 && i < ARRAY_LEN(commands); i++)
		if (strcmp(argv[1], commands[i].name) == 0 && argc - 2 == commands[i].args)
			return commands[i].run(&argv[2]);
	fputs("usage: key_tool show|seal|new|sign|verify …\n", stderr);
	return 2;
}
