/* What a supervisor refuses before it starts anything; its life is in tests/behaviour. */
#include "tests/unit/unit.h"

#include "io/super.h"

static struct conf *plain(void)
{
	struct conf_faults f;
	struct conf *c = NULL;

	conf_faults_init(&f);
	CHECK_INT(conf_parse_text(&c, SPAN_NONE, "empty", &f), 0);
	conf_faults_free(&f);
	return c;
}

FLOODS(BOUND_CHILDREN)
{
	static const struct super_child many[BOUND_CAP(BOUND_CHILDREN)] = {{.kind = "kind", .proc = "proc", .who = CONF_FOR_WORKER}};
	const struct super_role role = {.name = "flood", .children = many, .n = BOUND_CAP(BOUND_CHILDREN)};
	const struct conf_source src = {0};

	struct why w = {0};

	CHECK_INT(super_run(&role, plain(), &src, &w), EXIT_ZT_FAILED); /* and logd: one too many */
	CHECK_INT(w.err, ZT_E_FULL);
}
