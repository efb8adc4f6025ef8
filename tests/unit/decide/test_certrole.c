/* The table of roles, what may be issued and what never is; certificates made here are read again field
 * by field. Other programs judge them in tests/behaviour. */
#include "tests/unit/decide/certrole_kit.h"

#include "base/num.h"
#include "decide/leaf.h"

static int make(struct world *t, struct x509 *out)
{
	struct wr w = wr_of(t->mem, sizeof t->mem);
	int err;

	t->why = (struct why){0};
	err = cert_make(&w, &t->wish, &t->ca.by, &t->ca.signer, &t->why);
	if (err)
		return err;
	return x509_read(out, wr_span(&w), &t->why);
}

/* The check alone and the making refuse alike, with a sentence that holds `says`. */
static void refused(struct world *t, enum zt_err want, const char *says)
{
	struct x509 c;
	struct why w = {0};

	CHECK_INT(cert_wish_check(&t->wish, &t->ca.by, &w), -(int)want);
	CHECK_INT(make(t, &c), -(int)want);
	if (strstr(t->why.text, says) == NULL || strcmp(w.text, t->why.text) != 0)
		unit_fail(__FILE__, __LINE__, "\"%s\" does not say \"%s\"", t->why.text, says);
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

	leaf_ca_of(&ca, &t->ca.cert);
	CHECK(c->version == 3 && span_eq(c->serial, t->wish.serial) && span_eq(c->spki, t->leaf.spki));
	CHECK(span_eq(c->issuer, t->ca.cert.subject) && span_eq_str(x509_cn(c->subject), ID));
	CHECK(c->has_basic && !c->ca && c->path_len == -1);
	CHECK(c->has_ku && c->ku == KU_SIGN && c->has_eku && c->eku == row->eku && !c->eku_critical);
	CHECK(!c->name_constraints && !c->unknown_critical.n && !c->san_critical);
	CHECK(c->ski.n == X509_KEY_ID && span_eq(c->aki, t->ca.cert.ski));
	CHECK_INT(c->not_before, NOW - 300);
	CHECK(c->not_after <= t->ca.cert.not_after && x509_signed_by(c, &t->ca.cert.key) == 0);
	CHECK(span_eq_str(leaf_zt_id(c), ID));
	CHECK_INT(leaf_check(c, &rule), LEAF_OK);
	x509_pin(&t->ca.cert, pin);
	for (size_t i = 0; i < 8; i++)
		snprintf(id + 2 * i, 3, "%02x", pin[i]);
	CHECK_STR(t->ca.by.ca_id, id);
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
		leaf_ca_of(&ca, &t.ca.cert);
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
	t.wish.now = t.ca.cert.not_after - 5 * DAY;
	t.wish.not_after = t.ca.cert.not_after;
	CHECK_INT(make(&t, &c), 0);
	t.wish.not_after++;
	refused(&t, ZT_E_RANGE, "ends 5 days from now");
	t.wish.not_after = 0; /* a default is shortened instead */
	NEED(make(&t, &c) == 0);
	CHECK_INT(c.not_after, t.ca.cert.not_after);
	t.wish.now = t.ca.cert.not_after - 30;
	refused(&t, ZT_E_RANGE, "60 seconds");
	t.wish.now = t.ca.cert.not_after;
	refused(&t, ZT_E_DENIED, "not valid any more");
	t.wish.now = t.ca.cert.not_before - 1;
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
	t.wish.spki = t.ca.cert.spki;
	refused(&t, ZT_E_KEY, "authority's own");
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		pair_make(&t.leaf, good[i]);
		t.wish.spki = t.leaf.spki;
		CHECK_INT(make(&t, &c), 0);
		is_ours(&t, &c);
	}
	/* the wrong authority's key: found before anybody gets it */
	pair_make(&other, PK_P256);
	t.ca.signer = signer_of(&other.key);
	CHECK_INT(make(&t, &c), -ZT_E_KEY);
	CHECK(strstr(t.why.text, "not that of the authority"));
}

TEST(no_room)
{
	struct world t;
	struct wr w;

	world_make(&t, ROLE_CLIENT);
	w = wr_of(t.mem, 300);
	CHECK_INT(cert_make(&w, &t.wish, &t.ca.by, &t.ca.signer, NULL), -ZT_E_FULL);
}
