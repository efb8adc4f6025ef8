/*
 * relr: the first instructions of zt. Most tables of zt hold pointers, and a program that may be loaded
 * anywhere has to correct each of them: 24 bytes each in the old form (DT_RELA), a bit each in the new
 * one (DT_RELR), 64 KB less. musl reads the new form from 1.2.4 on; Debian 12 has 1.2.3. So zt corrects
 * them itself, says in its own table that nothing is left to do, and goes on in musl's start, which then
 * has the same to do whichever musl it is. Where the linker knows no packed form, there is no table.
 *
 * Nothing works yet while this runs: no global pointer may be read, no stack protector, no libc.
 */
#include <elf.h>
#include <link.h>
#include <stddef.h>
#include <stdint.h>

/* Older elf.h does not have them. */
#undef DT_RELRSZ
#undef DT_RELR
#define DT_RELRSZ 35
#define DT_RELR 36

#define HIDDEN __attribute__((visibility("hidden")))

extern HIDDEN const char __ehdr_start[]; /* where zt begins, told by the linker relative to here */
extern HIDDEN ElfW(Dyn) _DYNAMIC[];
HIDDEN void relr_apply(void);

#if defined(__x86_64__)
/* The stack is the kernel's and aligned: musl's _start wants it as it is. */
__asm__(".text\n"
	".global relr_start\n"
	".type relr_start, @function\n"
	"relr_start:\n"
	"	endbr64\n"
	"	xor %ebp, %ebp\n"
	"	call relr_apply\n"
	"	jmp _start\n"
	".size relr_start, . - relr_start\n");
#endif

/* An even word is the address of a pointer; an odd one has a bit for each of the words behind the last. */
__attribute__((no_stack_protector)) HIDDEN void relr_apply(void)
{
	const uintptr_t base = (uintptr_t)__ehdr_start;
	const uintptr_t *table = NULL;
	uintptr_t *where = NULL;
	size_t n = 0;

	for (ElfW(Dyn) *d = _DYNAMIC; d->d_tag != DT_NULL; d++)
		if (d->d_tag == DT_RELR) {
			table = (const uintptr_t *)(base + d->d_un.d_ptr);
		} else if (d->d_tag == DT_RELRSZ) {
			n = d->d_un.d_val / sizeof *table;
			d->d_un.d_val = 0; /* done: a musl that can do it finds nothing */
		}
	for (size_t i = 0; table && i < n; i++) {
		if (table[i] % 2 == 0) {
			where = (uintptr_t *)(base + table[i]);
			*where++ += base;
			continue;
		}
		for (size_t bit = 1; bit < 8 * sizeof *table; bit++)
			if (table[i] >> bit & 1)
				where[bit - 1] += base;
		where += 8 * sizeof *table - 1;
	}
}
