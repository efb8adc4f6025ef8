/* outside: see outside.h. Owns what it holds; decides nothing. */
#include "outside.h"

int outside_new(struct outside *o, struct loop *l, struct bounds *b)
{
	int rc = resolver_new(&o->resolver, l, b);

	return rc < 0 ? rc : dialer_new(&o->dialer, l, o->resolver, b);
}

void outside_commit(struct outside *o, struct log *log)
{
	sysnames_give(&o->names, o->resolver, log);
}

void outside_free(struct outside *o)
{
	sysnames_forget(&o->names);
	dialer_free(o->dialer);
	resolver_free(o->resolver);
	o->dialer = NULL;
	o->resolver = NULL;
}
