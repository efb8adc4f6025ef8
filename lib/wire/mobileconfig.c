/*
 * mobileconfig: the writer of mobileconfig.h. The keys are those of Apple's "Device Management"
 * reference: TopLevel, CertificatePKCS12, CertificateRoot. Owns nothing and reads no plist.
 */
#include "mobileconfig.h"

#include "base/ct.h"
#include "base/num.h"

#define BYTES_PER_LINE 48 /* 64 columns of base64 */

#define HEAD                                                                                        \
	"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"                                              \
	"<!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" "                                   \
	"\"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">\n"                                     \
	"<plist version=\"1.0\">\n"

static bool is_id_char(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-';
}

static bool id_ok(struct span id)
{
	for (size_t i = 0; i < id.n; i++)
		if (!is_id_char(id.p[i]))
			return false;
	return id.n > 0 && id.n <= MOBILECONFIG_TEXT_MAX;
}

/* XML 1.0 section 2.2: no control characters, no U+FFFE and U+FFFF (EF BF BE, EF BF BF). Tabs and
 * line ends it has, but a title does not. */
static bool xml_ok(struct span text)
{
	for (size_t i = 0; i < text.n; i++) {
		struct span three = span_sub(text, i, 3);

		if (text.p[i] < 0x20 || text.p[i] == 0x7f || span_eq_str(three, "\xef\xbf\xbe") ||
		    span_eq_str(three, "\xef\xbf\xbf"))
			return false;
	}
	return text.n > 0 && text.n <= MOBILECONFIG_TEXT_MAX;
}

static void wr_escaped(struct wr *w, struct span text)
{
	static const struct {
		uint8_t c;
		const char *entity;
	} entities[] = {{'&', "&amp;"}, {'<', "&lt;"}, {'>', "&gt;"}, {'"', "&quot;"}, {'\'', "&apos;"}};

	for (size_t i = 0; i < text.n; i++) {
		size_t e = 0;

		while (e < ARRAY_LEN(entities) && entities[e].c != text.p[i])
			e++;
		if (e < ARRAY_LEN(entities))
			wr_str(w, entities[e].entity);
		else
			wr_u8(w, text.p[i]);
	}
}

static void wr_key(struct wr *w, const char *indent, const char *key)
{
	wr_str(w, indent);
	wr_str(w, "<key>");
	wr_str(w, key);
	wr_str(w, "</key>\n");
	wr_str(w, indent);
}

static void wr_text(struct wr *w, const char *indent, const char *key, struct span value)
{
	wr_key(w, indent, key);
	wr_str(w, "<string>");
	wr_escaped(w, value);
	wr_str(w, "</string>\n");
}

static void wr_data(struct wr *w, const char *indent, const char *key, struct span bytes)
{
	char line[CT_B64PAD_LEN(BYTES_PER_LINE)];

	wr_key(w, indent, key);
	wr_str(w, "<data>\n");
	for (size_t at = 0; at < bytes.n; at += BYTES_PER_LINE) {
		struct span part = span_sub(bytes, at, BYTES_PER_LINE);

		ct_b64_encode(part.p, part.n, line);
		wr_bytes(w, line, CT_B64PAD_LEN(part.n));
		wr_u8(w, '\n');
	}
	wr_str(w, indent);
	wr_str(w, "</data>\n");
}

/* RFC 4122 section 4.4: version 4 in the top of byte 6, the variant in the top of byte 8. */
static struct span uuid_text(const uint8_t in[static 16], char out[static 36])
{
	static const size_t group[] = {4, 2, 2, 2, 6};
	struct span dice = span_of(in, 16);
	uint8_t mem[16];
	struct wr bytes = wr_of(mem, sizeof mem), text = wr_of(out, 36);
	struct span rest;
	char hex[12];

	wr_put(&bytes, dice);
	mem[6] = (uint8_t)((mem[6] & 0x0f) | 0x40);
	mem[8] = (uint8_t)((mem[8] & 0x3f) | 0x80);
	rest = wr_span(&bytes);
	for (size_t i = 0; i < ARRAY_LEN(group); i++) {
		if (i)
			wr_u8(&text, '-');
		ct_hex_encode(rest.p, group[i], hex);
		wr_bytes(&text, hex, 2 * group[i]);
		rest = span_sub(rest, group[i], rest.n);
	}
	return wr_span(&text);
}

/* What every payload has, the profile itself too. part: "" or what tells it from the others. */
static void wr_common(struct wr *w, const char *indent, const struct mobileconfig *m, size_t nth, const char *type,
		      const char *part)
{
	char mem[MOBILECONFIG_TEXT_MAX + 16], uuid[36];
	struct wr id = wr_of(mem, sizeof mem);

	wr_put(&id, m->id);
	wr_str(&id, part);
	wr_text(w, indent, "PayloadDisplayName", m->title);
	wr_text(w, indent, "PayloadIdentifier", wr_span(&id));
	wr_text(w, indent, "PayloadType", span_str(type));
	wr_text(w, indent, "PayloadUUID", uuid_text(m->uuid[nth], uuid));
	wr_key(w, indent, "PayloadVersion");
	wr_str(w, "<integer>1</integer>\n");
}

#define INNER "\t\t\t"

static void wr_identity(struct wr *w, const struct mobileconfig *m)
{
	wr_str(w, "\t\t<dict>\n");
	wr_text(w, INNER, "PayloadCertificateFileName", SPAN_LIT("identity.p12"));
	wr_data(w, INNER, "PayloadContent", m->p12);
	wr_common(w, INNER, m, 1, "com.apple.security.pkcs12", ".identity");
	wr_str(w, "\t\t</dict>\n");
}

static void wr_root(struct wr *w, const struct mobileconfig *m, size_t i)
{
	char mem[16] = "";
	struct wr part = wr_of(mem, sizeof mem - 1);

	wr_str(&part, ".root");
	wr_u64dec(&part, i + 1);
	wr_str(w, "\t\t<dict>\n");
	wr_text(w, INNER, "PayloadCertificateFileName", SPAN_LIT("root.cer"));
	wr_data(w, INNER, "PayloadContent", m->roots[i]);
	wr_common(w, INNER, m, 2 + i, "com.apple.security.root", mem);
	wr_str(w, "\t\t</dict>\n");
}

int mobileconfig_write(struct wr *w, const struct mobileconfig *m)
{
	size_t from = w->n;

	if (!span_is_utf8(m->title))
		return -ZT_E_UTF8;
	if (!xml_ok(m->title) || !id_ok(m->id) || m->p12.n == 0 || m->nroots > MOBILECONFIG_ROOTS)
		return -ZT_E_RANGE;
	wr_str(w, HEAD "<dict>\n\t<key>PayloadContent</key>\n\t<array>\n");
	wr_identity(w, m);
	for (size_t i = 0; i < m->nroots; i++)
		wr_root(w, m, i);
	wr_str(w, "\t</array>\n");
	wr_common(w, "\t", m, 0, "Configuration", "");
	wr_str(w, "</dict>\n</plist>\n");
	if (!w->full)
		return 0;
	w->n = from;
	return -ZT_E_FULL;
}
