/* Roles, with certificates that were really issued: each is good for its own role only, and only where
 * the authority that gave it may give it. */
#include "tests/unit/decide/rolekit.h"

static struct leaf_rule rule_of(enum cert_role role, const struct authority *a, enum leaf_use use)
{
	return (struct leaf_rule){.use = use, .now = ROLEKIT_NOW + 1, .roles = BIT(role), .cas = &a->ca, .ncas = 1};
}

static struct authority anchor[ANCHORS], stranger;
static struct issued shown[CERT_ROLES];

static void open_all(void)
{
	for (int a = 0; a < ANCHORS; a++)
		authority_make(&anchor[a], (enum cert_anchor)a);
	for (int r = ROLE_EDGE; r < CERT_ROLES; r++)
		issue(&shown[r], (enum cert_role)r, &anchor[cert_role((unsigned)r)->anchor].by,
		      &anchor[cert_role((unsigned)r)->anchor].signer);
}

/* Whatever anchor the endpoint believes, in whatever use: the wanted one, under its own, for what it is. */
static void one_cell(enum cert_role want, enum cert_role show)
{
	for (int a = 0; a < ANCHORS; a++)
		for (enum leaf_use use = LEAF_SERVER; use <= LEAF_CLIENT; use++) {
			const struct leaf_rule r = rule_of(want, &anchor[a], use);
			bool fits = cert_role(show)->eku & (use == LEAF_SERVER ? EKU_SERVER : EKU_CLIENT);
			bool good = want == show && fits && cert_role(show)->anchor == (enum cert_anchor)a;
			enum leaf_reason got = leaf_check(&shown[show].cert, &r);

			if (got != (good ? LEAF_OK : fits ? LEAF_ROLE : LEAF_PURPOSE))
				unit_fail(__FILE__, __LINE__, "%s wanted under %s, %s shown: %s", cert_role(want)->name,
					  anchor_name((enum cert_anchor)a), cert_role(show)->name, leaf_name(got));
		}
}

TEST(a_role_is_good_for_itself_under_its_own_anchor)
{
	open_all();
	for (int want = ROLE_EDGE; want < CERT_ROLES; want++)
		for (int show = ROLE_EDGE; show < CERT_ROLES; show++)
			one_cell((enum cert_role)want, (enum cert_role)show);
}

TEST(one_of_several_roles_is_enough)
{
	struct leaf_rule r;

	open_all();
	r = rule_of(ROLE_CLIENT, &anchor[ANCHOR_INFRA], LEAF_CLIENT);
	r.roles |= BIT(ROLE_CONNECTOR);
	CHECK_INT(leaf_check(&shown[ROLE_CLIENT].cert, &r), LEAF_OK);
	CHECK_INT(leaf_check(&shown[ROLE_CONNECTOR].cert, &r), LEAF_OK);
	r.cas = &anchor[ANCHOR_DEVICE].ca;
	CHECK_INT(leaf_check(&shown[ROLE_CLIENT].cert, &r), LEAF_ROLE);
	r.roles = ~0u; /* bits that are no role let nobody in */
	CHECK_INT(leaf_check(&shown[ROLE_DEVICE].cert, &r), LEAF_OK);
	r.roles = ~0u << CERT_ROLES | BIT(ROLE_NONE);
	CHECK_INT(leaf_check(&shown[ROLE_DEVICE].cert, &r), LEAF_ROLE);
}

TEST(in_a_roll_over_both_may_give_roles)
{
	struct authority next;
	struct leaf_ca both[2];
	struct issued young;
	struct leaf_rule r;

	open_all();
	authority_make(&next, ANCHOR_INFRA);
	issue(&young, ROLE_CLIENT, &next.by, &next.signer);
	r = rule_of(ROLE_CLIENT, &anchor[ANCHOR_INFRA], LEAF_CLIENT);
	CHECK_INT(leaf_check(&young.cert, &r), LEAF_ROLE);
	both[0] = next.ca;
	both[1] = anchor[ANCHOR_INFRA].ca;
	r.cas = both;
	r.ncas = 2;
	CHECK_INT(leaf_check(&young.cert, &r), LEAF_OK);
	CHECK_INT(leaf_check(&shown[ROLE_CLIENT].cert, &r), LEAF_OK);
	r.ncas = 1; /* the old one has gone */
	CHECK_INT(leaf_check(&young.cert, &r), LEAF_OK);
	CHECK_INT(leaf_check(&shown[ROLE_CLIENT].cert, &r), LEAF_ROLE);
}

/* The name is copied letter for letter; the signature is not. Somebody trusted beside the authority, or
 * below it, can say the same. */
TEST(a_name_that_its_authority_did_not_give_is_worth_nothing)
{
	struct leaf_rule r;
	struct leaf_ca both[2];
	struct cert_issuer liar;
	struct issued forged;

	open_all();
	authority_make(&stranger, ANCHOR_INFRA);
	liar = stranger.by;
	memcpy(liar.ca_id, anchor[ANCHOR_INFRA].by.ca_id, sizeof liar.ca_id);
	issue(&forged, ROLE_CLIENT, &liar, &stranger.signer);
	r = rule_of(ROLE_CLIENT, &anchor[ANCHOR_INFRA], LEAF_CLIENT);
	CHECK_INT(leaf_check(&forged.cert, &r), LEAF_ISSUER);
	both[0] = stranger.ca;
	both[1] = anchor[ANCHOR_INFRA].ca;
	r.cas = both;
	r.ncas = 2;
	CHECK_INT(leaf_check(&forged.cert, &r), LEAF_ISSUER);
	CHECK_INT(leaf_check(&shown[ROLE_CLIENT].cert, &r), LEAF_OK);
	/* an entry without a key, or with another one: nobody */
	both[1].key.type = PK_NONE;
	CHECK_INT(leaf_check(&shown[ROLE_CLIENT].cert, &r), LEAF_ISSUER);
	both[1].key = stranger.ca.key;
	CHECK_INT(leaf_check(&shown[ROLE_CLIENT].cert, &r), LEAF_ISSUER);
}

TEST(the_sentence_names_both_roles)
{
	char out[LEAF_ROLE_TEXT], want[LEAF_ROLE_TEXT];
	struct leaf_rule r;

	open_all();
	r = rule_of(ROLE_CONNECTOR, &anchor[ANCHOR_INFRA], LEAF_CLIENT);
	CHECK_STR(leaf_role_text(&shown[ROLE_CLIENT].cert, &r, out), "it shows the role client and connector is wanted");
	r.roles |= BIT(ROLE_DEVICE);
	CHECK_STR(leaf_role_text(&shown[ROLE_CLIENT].cert, &r, out), "it shows the role client and connector or device is wanted");
	snprintf(want, sizeof want, "it shows the role device of the authority %s, which may give none here, and connector "
		 "or device is wanted", anchor[ANCHOR_DEVICE].ca.id);
	CHECK_STR(leaf_role_text(&shown[ROLE_DEVICE].cert, &r, out), want);
	CHECK_STR(leaf_role_text(&anchor[ANCHOR_INFRA].cert, &r, out), "it shows no role of zt, and connector or device is wanted");
	r.roles = ~0u; /* the longest that there is */
	CHECK(strstr(leaf_role_text(&shown[ROLE_DEVICE].cert, &r, out), "registry is wanted") != NULL);
}
