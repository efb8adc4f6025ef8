/*
 * curve: zt's three curves by their object identifiers, both ways.
 */
#ifndef ZT_CURVE_H
#define ZT_CURVE_H

#include "base/pk.h"
#include "oid.h"

enum pk_type curve_type(enum oid o); /* PK_NONE: not one of the three */
enum oid curve_oid(enum pk_type t);  /* OID_UNKNOWN: RSA, PK_NONE */

#endif
