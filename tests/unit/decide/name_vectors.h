/* Names and patterns that everybody who compares names must agree about: certificates, TLS plans, hosts, grants. */
#ifndef ZT_NAME_VECTORS_H
#define ZT_NAME_VECTORS_H

#include <stdbool.h>

static const struct name_vector {
	const char *pattern, *name;
	bool match;
} name_vectors[] = {
	{"a.example", "a.example", true},
	{"A.Example", "a.eXAMPLE", true},
	{"a.example.", "a.example", true},
	{"a.example", "a.example.", true},
	{"a.example", "a.example..", false},
	{"a.example..", "a.example", false},
	{"a.example", "b.example", false},
	{"a.example", "aa.example", false},
	{"a.example", "a.a.example", false},
	{"example.com", "evilexample.com", false},
	{"example.com", "www.example.com", false},
	{"*.example.com", "a.example.com", true},
	{"*.example.com", "A.Example.COM.", true},
	{"*.example.com", "example.com", false},
	{"*.example.com", "a.b.example.com", false}, /* one label */
	{"*.example.com", "evilexample.com", false},
	{"*.example.com", ".example.com", false},
	{"*.example.com", "*.example.com", false}, /* a name is no pattern */
	{"*.example.com", "xn--bcher-kva.example.com", true},
	{"*.b.example.com", "a.b.example.com", true},
	{"*.b.example.com", "b.example.com", false},
	{"*.com", "example.com", false},
	{"*", "example", false},
	{"*", "a.example.com", false},
	{"*.", "example", false},
	{"*.*.example.com", "a.b.example.com", false},
	{"a.*.com", "a.b.com", false}, /* left-most only */
	{"a*.example.com", "ab.example.com", false}, /* a whole label */
	{"**.example.com", "a.example.com", false},
	{"*example.com", "aexample.com", false},
	{".example.com", "a.example.com", false},
	{"a.example.com:443", "a.example.com", false},
	{"", "", false},
	{".", ".", false},
	{"", "a", false},
	{"a", "a", true},
	{"10.0.0.1", "10.0.0.1", false}, /* addresses are not names */
	{"*.0.0.1", "10.0.0.1", false},
	{"a b.example", "a b.example", false},
};

#endif
