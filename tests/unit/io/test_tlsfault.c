/* All of BearSSL's numbers. */
#include <bearssl.h>

#include "base/num.h"
#include "io/tlsfault.h"
#include "tests/unit/unit.h"

/* Every number that BearSSL's headers define has its own row: none falls through as "internal". */
TEST(every_number_is_a_fault)
{
	static const int internal[] = {BR_ERR_BAD_STATE, BR_ERR_NO_RANDOM, BR_ERR_IO, BR_ERR_X509_TIME_UNKNOWN};
	static const int unused[] = {11, 30, 61};

	for (int err = 0; err < 1024; err++) {
		enum tls_fault f = tlsfault_of(err);
		bool expect = (err > BR_ERR_X509_NOT_TRUSTED && err < BR_ERR_RECV_FATAL_ALERT);

		for (size_t i = 0; i < ARRAY_LEN(internal); i++)
			expect |= err == internal[i];
		for (size_t i = 0; i < ARRAY_LEN(unused); i++)
			expect |= err == unused[i];
		if ((f == TLSF_INTERNAL) != expect)
			unit_fail(__FILE__, __LINE__, "%d is %s", err, tls_fault_name(f));
		if (err >= BR_ERR_RECV_FATAL_ALERT && err < BR_ERR_SEND_FATAL_ALERT)
			CHECK_INT(f, TLSF_ALERT);
	}
}
