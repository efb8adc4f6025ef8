/* Whom to believe: chains of every kind, and the files that name authorities. */
#include "tls_kit.h"

#include <fcntl.h>
#include <unistd.h>

static struct kit_id ca, inter, leaf, odd;
static struct trust *t;

static enum tls_fault check(const struct span *chain, size_t n, const char *name, enum leaf_use use, int64_t now)
{
	return trust_verify(chain, n, t, &(struct trust_ask){use, span_str(name), now});
}

#define FAULT(got, want) CHECK_STR(tls_fault_name(got), tls_fault_name(want))

static void family(const struct kit_want *root, const struct kit_want *middle)
{
	kit_issue(&ca, NULL, root);
	kit_issue(&inter, &ca, middle);
	kit_issue(&leaf, &inter, &(struct kit_want){.cn = "leaf", .dns = "a.example", .eku = EKU_SERVER});
	t = kit_trust(&ca, TRUST_FILE);
}

static enum tls_fault whole(void)
{
	return check((struct span[]){leaf.cert, inter.cert}, 2, "a.example", LEAF_SERVER, KIT_NOW);
}

TEST(a_chain_of_two)
{
	family(&(struct kit_want){.cn = "root", .ca = true}, &(struct kit_want){.cn = "mid", .ca = true, .path_len = 1});
	FAULT(whole(), TLSF_NONE);
	FAULT(check((struct span[]){leaf.cert, inter.cert, ca.cert}, 3, "a.example", LEAF_SERVER, KIT_NOW), TLSF_NONE);
	FAULT(check((struct span[]){leaf.cert, inter.cert}, 2, "", LEAF_SERVER, KIT_NOW), TLSF_NONE);
	FAULT(check((struct span[]){leaf.cert, inter.cert}, 2, "b.example", LEAF_SERVER, KIT_NOW), TLSF_CERT_NAME);
	FAULT(check((struct span[]){leaf.cert}, 1, "a.example", LEAF_SERVER, KIT_NOW), TLSF_CERT_CA);
	FAULT(check((struct span[]){inter.cert, leaf.cert}, 2, "a.example", LEAF_SERVER, KIT_NOW), TLSF_CERT_NAME);
	FAULT(check((struct span[]){inter.cert, leaf.cert}, 2, "", LEAF_CLIENT, KIT_NOW), TLSF_NONE); /* decide/leaf says no */
	FAULT(check((struct span[]){leaf.cert, ca.cert}, 2, "a.example", LEAF_SERVER, KIT_NOW), TLSF_CERT_CHAIN);
	FAULT(check(NULL, 0, "a.example", LEAF_SERVER, KIT_NOW), TLSF_NO_CERT);
	trust_free(t);
}

TEST(dates_at_both_ends)
{
	struct span chain[2];

	family(&(struct kit_want){.cn = "root", .ca = true}, &(struct kit_want){.cn = "mid", .ca = true});
	chain[0] = leaf.cert;
	chain[1] = inter.cert;
	FAULT(check(chain, 2, "a.example", LEAF_SERVER, KIT_NOW + 99 * KIT_DAY), TLSF_NONE);
	/* the anchor has expired too, and is nobody then */
	CHECK(check(chain, 2, "a.example", LEAF_SERVER, KIT_NOW + 101 * KIT_DAY) != TLSF_NONE);
	CHECK(check(chain, 2, "a.example", LEAF_SERVER, KIT_NOW - 101 * KIT_DAY) != TLSF_NONE);
	CHECK(check(chain, 2, "a.example", LEAF_SERVER, 0) != TLSF_NONE);
	CHECK(check(chain, 2, "a.example", LEAF_SERVER, -5) != TLSF_NONE);
	trust_free(t);
}

/* br_x509_minimal does not look at the dates of an anchor. */
TEST(an_expired_anchor_is_nobody)
{
	family(&(struct kit_want){.cn = "root", .ca = true, .late = true}, &(struct kit_want){.cn = "mid", .ca = true});
	FAULT(whole(), TLSF_CERT_CA);
	trust_free(t);
}

TEST(an_expired_middle)
{
	family(&(struct kit_want){.cn = "root", .ca = true}, &(struct kit_want){.cn = "mid", .ca = true, .late = true});
	FAULT(whole(), TLSF_CERT_DATE);
	trust_free(t);
}

/* Nor at its path length: 0 means that it signs leaves only. */
TEST(path_lengths)
{
	family(&(struct kit_want){.cn = "root", .ca = true, .path_len = 1}, &(struct kit_want){.cn = "mid", .ca = true});
	FAULT(whole(), TLSF_CERT_USE);
	kit_issue(&odd, &ca, &(struct kit_want){.cn = "direct", .dns = "a.example"});
	FAULT(check(&odd.cert, 1, "a.example", LEAF_SERVER, KIT_NOW), TLSF_NONE);
	trust_free(t);
	family(&(struct kit_want){.cn = "root", .ca = true, .path_len = 2}, &(struct kit_want){.cn = "mid", .ca = true});
	FAULT(whole(), TLSF_NONE);
	trust_free(t);
}

/* Nor at what an authority is for. */
TEST(an_authority_for_something_else)
{
	family(&(struct kit_want){.cn = "root", .ca = true},
	       &(struct kit_want){.cn = "mid", .ca = true, .eku = EKU_CLIENT});
	FAULT(whole(), TLSF_CERT_USE);
	FAULT(check((struct span[]){leaf.cert, inter.cert}, 2, "", LEAF_CLIENT, KIT_NOW), TLSF_NONE);
	trust_free(t);
}

TEST(who_may_not_sign)
{
	family(&(struct kit_want){.cn = "root", .ca = true}, &(struct kit_want){.cn = "mid"});
	FAULT(whole(), TLSF_CERT_USE);
	trust_free(t);
	family(&(struct kit_want){.cn = "root", .ca = true},
	       &(struct kit_want){.cn = "mid", .ca = true, .ku = KU_CRL_SIGN});
	FAULT(whole(), TLSF_CERT_USE);
	trust_free(t);
}

/* The same name, another key: nothing but the signature tells them apart. */
TEST(a_false_authority_of_the_right_name)
{
	struct kit_id imposter;

	family(&(struct kit_want){.cn = "root", .ca = true}, &(struct kit_want){.cn = "mid", .ca = true});
	kit_issue(&imposter, NULL, &(struct kit_want){.cn = "root", .ca = true});
	kit_issue(&odd, &imposter, &(struct kit_want){.cn = "leaf", .dns = "a.example"});
	CHECK(check(&odd.cert, 1, "a.example", LEAF_SERVER, KIT_NOW) != TLSF_NONE);
	CHECK(check((struct span[]){odd.cert, imposter.cert}, 2, "a.example", LEAF_SERVER, KIT_NOW) != TLSF_NONE);
	CHECK(check((struct span[]){odd.cert, ca.cert}, 2, "a.example", LEAF_SERVER, KIT_NOW) != TLSF_NONE);
	trust_free(t);
}

TEST(a_flipped_bit_in_the_signature)
{
	uint8_t bad[2048];

	family(&(struct kit_want){.cn = "root", .ca = true}, &(struct kit_want){.cn = "mid", .ca = true});
	memcpy(bad, leaf.cert.p, leaf.cert.n);
	bad[leaf.cert.n - 1] ^= 1;
	FAULT(check((struct span[]){span_of(bad, leaf.cert.n), inter.cert}, 2, "a.example", LEAF_SERVER, KIT_NOW),
	      TLSF_CERT_SIG);
	trust_free(t);
}

/* Certificates of appliances: believed themselves, and nothing that they sign. */
TEST(an_anchor_that_is_no_authority)
{
	struct kit_id box;

	kit_issue(&box, NULL, &(struct kit_want){.cn = "box", .dns = "box.lan"});
	t = kit_trust(&box, TRUST_FILE);
	FAULT(check(&box.cert, 1, "box.lan", LEAF_SERVER, KIT_NOW), TLSF_NONE);
	FAULT(check(&box.cert, 1, "other.lan", LEAF_SERVER, KIT_NOW), TLSF_CERT_NAME);
	kit_issue(&odd, &box, &(struct kit_want){.cn = "child", .dns = "box.lan"});
	FAULT(check(&odd.cert, 1, "box.lan", LEAF_SERVER, KIT_NOW), TLSF_CERT_CA);
	FAULT(check((struct span[]){odd.cert, box.cert}, 2, "box.lan", LEAF_SERVER, KIT_NOW), TLSF_CERT_USE);
	kit_issue(&odd, NULL, &(struct kit_want){.cn = "box", .dns = "box.lan"}); /* its name, another key */
	FAULT(check(&odd.cert, 1, "box.lan", LEAF_SERVER, KIT_NOW), TLSF_CERT_CA);
	trust_free(t);
}

TEST(chains_are_bounded)
{
	struct span many[TLS_CHAIN + 1];
	static uint8_t big[X509_MAX + 1], third[TLS_CHAIN_BYTES / 2 - 100];

	family(&(struct kit_want){.cn = "root", .ca = true}, &(struct kit_want){.cn = "mid", .ca = true});
	for (size_t i = 0; i <= TLS_CHAIN; i++)
		many[i] = i == 0 ? leaf.cert : inter.cert;
	FAULT(check(many, TLS_CHAIN, "a.example", LEAF_SERVER, KIT_NOW), TLSF_NONE);
	FAULT(check(many, TLS_CHAIN + 1, "a.example", LEAF_SERVER, KIT_NOW), TLSF_CERT_CHAIN);
	many[0] = span_of(big, sizeof big);
	FAULT(check(many, 1, "a.example", LEAF_SERVER, KIT_NOW), TLSF_CERT_CHAIN);
	many[0] = leaf.cert;
	many[1] = inter.cert;
	many[2] = many[3] = span_of(third, sizeof third);
	FAULT(check(many, 4, "a.example", LEAF_SERVER, KIT_NOW), TLSF_CERT_CHAIN);
	trust_free(t);
}

/* ---- files -------------------------------------------------------------------------------- */

static int load(const char *text, enum trust_kind kind, struct why *w)
{
	*w = (struct why){0};
	t = NULL;
	return trust_new(&t, span_str(text), "/etc/zt/ca.pem", kind, w);
}

TEST(files_say_what_is_wrong)
{
	struct why w;

	CHECK_INT(load("", TRUST_FILE, &w), -ZT_E_MISSING);
	CHECK_STR(w.text, "/etc/zt/ca.pem: there is no certificate in it that zt could trust");
	CHECK_INT(load(rsa2048_pem, TRUST_FILE, &w), -ZT_E_MISSING);
	CHECK_INT(load(weak_pem, TRUST_FILE, &w), -ZT_E_KEY);
	CHECK(strstr(w.text, "/etc/zt/ca.pem: line 1: ") && strstr(w.text, "weak"));
	CHECK_INT(load(weak_pem, TRUST_SYSTEM, &w), -ZT_E_MISSING); /* skipped, and then none is left */
	CHECK_INT(load("x\n-----BEGIN CERTIFICATE-----\nMAAA\n-----END CERTIFICATE-----\n", TRUST_FILE, &w), -ZT_E_SYNTAX);
	CHECK(strstr(w.text, "line 2"));
	CHECK(load("-----BEGIN CERTIFICATE-----\nMAAA\n", TRUST_FILE, &w) < 0);
	CHECK(strstr(w.text, "ca.pem"));
}

TEST(the_names_for_clients_are_bounded)
{
	static uint8_t mem[1 << 20];
	struct wr wr = wr_of(mem, sizeof mem);
	struct why w = {0};
	struct kit_id one;

	kit_issue(&one, NULL, &(struct kit_want){.cn = "forty letters so that it takes more bytes", .ca = true});
	for (size_t i = 0; i < TRUST_NAMES / 54 + 2; i++)
		kit_pem(&wr, &one);
	CHECK_INT(trust_new(&t, wr_span(&wr), "many.pem", TRUST_CLIENTS, &w), -ZT_E_TOOLONG);
	CHECK(strstr(w.text, "many.pem") && strstr(w.text, "name only those"));
	w = (struct why){0};
	CHECK_INT(trust_new(&t, wr_span(&wr), "many.pem", TRUST_FILE, &w), 0);
	trust_free(t);
}

FLOODS(BOUND_TLS_ANCHORS)
{
	static uint8_t mem[1 << 20];
	struct wr wr = wr_of(mem, sizeof mem);
	struct why w = {0};
	struct kit_id one;

	kit_issue(&one, NULL, &(struct kit_want){.cn = "one", .ca = true});
	for (size_t i = 0; i < BOUND_CAP(BOUND_TLS_ANCHORS); i++)
		kit_pem(&wr, &one);
	NEED(trust_new(&t, wr_span(&wr), "many.pem", TRUST_FILE, &w) == 0);
	CHECK_INT(trust_size(t), BOUND_CAP(BOUND_TLS_ANCHORS));
	trust_free(t);
	kit_pem(&wr, &one);
	CHECK(!wr.full);
	CHECK_INT(trust_new(&t, wr_span(&wr), "many.pem", TRUST_FILE, &w), -ZT_E_TOOLONG);
	CHECK(strstr(w.text, "more than 512 certificates"));
}

/* Debian's and Alpine's bundle: about 140 authorities, of which zt uses nearly all. */
TEST(the_systems_bundle)
{
	static uint8_t mem[1 << 20];
	struct why w = {0};
	int fd = open("/etc/ssl/certs/ca-certificates.crt", O_RDONLY);
	ssize_t n = fd < 0 ? -1 : read(fd, mem, sizeof mem);

	NEED(n > 0);
	close(fd);
	NEED(trust_new(&t, span_of(mem, (size_t)n), "system", TRUST_SYSTEM, &w) == 0);
	printf("%zu used, %zu left out\n", trust_size(t), trust_skipped(t));
	CHECK(trust_size(t) >= 100 && trust_skipped(t) <= 10);
	trust_free(t);
}
