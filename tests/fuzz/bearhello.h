/*
 * bearhello: the same ClientHello read by BearSSL's server, up to the point where it asks what to
 * serve. What wire/hello accepts must read the same there: the worker decides by the one, the key
 * process serves by the other.
 */
#ifndef ZT_BEARHELLO_H
#define ZT_BEARHELLO_H

#include <bearssl.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "wire/hello.h"

struct bear {
	const br_ssl_server_policy_class *policy; /* first: BearSSL hands out a pointer to it */
	bool asked;      /* it came as far as choosing */
	char name[256];
	char alpn[256];  /* of the one protocol offered to it; "" = not chosen */
	unsigned fragment;
};

static int bear_choose(const br_ssl_server_policy_class **pctx, const br_ssl_server_context *cc,
		       br_ssl_server_choices *choices)
{
	struct bear *b = CONTAINER_OF(pctx, struct bear, policy);
	br_ssl_server_context *mine = (br_ssl_server_context *)(uintptr_t)cc;
	const char *alpn = br_ssl_engine_get_selected_protocol(&mine->eng);

	(void)choices;
	b->asked = true;
	snprintf(b->name, sizeof b->name, "%s", br_ssl_engine_get_server_name(&mine->eng));
	snprintf(b->alpn, sizeof b->alpn, "%s", alpn ? alpn : "");
	b->fragment = cc->eng.peer_log_max_frag_len ? 1u << cc->eng.peer_log_max_frag_len : 0;
	return 0; /* nothing: it ends with an alert */
}

static uint32_t bear_keyx(const br_ssl_server_policy_class **pctx, unsigned char *data, size_t *len)
{
	(void)pctx, (void)data, (void)len;
	return 0;
}

static size_t bear_sign(const br_ssl_server_policy_class **pctx, unsigned algo, unsigned char *data, size_t hv_len,
			size_t len)
{
	(void)pctx, (void)algo, (void)data, (void)hv_len, (void)len;
	return 0;
}

/* alpn: the one protocol it may choose, or NULL. */
static void bear_read(struct span records, const char *alpn, struct bear *out)
{
	static const br_ssl_server_policy_class policy = {sizeof(struct bear), bear_choose, bear_keyx, bear_sign};
	static br_ssl_server_context cc;
	static unsigned char buf[BR_SSL_BUFSIZE_BIDI];
	const char *names[1] = {alpn};

	memset(out, 0, sizeof *out);
	out->policy = &policy;
	br_ssl_server_init_full_ec(&cc, NULL, 0, BR_KEYTYPE_EC, NULL);
	br_ssl_engine_set_versions(&cc.eng, BR_TLS12, BR_TLS12);
	br_ssl_server_set_policy(&cc, &out->policy);
	br_ssl_engine_set_buffer(&cc.eng, buf, sizeof buf, 1);
	if (alpn)
		br_ssl_engine_set_protocol_names(&cc.eng, names, 1);
	br_ssl_engine_inject_entropy(&cc.eng, "the same each time: nothing here is secret", 32);
	br_ssl_server_reset(&cc);
	while (records.n > 0 && !out->asked) {
		size_t n;
		unsigned char *at = br_ssl_engine_recvrec_buf(&cc.eng, &n);

		if (at == NULL)
			return;
		n = num_min(n, records.n);
		memcpy(at, records.p, n);
		br_ssl_engine_recvrec_ack(&cc.eng, n);
		records = span_sub(records, n, records.n);
	}
}

#endif
