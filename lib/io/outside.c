/* outside: see outside.h. Owns what it holds; decides nothing. */
#include "outside.h"

#include "decide/namedaddr.h"

int outside_new(struct outside *o, struct loop *l, struct bounds *b)
{
	int rc = resolver_new(&o->resolver, l, b);

	return rc < 0 ? rc : dialer_new(&o->dialer, l, o->resolver, b);
}

void outside_commit(struct outside *o, struct log *log)
{
	sysnames_give(&o->names, o->resolver, log);
}

bool outside_may_dial(const struct outside *o, struct span host, const struct addr *to)
{
	enum named_addr is = named_addr(to);
	struct addr literal;

	return is == NAMED_FINE || addr_parse_ip(host, &literal) == 0 || (is == NAMED_LOOPBACK && resolver_knows(o->resolver, host));
}

void outside_free(struct outside *o)
{
	sysnames_forget(&o->names);
	dialer_free(o->dialer);
	resolver_free(o->resolver);
	o->dialer = NULL;
	o->resolver = NULL;
}
