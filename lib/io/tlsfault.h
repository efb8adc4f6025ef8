/*
 * tlsfault: BearSSL's error numbers as the faults that zt speaks of. Every number that its headers
 * define has a row.
 */
#ifndef ZT_TLSFAULT_H
#define ZT_TLSFAULT_H

#include "wire/tlsmsg.h"

/* 0 is an end without an error. TLSF_INTERNAL for what is no number of BearSSL's. */
enum tls_fault tlsfault_of(int err);

#endif
