/* The whole text of one profile as it has to be, and what is refused. Whether other programs read it:
 * tests/behaviour/profiles-are-property-lists.sh. */
#include "tests/unit/unit.h"

#include "base/num.h"
#include "wire/mobileconfig.h"

static const char whole[] =
	"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
	"<!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" \"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">\n"
	"<plist version=\"1.0\">\n"
	"<dict>\n"
	"\t<key>PayloadContent</key>\n"
	"\t<array>\n"
	"\t\t<dict>\n"
	"\t\t\t<key>PayloadCertificateFileName</key>\n"
	"\t\t\t<string>identity.p12</string>\n"
	"\t\t\t<key>PayloadContent</key>\n"
	"\t\t\t<data>\n"
	/* RFC 4648 section 9: base64 of 14fb9c03d97e */
	"FPucA9l+\n"
	"\t\t\t</data>\n"
	"\t\t\t<key>PayloadDisplayName</key>\n"
	"\t\t\t<string>a &lt;b&gt; &amp; &quot;c&quot; &apos;d&apos; \xc3\xa9</string>\n"
	"\t\t\t<key>PayloadIdentifier</key>\n"
	"\t\t\t<string>zt.device.01.identity</string>\n"
	"\t\t\t<key>PayloadType</key>\n"
	"\t\t\t<string>com.apple.security.pkcs12</string>\n"
	"\t\t\t<key>PayloadUUID</key>\n"
	"\t\t\t<string>01010101-0101-4101-8101-010101010101</string>\n"
	"\t\t\t<key>PayloadVersion</key>\n"
	"\t\t\t<integer>1</integer>\n"
	"\t\t</dict>\n"
	"\t\t<dict>\n"
	"\t\t\t<key>PayloadCertificateFileName</key>\n"
	"\t\t\t<string>root.cer</string>\n"
	"\t\t\t<key>PayloadContent</key>\n"
	"\t\t\t<data>\n"
	"FPucA9k=\n"
	"\t\t\t</data>\n"
	"\t\t\t<key>PayloadDisplayName</key>\n"
	"\t\t\t<string>a &lt;b&gt; &amp; &quot;c&quot; &apos;d&apos; \xc3\xa9</string>\n"
	"\t\t\t<key>PayloadIdentifier</key>\n"
	"\t\t\t<string>zt.device.01.root1</string>\n"
	"\t\t\t<key>PayloadType</key>\n"
	"\t\t\t<string>com.apple.security.root</string>\n"
	"\t\t\t<key>PayloadUUID</key>\n"
	"\t\t\t<string>ffffffff-ffff-4fff-bfff-ffffffffffff</string>\n"
	"\t\t\t<key>PayloadVersion</key>\n"
	"\t\t\t<integer>1</integer>\n"
	"\t\t</dict>\n"
	"\t</array>\n"
	"\t<key>PayloadDisplayName</key>\n"
	"\t<string>a &lt;b&gt; &amp; &quot;c&quot; &apos;d&apos; \xc3\xa9</string>\n"
	"\t<key>PayloadIdentifier</key>\n"
	"\t<string>zt.device.01</string>\n"
	"\t<key>PayloadType</key>\n"
	"\t<string>Configuration</string>\n"
	"\t<key>PayloadUUID</key>\n"
	"\t<string>00000000-0000-4000-8000-000000000000</string>\n"
	"\t<key>PayloadVersion</key>\n"
	"\t<integer>1</integer>\n"
	"</dict>\n"
	"</plist>\n";

static struct mobileconfig example(void)
{
	struct mobileconfig m = {
		.title = SPAN_LIT("a <b> & \"c\" 'd' \xc3\xa9"), .id = SPAN_LIT("zt.device.01"),
		.p12 = SPAN_LIT("\x14\xfb\x9c\x03\xd9\x7e"), .roots = {SPAN_LIT("\x14\xfb\x9c\x03\xd9")}, .nroots = 1,
	};

	memset(m.uuid[1], 1, 16);
	memset(m.uuid[2], 0xff, 16);
	return m;
}

TEST(the_whole_of_one)
{
	uint8_t mem[8192];
	struct mobileconfig m = example();
	struct wr w = wr_of(mem, sizeof mem);

	CHECK_INT(mobileconfig_write(&w, &m), 0);
	CHECK(span_eq_str(wr_span(&w), whole));
}

TEST(too_little_room)
{
	uint8_t mem[8192];
	struct mobileconfig m = example();

	for (size_t room = 0; room < sizeof whole - 1; room++) {
		struct wr w = wr_of(mem, room);

		CHECK_INT(mobileconfig_write(&w, &m), -ZT_E_FULL);
		CHECK(w.n == 0);
	}
}

TEST(lines_of_64_columns)
{
	uint8_t mem[16384], p12[500];
	struct mobileconfig m = example();
	struct span text, line;
	unsigned full = 0;

	memset(p12, 0xab, sizeof p12);
	for (size_t n = 1; n <= sizeof p12; n++) {
		struct wr w = wr_of(mem, sizeof mem);
		size_t most = 0;

		m.p12 = span_of(p12, n);
		NEED(mobileconfig_write(&w, &m) == 0);
		for (text = wr_span(&w); span_cut(text, '\n', &line, &text);)
			if (span_starts(line, "q6ur")) {
				most = line.n > most ? line.n : most;
				full += line.n == 64;
			}
		CHECK(most <= 64);
	}
	CHECK(full > 500);
}

TEST(what_is_refused)
{
	static char longest[MOBILECONFIG_TEXT_MAX + 1];
	uint8_t mem[8192];
	struct {
		struct span title, id;
		enum zt_err err;
	} v[] = {
		{SPAN_NONE, SPAN_LIT("a"), ZT_E_RANGE},
		{SPAN_LIT("a\tb"), SPAN_LIT("a"), ZT_E_RANGE},
		{SPAN_LIT("a\nb"), SPAN_LIT("a"), ZT_E_RANGE},
		{SPAN_LIT("a\0b"), SPAN_LIT("a"), ZT_E_RANGE},
		{SPAN_LIT("\x7f"), SPAN_LIT("a"), ZT_E_RANGE},
		{SPAN_LIT("\xef\xbf\xbe"), SPAN_LIT("a"), ZT_E_RANGE},
		{SPAN_LIT("x\xef\xbf\xbf"), SPAN_LIT("a"), ZT_E_RANGE},
		{SPAN_LIT("\xef\xbf\xbd"), SPAN_LIT("a"), ZT_OK},
		{SPAN_LIT("\xc3"), SPAN_LIT("a"), ZT_E_UTF8},
		{SPAN_LIT("\xed\xa0\x80"), SPAN_LIT("a"), ZT_E_UTF8},
		{SPAN_LIT("\xf0\x9f\x98\x80"), SPAN_LIT("a"), ZT_OK},
		{SPAN_LIT("t"), SPAN_NONE, ZT_E_RANGE},
		{SPAN_LIT("t"), SPAN_LIT("a b"), ZT_E_RANGE},
		{SPAN_LIT("t"), SPAN_LIT("a_b"), ZT_E_RANGE},
		{SPAN_LIT("t"), SPAN_LIT("a<b"), ZT_E_RANGE},
		{SPAN_LIT("t"), SPAN_LIT("\xc3\xa9"), ZT_E_RANGE},
		{SPAN_LIT("t"), SPAN_LIT("Az09.-"), ZT_OK},
		{{(const uint8_t *)longest, sizeof longest}, SPAN_LIT("a"), ZT_E_RANGE},
		{{(const uint8_t *)longest, sizeof longest - 1}, SPAN_LIT("a"), ZT_OK},
		{SPAN_LIT("t"), {(const uint8_t *)longest, sizeof longest}, ZT_E_RANGE},
		{SPAN_LIT("t"), {(const uint8_t *)longest, sizeof longest - 1}, ZT_OK},
	};

	memset(longest, 'a', sizeof longest);
	for (size_t i = 0; i < ARRAY_LEN(v); i++) {
		struct mobileconfig m = example();
		struct wr w = wr_of(mem, sizeof mem);
		int rc;

		m.title = v[i].title;
		m.id = v[i].id;
		rc = mobileconfig_write(&w, &m);
		if (rc != -(int)v[i].err || (rc < 0) != (w.n == 0))
			unit_fail(__FILE__, __LINE__, "%zu: %d, not %d", i, rc, -(int)v[i].err);
	}
}

TEST(what_a_profile_needs)
{
	uint8_t mem[8192];
	struct mobileconfig m = example();
	struct wr w = wr_of(mem, sizeof mem);

	m.p12 = SPAN_NONE;
	CHECK_INT(mobileconfig_write(&w, &m), -ZT_E_RANGE);
	m = example();
	m.nroots = MOBILECONFIG_ROOTS + 1;
	CHECK_INT(mobileconfig_write(&w, &m), -ZT_E_RANGE);
	m.nroots = 0;
	CHECK_INT(mobileconfig_write(&w, &m), 0);
}
