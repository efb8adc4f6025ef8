/*
 * A whole configuration. The first byte chooses: the product's schema, the test schema that
 * uses every type, or values through the environment. Invariants: a refused text has a fault
 * and every fault a line; an accepted one gives a canonical text that reads back to the same
 * text and digest, for everybody and for each process; inih never reads a line otherwise than
 * our judge did (ZT_E_BUG).
 */
#include <stdlib.h>
#include <string.h>

#include "base/bounds.h"
#include "decide/config.h"
#include "tests/unit/decide/shapes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define MUST(cond) ((cond) ? (void)0 : abort())
#define TEXT_MAX 65536 /* of canonical text; more is not checked, so that a run stays short */

static struct conf_faults faults;

static void check_faults(int rc, bool lines)
{
	unsigned listed = 0;

	MUST(rc == 0 || rc == -ZT_E_CONFIG);
	MUST((rc < 0) == (faults.faults > 0));
	for (const struct conf_fault *f = faults.first; f; f = f->next) {
		MUST(f->err != ZT_E_BUG && f->text[0] && f->file[0] && (f->line >= 1 || !lines));
		MUST(span_is_utf8(span_str(f->text)));
		listed++;
	}
	MUST(listed == faults.listed[0] + faults.listed[1] && listed <= 2 * BOUND_CAP(BOUND_CONF_FAULTS));
}

static void check_masks(const struct conf *c, uint8_t *mem)
{
	static const unsigned masks[] = {CONF_FOR_SUPERVISOR, CONF_FOR_WORKER, CONF_FOR_LOGD, CONF_FOR_CTL, CONF_FOR_ALL};

	for (size_t i = 0; i < ARRAY_LEN(masks); i++) {
		struct wr w = wr_of(mem, TEXT_MAX);
		struct conf *part;

		if (conf_emit(c, masks[i], &w) < 0)
			continue;
		conf_faults_init(&faults);
		MUST(conf_parse_for(&part, wr_span(&w), "emitted", masks[i], &faults) == 0);
		MUST(masks[i] != CONF_FOR_ALL || memcmp(part->digest, c->digest, SHA256_LEN) == 0);
		MUST(part->log.level == c->log.level);
		conf_free(part);
		conf_faults_free(&faults);
	}
}

static void fuzz_product(struct span text, uint8_t *mem)
{
	struct conf *c;
	int rc;

	conf_faults_init(&faults);
	rc = conf_parse_text(&c, text, "fuzz", &faults);
	check_faults(rc, true);
	conf_faults_free(&faults);
	if (rc == 0)
		check_masks(c, mem);
	conf_free(c);
}

/* emit -> parse -> emit gives one text. Takes s. */
static void check_shapes(struct shapes *s, uint8_t *mem)
{
	struct wr one = wr_of(mem, TEXT_MAX), two = wr_of(malloc(TEXT_MAX), TEXT_MAX);
	struct shapes again;

	MUST(two.p != NULL);
	conf_schema_emit(&shape_schema, s, CONF_FOR_ALL, CONF_WHOLE, &one);
	conf_faults_init(&faults);
	if (!one.full) {
		MUST(shapes_parse(&again, wr_span(&one), CONF_FOR_ALL, &faults) == 0);
		conf_schema_emit(&shape_schema, &again, CONF_FOR_ALL, CONF_WHOLE, &two);
		MUST(!two.full && span_eq(wr_span(&one), wr_span(&two)));
		shapes_free(&again);
	}
	conf_faults_free(&faults);
	free(two.p);
}

static void fuzz_shapes(struct span text, uint8_t *mem)
{
	struct shapes s;
	int rc;

	conf_faults_init(&faults);
	rc = shapes_parse(&s, text, CONF_FOR_ALL, &faults);
	check_faults(rc, true);
	conf_faults_free(&faults);
	if (rc == 0)
		check_shapes(&s, mem);
	shapes_free(&s);
}

/* Values of [all], one behind every NUL, to its keys in turn. */
static void fuzz_env(struct span text, uint8_t *mem)
{
	struct conf_build *b;
	struct shapes s;
	struct span value, rest = text;
	bool more = true;
	int rc;

	conf_faults_init(&faults);
	MUST(shapes_open(&s, &b, CONF_FOR_ALL, &faults) == 0);
	for (size_t k = 0; more && k < ARRAY_LEN(shape_all_keys); k++) {
		more = span_cut(rest, 0, &value, &rest);
		if (value.n)
			MUST(conf_build_env(b, &shape_sections[0], &shape_all_keys[k], "ZT_X", value) == 0);
	}
	rc = conf_build_end(b);
	conf_build_free(b);
	check_faults(rc, false);
	conf_faults_free(&faults);
	if (rc == 0)
		check_shapes(&s, mem);
	shapes_free(&s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static void (*const modes[])(struct span, uint8_t *) = {fuzz_product, fuzz_shapes, fuzz_env};
	uint8_t *mem;

	if (n == 0)
		return 0;
	mem = malloc(TEXT_MAX);
	MUST(mem != NULL);
	modes[data[0] % ARRAY_LEN(modes)](span_sub(span_of(data, n), 1, n), mem);
	free(mem);
	return 0;
}
