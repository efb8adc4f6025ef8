/* A disk that fails and memory that is short: nothing is answered that is not on the disk. */
#include "issuer_kit.h"

#include <errno.h>

#include "tests/unit/wrapio.h"

static struct kit k;

/* Each failure of the disk at each call of an issue: no certificate is answered, and what a restart finds is
 * all of it or nothing of it. */
TEST(what_is_not_on_the_disk_is_not_answered)
{
	static const enum wrap_call calls[] = {WRAP_WRITE, WRAP_PWRITE, WRAP_FSYNC, WRAP_FDATASYNC};
	static const int errors[] = {EIO, ENOSPC};
	unsigned failed = 0;
	struct pair p;

	for (size_t c = 0; c < ARRAY_LEN(calls); c++)
		for (size_t e = 0; e < ARRAY_LEN(errors); e++) {
			uint8_t serial[CERT_SERIAL];
			int rc;

			kit_open(&k);
			NEED(kit_issue(&k, ROLE_CLIENT, "before", &p, serial) == 0);
			k.log.level = LOG_ERROR; /* its writes are not the journal's */
			wrap_reset();
			wrap_fail(calls[c], 1, errors[e], 1000);
			rc = kit_issue(&k, ROLE_CLIENT, "after", &p, NULL);
			if (rc < 0) {
				failed++;
				CHECK(!k.out.has[CAF_CHAIN]);
				CHECK(kit_name(&k, CA_SHOW, "after") == -ZT_E_NOTFOUND);
				CHECK(kit_name(&k, CA_REVOKE, "before") < 0 && kit_state(&k, serial) == CERT_GOOD);
			}
			wrap_reset();
			kit_reopen(&k);
			CHECK_INT(kit_name(&k, CA_SHOW, "before"), 0);
			CHECK(kit_name(&k, CA_SHOW, "after") == 0 || rc < 0);
			CHECK_INT(kit_issue(&k, ROLE_CLIENT, "later", &p, NULL), 0);
			kit_close(&k);
		}
	CHECK(failed >= 2); /* the calls that the journal really makes */
}

/* Everything that takes memory, with the n-th piece of it missing: an error in words, never a crash, and it
 * works again afterwards. */
TEST(short_of_memory_it_says_so_and_goes_on)
{
	struct casign list = {.type = CA_LIST}, crl = {.type = CA_LIST}, facts = {.type = CA_FACTS}, entries = {.type = CA_ENTRIES};
	uint8_t serial[CERT_SERIAL], instance = 1;
	unsigned refused = 0;
	struct pair p;

	put_num(&list, CAF_KIND, CA_LIST_STATUS);
	put_num(&crl, CAF_KIND, CA_LIST_CRL);
	put_num(&crl, CAF_ANCHOR, ANCHOR_INFRA);
	put_num(&entries, CAF_INDEX, 0);
	for (unsigned n = 1; n <= 24; n++) {
		kit_open(&k);
		NEED(kit_issue(&k, ROLE_CLIENT, "a", &p, serial) == 0);
		wrap_reset();
		wrap_fail(WRAP_MALLOC, n, ENOMEM, 1);
		refused += kit_ask(&k, 'f', &list) == -ZT_E_NOMEM;
		refused += kit_ask(&k, 'f', &crl) == -ZT_E_NOMEM;
		refused += kit_ask(&k, 'f', &facts) == -ZT_E_NOMEM;
		refused += kit_ask(&k, 'c', &entries) == -ZT_E_NOMEM;
		refused += kit_seen(&k, serial, instance) == -ZT_E_NOMEM;
		refused += kit_issue(&k, ROLE_CLIENT, "b", &p, NULL) == -ZT_E_NOMEM;
		wrap_reset();
		CHECK_INT(kit_ask(&k, 'f', &list), 0);
		CHECK_INT(kit_ask(&k, 'f', &crl), 0);
		CHECK_INT(kit_seen(&k, serial, instance), 0);
		kit_close(&k);
	}
	CHECK(refused >= 10);
}
