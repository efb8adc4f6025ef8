/* curve: the table of curve.h. How long a scalar or a coordinate is says base/pk. */
#include "curve.h"

#include "base/num.h"

static const struct {
	enum oid oid;
	enum pk_type type;
} curves[] = {
	{OID_P256, PK_P256},
	{OID_P384, PK_P384},
	{OID_P521, PK_P521},
};

enum pk_type curve_type(enum oid o)
{
	for (size_t i = 0; i < ARRAY_LEN(curves); i++)
		if (curves[i].oid == o)
			return curves[i].type;
	return PK_NONE;
}

enum oid curve_oid(enum pk_type t)
{
	for (size_t i = 0; i < ARRAY_LEN(curves); i++)
		if (curves[i].type == t)
			return curves[i].oid;
	return OID_UNKNOWN;
}
