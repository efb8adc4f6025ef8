/* The two signatures: good ones, every bit of them and of what they cover, and each in the other's place.
 * tests/behaviour/ca-joins-with-one-string.sh has OpenSSL sign the one and verify the other. */
#include "tests/unit/wire/keypair.h"

#include "wire/enrolsig.h"

static uint8_t serial[16] = {1, 2, 3}, csr[64] = {0x30, 62};
static const struct span s16 = {serial, sizeof serial}, request = {csr, sizeof csr};

TEST(a_renewal_is_signed_on_every_curve)
{
	static const enum pk_type types[] = {PK_P256, PK_P384, PK_P521};

	for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
		uint8_t sig[PK_SIG_MAX];
		struct wr w = wr_of(sig, sizeof sig);
		struct pair p, other;

		pair_make(&p, types[i]);
		pair_make(&other, types[i]);
		CHECK_INT(enrolsig_renewal(&w, &p.key, s16, request), 0);
		CHECK_INT(enrolsig_renewal_by(&p.pub, s16, request, wr_span(&w)), 0);
		CHECK_INT(enrolsig_renewal_by(&other.pub, s16, request, wr_span(&w)), -ZT_E_DENIED);
		CHECK_INT(enrolsig_renewal_by(&p.pub, s16, request, SPAN_NONE), -ZT_E_DENIED);
		for (size_t bit = 0; bit < 8 * w.n; bit += 5) {
			sig[bit / 8] ^= (uint8_t)(1u << bit % 8);
			CHECK_INT(enrolsig_renewal_by(&p.pub, s16, request, wr_span(&w)), -ZT_E_DENIED);
			sig[bit / 8] ^= (uint8_t)(1u << bit % 8);
		}
		serial[15] ^= 1;
		CHECK_INT(enrolsig_renewal_by(&p.pub, s16, request, wr_span(&w)), -ZT_E_DENIED);
		serial[15] ^= 1;
		csr[63] ^= 1;
		CHECK_INT(enrolsig_renewal_by(&p.pub, s16, request, wr_span(&w)), -ZT_E_DENIED);
		csr[63] ^= 1;
		CHECK_INT(enrolsig_renewal_by(&p.pub, span_of(serial, 15), request, wr_span(&w)), -ZT_E_DENIED);
		CHECK_INT(enrolsig_renewal(&w, &p.key, span_of(serial, 15), request), -ZT_E_KEY);
	}
}

TEST(anchors_are_signed_in_their_places_and_order)
{
	const struct span a[3] = {SPAN_LIT("infra"), SPAN_LIT("device"), SPAN_NONE};
	const struct span swapped[3] = {a[1], a[0], a[2]}, moved[3] = {SPAN_LIT("infrad"), SPAN_LIT("evice"), SPAN_NONE},
			  third[3] = {a[0], SPAN_NONE, a[1]};
	uint8_t mem[ENROLSIG_TRUST];
	struct wr w = wr_of(mem, sizeof mem);
	struct pair p, big;

	pair_make(&p, PK_P256);
	pair_make(&big, PK_P384);
	CHECK_INT(enrolsig_trust(&w, &p.key, (struct trust_order){7, 0x0102030405060708}, a), 0);
	CHECK_INT(enrolsig_trust_by(&p.pub, wr_span(&w), a), 0);
	CHECK(enrolsig_order(wr_span(&w)).epoch == 7 && enrolsig_order(wr_span(&w)).number == 0x0102030405060708);
	CHECK_INT(enrolsig_trust_by(&p.pub, wr_span(&w), swapped), -ZT_E_DENIED);
	CHECK_INT(enrolsig_trust_by(&p.pub, wr_span(&w), moved), -ZT_E_DENIED);
	CHECK_INT(enrolsig_trust_by(&p.pub, wr_span(&w), third), -ZT_E_DENIED);
	CHECK_INT(enrolsig_trust_by(&big.pub, wr_span(&w), a), -ZT_E_DENIED);
	for (size_t bit = 0; bit < 8 * w.n; bit += 3) {
		mem[bit / 8] ^= (uint8_t)(1u << bit % 8);
		CHECK_INT(enrolsig_trust_by(&p.pub, wr_span(&w), a), -ZT_E_DENIED);
		mem[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	for (size_t n = 0; n < w.n; n++)
		CHECK_INT(enrolsig_trust_by(&p.pub, span_of(mem, n), a), -ZT_E_DENIED);
	CHECK(enrolsig_order(span_of(mem, 15)).epoch == 0);
	w.n = 0;
	CHECK_INT(enrolsig_trust(&w, &big.key, (struct trust_order){1, 1}, a), -ZT_E_KEY);
	w = wr_of(mem, 40);
	CHECK_INT(enrolsig_trust(&w, &p.key, (struct trust_order){1, 1}, a), -ZT_E_FULL);
}
