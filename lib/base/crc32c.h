/* crc32c: Castagnoli CRC (RFC 3720 appendix B.4) for journals and tokens. Detects accidents, not attackers. */
#ifndef ZT_CRC32C_H
#define ZT_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* Start with 0; feed the answer back in to go on. crc32c(0, "123456789", 9) = 0xe3069283. */
uint32_t crc32c(uint32_t crc, const void *p, size_t n);

#endif
