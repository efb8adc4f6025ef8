/* Key files. Invariants: what is read is a pair that signs and verifies, within the bounds, and
 * an EC key is written and read back as the same; what is refused is told in words and leaves
 * nothing behind. Encrypted files are opened with "hunter2" when that costs few rounds. */
#include <stdlib.h>
#include <string.h>

#include "wire/der.h"
#include "wire/pbes2.h"
#include "wire/pem.h"
#include "wire/privkey.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define MUST(cond) ((cond) ? (void)0 : abort())
#define CHEAP 64

static struct privkey key, again;

static bool is_cheap(struct span file)
{
	static uint8_t mem[PRIVKEY_MAX];
	struct pem block;
	struct pbes2 p;
	unsigned line = 1;
	bool ok;
	struct der d = der_whole(file, DER_SEQUENCE, &ok);

	while (!ok && pem_next(&file, &line, &block, NULL) > 0)
		if (span_ends(block.label, "PRIVATE KEY")) {
			int n = pem_decode(&block, mem, sizeof mem, NULL);

			if (n < 0)
				return true;
			d = der_whole(span_of(mem, (size_t)n), DER_SEQUENCE, &ok);
			break;
		}
	return !ok || der_peek(&d) != DER_SEQUENCE || pbes2_read(&p, &d, CHEAP, NULL) == 0;
}

static void write_and_read(void)
{
	static const uint8_t salt[16], iv[16];
	uint8_t mem[600];
	struct wr w = wr_of(mem, sizeof mem);

	MUST(privkey_write(&w, &key.key) == 0 && !w.full);
	MUST(privkey_read(&again, wr_span(&w), SPAN_NONE, NULL) == 0);
	MUST(span_eq(again.key.scalar, key.key.scalar) && span_eq(again.point, key.point));
	w = wr_of(mem, sizeof mem);
	MUST(privkey_write_encrypted(&w, &key.key, SPAN_LIT("pw"), 1, salt, iv) == 0 && !w.full);
	MUST(privkey_read(&again, wr_span(&w), SPAN_LIT("pw"), NULL) == 0);
	MUST(span_eq(again.key.scalar, key.key.scalar));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct span file = span_of(data, n);
	struct why why = {0};
	int rc = privkey_read(&key, file, is_cheap(file) ? SPAN_LIT("hunter2") : SPAN_NONE, &why);
	struct pk_public pub = privkey_public(&key);
	uint8_t sig[PK_SIG_MAX];

	if (rc < 0) {
		MUST(why.text[0] && -(int)why.err == rc);
		for (size_t i = 0; i < sizeof key; i++)
			MUST(((const uint8_t *)&key)[i] == 0);
		return 0;
	}
	MUST(rc == 0 && why.text[0] == '\0' && pk_check_public(&pub) == 0 && pk_pair(&key.key, &pub));
	rc = pk_sign(&key.key, PK_SHA256, file, sig);
	MUST(rc > 0 && pk_verify(&pub, PK_SHA256, file, span_of(sig, (size_t)rc)) == 0);
	if (pub.type != PK_RSA)
		write_and_read();
	return 0;
}
