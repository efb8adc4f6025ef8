/* rules: the bytes of docs/formats.md, "Announced rules", spelled out by hand; every cut and every bad byte. */
#include "wire/rules.h"

#include <stdlib.h>

#include "base/num.h"
#include "tests/unit/unit.h"

static struct arena mem;
static uint8_t bytes[RULES_BYTES + 64];

static int read_back(struct rules *out, struct span s, struct why *w)
{
	arena_free(&mem);
	arena_init(&mem, 1 << 20);
	return rules_read(out, s, &mem, w);
}

/* One rule, by hand: 8 magic, u32 epoch, u16 n; u8 kind, u8 flags, u16 status, 3 u32; 8 texts with u16 lengths. */
static const uint8_t by_hand[] =
	"ztrules1" "\x05\0\0\0" "\x01\0"
	"\x01\x03\0\0" "\xe8\x03\0\0" "\x02\0\0\0" "\x03\0\0\0"
	"\x03\0app" "\x05\0*.x.y" "\x03\0^/a" "\x03\0h:1" "\x02\0/s" "\x02\0/p"
	"\x07\0" "\x03X-A\x01\0b" "\x06\0" "\x03X-B\0\0";

TEST(the_documented_bytes_are_read_and_written)
{
	struct span s = span_of(by_hand, sizeof by_hand - 1), rest, name, value;
	struct wr w = wr_of(bytes, sizeof bytes);
	const struct rule *r;
	struct rules rules;
	struct why why = {0};

	if (read_back(&rules, s, &why) < 0)
		unit_fail(__FILE__, __LINE__, "%s", why.text);
	NEED(rules.n == 1);
	r = &rules.rule[0];
	CHECK_INT(rules.epoch, 5);
	CHECK(r->kind == RULE_HTTP && r->flags == (RULE_SECURE | RULE_QUIET) && r->status == 0);
	CHECK(r->response_ms == 1000 && r->idle_ms == 2 && r->keepalive_ms == 3);
	CHECK(span_eq_str(r->name, "app") && span_eq_str(r->hostname, "*.x.y") && span_eq_str(r->path, "^/a"));
	CHECK(span_eq_str(r->host_header, "h:1") && span_eq_str(r->strip_prefix, "/s") && span_eq_str(r->add_prefix, "/p"));
	rest = r->set;
	CHECK(rule_headers_next(&rest, &name, &value) && span_eq_str(name, "X-A") && span_eq_str(value, "b") && rest.n == 0);
	CHECK(!rule_headers_next(&rest, &name, &value));
	rules_write(&w, &rules);
	CHECK(span_eq(wr_span(&w), s));
}

TEST(no_part_of_a_table_is_one)
{
	struct rules rules;
	uint8_t *exact;

	for (size_t n = 0; n < sizeof by_hand - 1; n++) {
		exact = malloc(n ? n : 1); /* so that a sanitizer sees a byte too far */
		memcpy(exact, by_hand, n);
		CHECK_INT(read_back(&rules, span_of(exact, n), NULL), -ZT_E_SYNTAX);
		CHECK(rules.n == 0 && rules.rule == NULL);
		free(exact);
	}
	memcpy(bytes, by_hand, sizeof by_hand); /* with its NUL: one byte more */
	CHECK_INT(read_back(&rules, span_of(bytes, sizeof by_hand), NULL), -ZT_E_SYNTAX);
	bytes[7] = '2';
	CHECK_INT(read_back(&rules, span_of(bytes, sizeof by_hand - 1), NULL), -ZT_E_VERSION);
	CHECK_INT(read_back(&rules, span_of(bytes, RULES_BYTES + 1), NULL), -ZT_E_TOOLONG);
	memcpy(bytes, "ztrules1\1\0\0\0\1\1", 14); /* 257 */
	CHECK_INT(read_back(&rules, span_of(bytes, 14), NULL), -ZT_E_TOOLONG);
	memcpy(bytes, "ztrules1\0\0\0\0\0\0", 14); /* epoch 0 */
	CHECK_INT(read_back(&rules, span_of(bytes, 14), NULL), -ZT_E_SYNTAX);
	memcpy(bytes, "ztrules1\1\0\0\0\0\0", 14);
	CHECK_INT(read_back(&rules, span_of(bytes, 14), NULL), 0);
	arena_free(&mem);
	arena_init(&mem, 100);
	CHECK_INT(rules_read(&rules, span_of(by_hand, sizeof by_hand - 1), &mem, NULL), -ZT_E_NOMEM);
}

/* Each of these would end up in a request, a log line or a comparison. */
TEST(values_are_judged_byte_by_byte)
{
	static uint8_t blob[4096];
	static const struct {
		const char *key;
		struct rule r;
	} bad[] = {
		{"service", {.kind = 0}}, {"service", {.kind = 5}}, {"service", {.kind = RULE_HTTP, .flags = 4}},
		{"service", {.kind = RULE_STATUS, .status = 99}}, {"service", {.kind = RULE_STATUS, .status = 1000}},
		{"service", {.kind = RULE_HTTP, .status = 200}},
		{"hostname", {.kind = RULE_HTTP, .hostname = SPAN_LIT("a\r\nb")}},
		{"hostname", {.kind = RULE_HTTP, .hostname = SPAN_LIT("a\0b")}},
		{"path", {.kind = RULE_HTTP, .path = SPAN_LIT("/\x80")}},
		{"host_header", {.kind = RULE_HTTP, .host_header = SPAN_LIT("a\r\nX: b")}},
		{"host_header", {.kind = RULE_HTTP, .host_header = SPAN_LIT("a/b")}},
		{"strip_prefix", {.kind = RULE_HTTP, .strip_prefix = SPAN_LIT("/")}},
		{"strip_prefix", {.kind = RULE_HTTP, .strip_prefix = SPAN_LIT("a")}},
		{"add_prefix", {.kind = RULE_HTTP, .add_prefix = SPAN_LIT("/a b")}},
		{"add_prefix", {.kind = RULE_HTTP, .add_prefix = SPAN_LIT("/a?b")}},
		{"add_prefix", {.kind = RULE_HTTP, .add_prefix = SPAN_LIT("/./a")}},
		{"add_prefix", {.kind = RULE_HTTP, .add_prefix = SPAN_LIT("/a/..")}},
		{"set_header", {.kind = RULE_HTTP, .set = SPAN_LIT("\1A\2\0\r\n")}},
		{"set_header", {.kind = RULE_HTTP, .set = SPAN_LIT("\1A\1\0 ")}},
		{"set_header", {.kind = RULE_HTTP, .set = SPAN_LIT("\1A\1\0\xe9")}},
		{"set_header", {.kind = RULE_HTTP, .set = SPAN_LIT("\3A:B\1\0c")}},
		{"set_header", {.kind = RULE_HTTP, .set = SPAN_LIT("\0\1\0c")}},
		{"set_header", {.kind = RULE_HTTP, .set = SPAN_LIT("\4Host\1\0c")}},
		{"set_header", {.kind = RULE_HTTP, .set = SPAN_LIT("\x0bRemote-User\1\0c")}},
		{"set_header", {.kind = RULE_HTTP, .set = SPAN_LIT("\x07X-Zt-Id\1\0c")}},
		{"set_header", {.kind = RULE_HTTP, .set = SPAN_LIT("\x0ehttp2-settings\1\0c")}}, /* hop by hop */
		{"set_header", {.kind = RULE_HTTP, .set = SPAN_LIT("\x19Proxy-Authentication-Info\1\0c")}},
		{"set_header", {.kind = RULE_HTTP, .set = SPAN_LIT("\1A\2\0c")}},
		{"remove_header", {.kind = RULE_HTTP, .remove = SPAN_LIT("\1A\1\0c")}},
		{"remove_header", {.kind = RULE_HTTP, .remove = SPAN_LIT("\x11Transfer-Encoding\0\0")}},
	};
	struct rule good = {.kind = RULE_HTTP, .name = SPAN_LIT("n")};
	struct wr w = wr_of(blob, sizeof blob);
	const char *key = "";

	CHECK(rule_wrong(&good, &key) == NULL);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct rule r = bad[i].r;

		r.name = SPAN_LIT("n");
		if (rule_wrong(&r, &key) == NULL || strcmp(key, bad[i].key) != 0)
			unit_fail(__FILE__, __LINE__, "case %zu: %s", i, key);
	}
	good.name = SPAN_LIT("");
	CHECK(rule_wrong(&good, &key) != NULL);
	good.name = SPAN_LIT("n");
	for (size_t i = 0; i < RULES_HEADERS; i++)
		rule_headers_add(&w, SPAN_LIT("A"), SPAN_LIT("b"));
	good.set = wr_span(&w);
	CHECK(rule_wrong(&good, &key) == NULL);
	rule_headers_add(&w, SPAN_LIT("A"), SPAN_LIT("b"));
	good.set = wr_span(&w);
	CHECK(rule_wrong(&good, &key) != NULL);
	arena_free(&mem);
}
