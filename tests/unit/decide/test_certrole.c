/* The table of roles, what may be issued and what never is; certificates made here are read again field
 * by field. Other programs judge them in tests/behaviour. */
#include "decide/certrole.h"

#include "base/crypto.h"
#include "base/num.h"
#include "decide/leaf.h"
#include "tests/unit/unit.h"

#define NOW INT64_C(1795000000)
#define DAY INT64_C(86400)
#define ID "00112233445566778899aabb"

struct pair {
	uint8_t scalar[PK_SCALAR_MAX], point[PK_POINT_MAX], mem[200];
	struct pk_private key;
	struct span spki;
};

static void pair_make(struct pair *p, enum pk_type type)
{
	struct wr w = wr_of(p->mem, sizeof p->mem);
	struct pk_public pub = {.type = type};
	int n = pk_generate(type, p->scalar, sizeof p->scalar);

	CHECK(n > 0);
	p->key = (struct pk_private){.type = type, .scalar = span_of(p->scalar, (size_t)n)};
	pub.point = span_of(p->point, (size_t)pk_point(&p->key, p->point, sizeof p->point));
	x509_wr_spki(&w, &pub);
	p->spki = wr_span(&w);
}

static const uint8_t serial_bytes[CERT_SERIAL] = {0x7f, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 0xff};

struct world {
	struct pair ca, leaf;
	uint8_t ca_mem[1024], mem[2048];
	struct x509 anchor;
	struct cert_issuer by;
	struct signer signer;
	struct cert_wish wish;
	struct why why;
};

static void world_make(struct world *t, enum cert_role role)
{
	struct wr w = wr_of(t->ca_mem, sizeof t->ca_mem);

	t->why = (struct why){0};
	pair_make(&t->ca, PK_P256);
	pair_make(&t->leaf, PK_P256);
	t->signer = signer_of(&t->ca.key);
	CHECK_INT(anchor_make(&w, cert_role(role)->anchor, span_of(serial_bytes, CERT_SERIAL), t->ca.spki, NOW, ANCHOR_LIFETIME,
			      &t->signer, &t->why), 0);
	CHECK_INT(x509_read(&t->anchor, wr_span(&w), &t->why), 0);
	cert_issuer_of(&t->by, &t->anchor);
	t->wish = (struct cert_wish){.role = role, .id = SPAN_LIT(ID), .serial = span_of(serial_bytes, CERT_SERIAL),
				     .spki = t->leaf.spki, .now = NOW};
	if (cert_role(role)->needs_name) {
		t->wish.san[0] = (struct san){SAN_DNS, SPAN_LIT("nas.home.arpa")};
		t->wish.nsans = 1;
	}
}

static int make(struct world *t, struct x509 *out)
{
	struct wr w = wr_of(t->mem, sizeof t->mem);
	int err;

	t->why = (struct why){0};
	err = cert_make(&w, &t->wish, &t->by, &t->signer, &t->why);
	if (err)
		return err;
	return x509_read(out, wr_span(&w), &t->why);
}

/* The check alone and the making refuse alike, with a sentence that holds `says`. */
static void refused(struct world *t, enum zt_err want, const char *says)
{
	struct x509 c;
	struct why w = {0};

	CHECK_INT(cert_wish_check(&t->wish, &t->by, &w), -(int)want);
	CHECK_INT(make(t, &c), -(int)want);
	if (strstr(t->why.text, says) == NULL || strcmp(w.text, t->why.text) != 0)
		unit_fail(__FILE__, __LINE__, "\"%s\" does not say \"%s\"", t->why.text, says);
}

TEST(anchors_have_names)
{
	enum cert_anchor a;

	for (unsigned i = 0; i < ANCHORS; i++)
		CHECK(anchor_find(span_str(anchor_name(i)), &a) == 0 && a == i);
	CHECK_INT(anchor_find(SPAN_LIT("Infra"), &a), -ZT_E_UNKNOWN);
	CHECK_INT(anchor_find(SPAN_NONE, &a), -ZT_E_UNKNOWN);
	CHECK_STR(anchor_name(ANCHORS), "?");
}

static const struct {
	const char *name;
	enum cert_role role;
	enum cert_anchor anchor;
	uint32_t eku;
	bool dns, ip, needs, joins, renews;
	int64_t days;
} want[] = {
	{"edge", 1, ANCHOR_INFRA, EKU_SERVER, true, true, false, true, true, 90},
	{"connector", 2, ANCHOR_INFRA, EKU_SERVER | EKU_CLIENT, false, false, false, true, true, 90},
	{"client", 3, ANCHOR_INFRA, EKU_CLIENT, false, false, false, true, true, 30},
	{"service", 4, ANCHOR_ACME, EKU_SERVER, true, true, true, true, false, 397},
	{"device", 5, ANCHOR_DEVICE, EKU_CLIENT, false, false, false, true, false, 730},
	{"registry", 6, ANCHOR_INFRA, EKU_SERVER, true, true, false, false, false, 3653},
};

TEST(the_table)
{
	enum cert_role r;

	for (size_t i = 0; i < ARRAY_LEN(want); i++) {
		const struct cert_role_row *row = cert_role(want[i].role);

		NEED(row && cert_role_find(span_str(want[i].name), &r) == 0 && r == want[i].role);
		CHECK_STR(row->name, want[i].name);
		CHECK(row->anchor == want[i].anchor && row->eku == want[i].eku);
		CHECK(row->dns == want[i].dns && row->ip == want[i].ip && row->needs_name == want[i].needs);
		CHECK(row->joins == want[i].joins && row->renews == want[i].renews && row->about[0]);
		CHECK_INT(row->lifetime, want[i].days * DAY);
	}
	CHECK(cert_role(ROLE_NONE) == NULL && cert_role(CERT_ROLES) == NULL && cert_role(255) == NULL);
	CHECK_INT(cert_role_find(SPAN_LIT("root"), &r), -ZT_E_UNKNOWN);
	CHECK_INT(cert_role_find(SPAN_NONE, &r), -ZT_E_UNKNOWN);
	/* a default is what may be asked for, too */
	for (unsigned i = 1; i < CERT_ROLES; i++)
		CHECK(cert_role(i)->lifetime >= CERT_LIFETIME_MIN && cert_role(i)->lifetime <= CERT_LIFETIME_MAX);
}

TEST(names_of_people)
{
	static const char *const good[] = {"a", "Z9", "anna@home.arpa", "pixel-7_pro.2", "0"};
	static const char *const bad[] = {"", ".a", "-a", "@a", "_a", "a b", "a/b", "a\n", "a'", "a\"", "\xc3\xa4", "a:b"};
	char longest[CERT_NAME_MAX + 1];

	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		CHECK(cert_name_ok(span_str(good[i])));
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		CHECK(!cert_name_ok(span_str(bad[i])));
	CHECK(!cert_name_ok(SPAN_LIT("a\0b")));
	/* that could be an id or a serial number */
	CHECK(!cert_name_ok(SPAN_LIT(ID)) && !cert_name_ok(SPAN_LIT("00112233445566778899AABB")));
	CHECK(!cert_name_ok(SPAN_LIT("7f112233445566778899aabbccddeeff")));
	CHECK(cert_name_ok(SPAN_LIT("00112233445566778899aab")) && cert_name_ok(SPAN_LIT("00112233445566778899aabg")));
	memset(longest, 'x', sizeof longest);
	CHECK(cert_name_ok(span_of(longest, CERT_NAME_MAX)) && !cert_name_ok(span_of(longest, CERT_NAME_MAX + 1)));
}

/* What every certificate of ours is, whatever its role. */
static void is_ours(const struct world *t, const struct x509 *c)
{
	const struct cert_role_row *row = cert_role(t->wish.role);
	struct leaf_ca ca;
	struct leaf_rule rule = {.use = row->eku & EKU_CLIENT ? LEAF_CLIENT : LEAF_SERVER, .now = NOW,
				 .roles = 1u << t->wish.role, .cas = &ca, .ncas = 1};
	uint8_t pin[32];
	char id[17];

	leaf_ca_of(&ca, &t->anchor);
	CHECK(c->version == 3 && span_eq(c->serial, t->wish.serial) && span_eq(c->spki, t->leaf.spki));
	CHECK(span_eq(c->issuer, t->anchor.subject) && span_eq_str(x509_cn(c->subject), ID));
	CHECK(c->has_basic && !c->ca && c->path_len == -1);
	CHECK(c->has_ku && c->ku == KU_SIGN && c->has_eku && c->eku == row->eku && !c->eku_critical);
	CHECK(!c->name_constraints && !c->unknown_critical.n && !c->san_critical);
	CHECK(c->ski.n == X509_KEY_ID && span_eq(c->aki, t->anchor.ski));
	CHECK_INT(c->not_before, NOW - 300);
	CHECK(c->not_after <= t->anchor.not_after && x509_signed_by(c, &t->anchor.key) == 0);
	CHECK(span_eq_str(leaf_zt_id(c), ID));
	CHECK_INT(leaf_check(c, &rule), LEAF_OK);
	x509_pin(&t->anchor, pin);
	for (size_t i = 0; i < 8; i++)
		snprintf(id + 2 * i, 3, "%02x", pin[i]);
	CHECK_STR(t->by.ca_id, id);
}

TEST(every_role_is_made_and_read)
{
	for (unsigned role = 1; role < CERT_ROLES; role++) {
		struct world t;
		struct x509 c;

		world_make(&t, role);
		if (make(&t, &c) != 0) {
			unit_fail(__FILE__, __LINE__, "%s: %s", cert_role(role)->name, t.why.text);
			continue;
		}
		is_ours(&t, &c);
		CHECK_INT(c.not_after - NOW, cert_role(role)->lifetime);
	}
}

TEST(a_role_is_valid_as_itself_only)
{
	for (unsigned role = 1; role < CERT_ROLES; role++) {
		struct world t;
		struct leaf_ca ca;
		struct x509 c;

		world_make(&t, role);
		NEED(make(&t, &c) == 0);
		leaf_ca_of(&ca, &t.anchor);
		for (unsigned other = 1; other < CERT_ROLES; other++) {
			struct leaf_rule rule = {.use = cert_role(role)->eku & EKU_CLIENT ? LEAF_CLIENT : LEAF_SERVER, .now = NOW,
						 .roles = 1u << other, .cas = &ca, .ncas = 1};

			CHECK_INT(leaf_check(&c, &rule), role == other ? LEAF_OK : LEAF_ROLE);
		}
	}
}

TEST(names_stand_behind_the_zt_name)
{
	static const uint8_t v4[4] = {192, 168, 1, 2}, v6[16] = {0xfd, 0, [15] = 1};
	struct world t;
	struct x509 c;
	struct span rest;
	struct san s;

	world_make(&t, ROLE_SERVICE);
	t.wish.san[1] = (struct san){SAN_IP, span_of(v4, 4)};
	t.wish.san[2] = (struct san){SAN_IP, span_of(v6, 16)};
	t.wish.nsans = 3;
	NEED(make(&t, &c) == 0);
	is_ours(&t, &c);
	rest = c.san;
	CHECK(x509_san_next(&rest, &s) == 1 && s.kind == SAN_URI && span_ends(s.value, "/service/" ID));
	CHECK(x509_san_next(&rest, &s) == 1 && s.kind == SAN_DNS && span_eq_str(s.value, "nas.home.arpa"));
	CHECK(x509_san_next(&rest, &s) == 1 && s.kind == SAN_IP && span_eq(s.value, span_of(v4, 4)));
	CHECK(x509_san_next(&rest, &s) == 1 && s.kind == SAN_IP && span_eq(s.value, span_of(v6, 16)));
	CHECK_INT(x509_san_next(&rest, &s), 0);
}

TEST(names_that_are_refused)
{
	static const uint8_t mapped[16] = {[10] = 0xff, 0xff, 10, 0, 0, 1}, zero[16];
	static const struct {
		struct san san;
		const char *says;
	} bad[] = {
		{{SAN_DNS, SPAN_LIT("*")}, "wildcard"},
		{{SAN_DNS, SPAN_LIT("*.example.org")}, "wildcard"},
		{{SAN_DNS, SPAN_LIT("a.*.example.org")}, "'a.*.example.org' is no DNS name"},
		{{SAN_DNS, SPAN_LIT("")}, "is no DNS name"},
		{{SAN_DNS, SPAN_LIT("a b")}, "'...' is no DNS name"},
		{{SAN_DNS, SPAN_LIT("a\0b")}, "'...' is no DNS name"},
		{{SAN_DNS, SPAN_LIT("a.example\n")}, "'...' is no DNS name"},
		{{SAN_DNS, SPAN_LIT("192.168.1.2")}, "is no DNS name"},
		{{SAN_DNS, SPAN_LIT("-a.example")}, "is no DNS name"},
		{{SAN_DNS, SPAN_LIT("a.example.")}, "is no DNS name"},
		{{SAN_DNS, SPAN_LIT("NAS.home.arpa")}, "given twice"},
		{{SAN_IP, {zero, 5}}, "4 or 16 bytes"},
		{{SAN_IP, SPAN_NONE}, "4 or 16 bytes"},
		{{SAN_IP, {zero, 4}}, "names no host"},
		{{SAN_IP, {zero, 16}}, "names no host"},
		{{SAN_IP, {mapped, 16}}, "not mapped"},
		{{SAN_URI, SPAN_LIT("zt://0011223344556677/edge/aa")}, "no other kind"},
		{{SAN_MAIL, SPAN_LIT("a@example.org")}, "no other kind"},
		{{SAN_OTHER, SPAN_LIT("\xa0\x00")}, "no other kind"},
	};
	struct world t;

	world_make(&t, ROLE_SERVICE);
	t.wish.nsans = 2;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		t.wish.san[1] = bad[i].san;
		refused(&t, ZT_E_DENIED, bad[i].says);
	}
	t.wish.nsans = 0;
	refused(&t, ZT_E_DENIED, "needs a name");
	t.wish.nsans = CERT_SANS + 1;
	refused(&t, ZT_E_RANGE, "at most 16");
}

TEST(roles_without_names)
{
	static const uint8_t v4[4] = {10, 0, 0, 1};
	static const enum cert_role without[] = {ROLE_CONNECTOR, ROLE_CLIENT, ROLE_DEVICE};

	for (size_t i = 0; i < ARRAY_LEN(without); i++) {
		struct world t;

		world_make(&t, without[i]);
		t.wish.nsans = 1;
		t.wish.san[0] = (struct san){SAN_DNS, SPAN_LIT("a.example")};
		refused(&t, ZT_E_DENIED, "has no DNS names");
		t.wish.san[0] = (struct san){SAN_IP, span_of(v4, 4)};
		refused(&t, ZT_E_DENIED, "has no IP addresses");
	}
}

TEST(dates_that_are_refused)
{
	struct world t;
	struct x509 c;

	world_make(&t, ROLE_CLIENT);
	t.wish.not_after = NOW + 59;
	refused(&t, ZT_E_RANGE, "60 seconds");
	t.wish.not_after = NOW - 1;
	refused(&t, ZT_E_RANGE, "60 seconds");
	t.wish.not_after = INT64_MIN;
	refused(&t, ZT_E_RANGE, "60 seconds");
	t.wish.not_after = NOW + CERT_LIFETIME_MAX + 1;
	refused(&t, ZT_E_RANGE, "ten years");
	t.wish.not_after = INT64_MAX;
	refused(&t, ZT_E_RANGE, "outlive");
	t.wish.not_after = NOW + CERT_LIFETIME_MAX;
	CHECK_INT(make(&t, &c), 0);
	CHECK_INT(c.not_after, NOW + CERT_LIFETIME_MAX);
	t.wish.not_after = NOW + 60;
	CHECK_INT(make(&t, &c), 0);
	CHECK_INT(c.not_after, NOW + 60);
}

TEST(nothing_outlives_its_issuer)
{
	struct world t;
	struct x509 c;

	world_make(&t, ROLE_REGISTRY);
	t.wish.now = t.anchor.not_after - 5 * DAY;
	t.wish.not_after = t.anchor.not_after;
	CHECK_INT(make(&t, &c), 0);
	t.wish.not_after++;
	refused(&t, ZT_E_RANGE, "ends 5 days from now");
	t.wish.not_after = 0; /* a default is shortened instead */
	NEED(make(&t, &c) == 0);
	CHECK_INT(c.not_after, t.anchor.not_after);
	t.wish.now = t.anchor.not_after - 30;
	refused(&t, ZT_E_RANGE, "60 seconds");
	t.wish.now = t.anchor.not_after;
	refused(&t, ZT_E_DENIED, "not valid any more");
	t.wish.now = t.anchor.not_before - 1;
	refused(&t, ZT_E_DENIED, "not valid yet");
}

TEST(ids_serials_and_roles_that_cannot_be)
{
	static const uint8_t low[CERT_SERIAL] = {0, 1}, high[CERT_SERIAL] = {0x80};
	struct world t;

	world_make(&t, ROLE_EDGE);
	t.wish.serial = span_of(low, CERT_SERIAL);
	refused(&t, ZT_E_RANGE, "serial");
	t.wish.serial = span_of(high, CERT_SERIAL);
	refused(&t, ZT_E_RANGE, "serial");
	t.wish.serial = span_of(serial_bytes, CERT_SERIAL - 1);
	refused(&t, ZT_E_RANGE, "serial");
	t.wish.serial = SPAN_NONE;
	refused(&t, ZT_E_RANGE, "serial");
	world_make(&t, ROLE_EDGE);
	t.wish.id = SPAN_LIT("00112233445566778899AABB");
	refused(&t, ZT_E_RANGE, "24 hex digits");
	t.wish.id = SPAN_LIT("00112233445566778899aab");
	refused(&t, ZT_E_RANGE, "24 hex digits");
	t.wish.id = SPAN_LIT("0011223344/edge/99aabbcc");
	refused(&t, ZT_E_RANGE, "24 hex digits");
	t.wish.role = ROLE_NONE;
	refused(&t, ZT_E_DENIED, "no such role");
	t.wish.role = CERT_ROLES;
	refused(&t, ZT_E_DENIED, "no such role");
}

TEST(keys_that_are_refused)
{
	static const uint8_t point[65] = {4, 1};
	struct pk_public off = {.type = PK_P256, .point = span_of(point, sizeof point)};
	static const enum pk_type good[] = {PK_P256, PK_P384, PK_P521};
	uint8_t mem[200];
	struct wr w = wr_of(mem, sizeof mem);
	struct world t;
	struct x509 c;
	struct pair other;

	world_make(&t, ROLE_CLIENT);
	x509_wr_spki(&w, &off);
	t.wish.spki = wr_span(&w);
	refused(&t, ZT_E_KEY, "too weak"); /* not on the curve */
	t.wish.spki = SPAN_NONE;
	refused(&t, ZT_E_KEY, "too weak");
	t.wish.spki = t.anchor.spki;
	refused(&t, ZT_E_KEY, "authority's own");
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		pair_make(&t.leaf, good[i]);
		t.wish.spki = t.leaf.spki;
		CHECK_INT(make(&t, &c), 0);
		is_ours(&t, &c);
	}
	/* the wrong authority's key: found before anybody gets it */
	pair_make(&other, PK_P256);
	t.signer = signer_of(&other.key);
	CHECK_INT(make(&t, &c), -ZT_E_KEY);
	CHECK(strstr(t.why.text, "not that of the authority"));
}

TEST(no_room)
{
	struct world t;
	struct wr w;

	world_make(&t, ROLE_CLIENT);
	w = wr_of(t.mem, 300);
	CHECK_INT(cert_make(&w, &t.wish, &t.by, &t.signer, NULL), -ZT_E_FULL);
}

TEST(anchors_are_made)
{
	for (unsigned a = 0; a < ANCHORS; a++) {
		uint8_t mem[1024], pin[32];
		struct wr w = wr_of(mem, sizeof mem);
		struct pair p;
		struct signer s;
		struct why why = {0};
		struct x509 c;
		char cn[40];

		pair_make(&p, a == 1 ? PK_P384 : PK_P256);
		s = signer_of(&p.key);
		NEED(anchor_make(&w, a, span_of(serial_bytes, CERT_SERIAL), p.spki, NOW, ANCHOR_LIFETIME, &s, &why) == 0);
		NEED(x509_read(&c, wr_span(&w), &why) == 0);
		sha256(p.spki, pin);
		snprintf(cn, sizeof cn, "zt %s CA %02x%02x%02x%02x", anchor_name(a), pin[0], pin[1], pin[2], pin[3]);
		CHECK(span_eq_str(x509_cn(c.subject), cn) && span_eq(c.subject, c.issuer));
		CHECK(c.has_basic && c.ca && c.path_len == 0 && c.ku == (KU_CERT_SIGN | KU_CRL_SIGN) && !c.has_eku && !c.san.n);
		CHECK(c.not_before == NOW - 300 && c.not_after == NOW + ANCHOR_LIFETIME && c.ski.n == X509_KEY_ID);
		CHECK_INT(anchor_check(&c, NOW, &why), 0);
		CHECK_INT(anchor_check(&c, NOW - 301, NULL), -ZT_E_DENIED);
		CHECK_INT(anchor_check(&c, NOW + ANCHOR_LIFETIME, NULL), -ZT_E_DENIED);
	}
}

TEST(anchors_that_are_not_made)
{
	uint8_t mem[1024];
	struct wr w = wr_of(mem, sizeof mem);
	struct span serial = span_of(serial_bytes, CERT_SERIAL);
	struct pair p, q;
	struct signer s;

	pair_make(&p, PK_P256);
	pair_make(&q, PK_P256);
	s = signer_of(&p.key);
	CHECK_INT(anchor_make(&w, ANCHOR_INFRA, serial, p.spki, NOW, ANCHOR_LIFETIME + 1, &s, NULL), -ZT_E_RANGE);
	CHECK_INT(anchor_make(&w, ANCHOR_INFRA, serial, p.spki, NOW, 0, &s, NULL), -ZT_E_RANGE);
	CHECK_INT(anchor_make(&w, ANCHOR_INFRA, serial, SPAN_NONE, NOW, DAY, &s, NULL), -ZT_E_KEY);
	CHECK_INT(anchor_make(&w, ANCHOR_INFRA, serial, q.spki, NOW, DAY, &s, NULL), -ZT_E_KEY); /* another's */
}

#define NAME(letter) SPAN_LIT("\x30\x0c\x31\x0a\x30\x08\x06\x03\x55\x04\x03\x0c\x01" letter)

/* An imported authority that is one fault away from a good one. */
struct strange {
	struct x509_make m;
	const char *says;
};

static int judge(struct x509_make m, struct pair *p, const struct pair *by, struct why *why)
{
	static uint8_t mem[1024];
	struct wr w = wr_of(mem, sizeof mem);
	struct signer s = signer_of(&by->key);
	struct x509 c;

	m.spki = p->spki;
	CHECK_INT(x509_build(&w, &m, &s, why), 0);
	CHECK_INT(x509_read(&c, wr_span(&w), why), 0);
	return anchor_check(&c, NOW, why);
}

TEST(imported_anchors)
{
	const struct span n = NAME("X"), o = NAME("Y");
	const struct x509_make good = {.subject = n, .issuer = n, .serial = SPAN_LIT("\1"), .not_before = NOW - DAY,
				       .not_after = NOW + DAY, .ca = true, .path_len = -1,
				       .ku = KU_CERT_SIGN | KU_CRL_SIGN | KU_SIGN};
	struct strange bad[8];
	size_t k = 0;
	struct pair p, q;
	struct why why = {0};

	pair_make(&p, PK_P384);
	pair_make(&q, PK_P384);
	CHECK_INT(judge(good, &p, &p, &why), 0);
#define BAD(text, ...) bad[k] = (struct strange){good, text}, bad[k].m.__VA_ARGS__, k++
	BAD("CA:TRUE", ca = false);
	BAD("certSign", ku = KU_CERT_SIGN);
	BAD("certSign", ku = KU_CRL_SIGN);
	BAD("certSign", ku = 0);
	BAD("extended key usage", eku = EKU_SERVER);
	BAD("not signed by itself", issuer = o);
	BAD("not valid yet", not_before = NOW + 1);
	BAD("has expired", not_after = NOW);
	for (size_t i = 0; i < k; i++) {
		why = (struct why){0};
		CHECK_INT(judge(bad[i].m, &p, &p, &why), -ZT_E_DENIED);
		if (strstr(why.text, bad[i].says) == NULL)
			unit_fail(__FILE__, __LINE__, "\"%s\" does not say \"%s\"", why.text, bad[i].says);
	}
	why = (struct why){0};
	CHECK_INT(judge(good, &p, &q, &why), -ZT_E_DENIED); /* its own name, another's signature */
	CHECK(strstr(why.text, "not signed by itself"));
}

/* What x509_read() may find in a certificate and x509_build() never writes. */
TEST(imported_anchors_with_rare_faults)
{
	struct world t;
	struct x509 c;
	struct why why = {0};

	world_make(&t, ROLE_EDGE);
	CHECK_INT(anchor_check(&t.anchor, NOW, &why), 0);
#define RARE(change, code, said)                                \
	c = t.anchor;                                           \
	why = (struct why){0};                                  \
	c.change;                                               \
	CHECK_INT(anchor_check(&c, NOW, &why), -(code));        \
	CHECK(strstr(why.text, said))
	RARE(version = 1, ZT_E_DENIED, "version 3");
	RARE(has_basic = false, ZT_E_DENIED, "CA:TRUE");
	RARE(name_constraints = true, ZT_E_DENIED, "name constraints");
	RARE(unknown_critical = SPAN_LIT("\x2a\x03"), ZT_E_DENIED, "critical");
	RARE(subject = SPAN_LIT("\x30\x00"), ZT_E_DENIED, "no subject");
	RARE(key.type = PK_NONE, ZT_E_KEY, "too weak");
	RARE(sig_alg = OID_ECDSA_SHA1, ZT_E_DENIED, "hash");
	RARE(sig_alg = OID_RSA_MD5, ZT_E_DENIED, "hash");
	c = t.anchor;
	c.has_eku = true;
	c.eku = EKU_SERVER | EKU_CLIENT;
	CHECK_INT(anchor_check(&c, NOW, NULL), 0);
	c.eku = EKU_ANY;
	CHECK_INT(anchor_check(&c, NOW, NULL), 0);
	c.eku_critical = true;
	CHECK_INT(anchor_check(&c, NOW, NULL), -ZT_E_DENIED);
}
