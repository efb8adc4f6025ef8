/*
 * start: the program's first instructions beside a musl older than 1.2.4, which does not know packed
 * relocations (DT_RELR). A static-pie has a pointer to correct for every entry of every const table;
 * packed they are 1 KB instead of 67 KB. This corrects them, marks them as done, so that a musl that
 * knows them too leaves them alone, and goes on to musl's own start.
 *
 * It runs before anything else: nothing here may call a function, use a pointer that was not corrected yet, or
 * have a stack protector.
 *
 * An even word is an address whose word gets the base added; an odd one is a bitmap, after its lowest bit, of the
 * 63 words that follow the last one named (https://gabi.xinuos.com, "Relative relocations").
 */
#include <elf.h>
#include <stddef.h>
#include <stdint.h>

_Static_assert(sizeof(uintptr_t) == 8, "64-bit machines only");

#ifndef DT_RELR
#define DT_RELRSZ 35
#define DT_RELR 36
#endif

void zt_correct(uintptr_t base, Elf64_Dyn *dyn);

__attribute__((noinline))
void zt_correct(uintptr_t base, Elf64_Dyn *dyn)
{
	const uintptr_t *word = NULL;
	uintptr_t *to = (uintptr_t *)base;
	uint64_t n = 0;

	for (; dyn->d_tag != DT_NULL; dyn++) {
		if (dyn->d_tag == DT_RELR) {
			word = (const uintptr_t *)(base + dyn->d_un.d_ptr);
		} else if (dyn->d_tag == DT_RELRSZ) {
			n = dyn->d_un.d_val / sizeof *word;
			dyn->d_un.d_val = 0;
		}
	}
	for (; n && word; n--, word++) {
		if ((*word & 1) == 0) {
			to = (uintptr_t *)(base + *word);
			*to++ += base;
			continue;
		}
		for (unsigned i = 0; i < 63; i++)
			if (*word >> (i + 1) & 1)
				to[i] += base;
		to += 63;
	}
}

/* The kernel starts it with the arguments on the stack; musl's start wants the stack as it was. */
#if defined(__x86_64__)
__asm__(".pushsection .text.zt_start,\"ax\",@progbits\n"
	".globl zt_start\n.hidden zt_start\n.type zt_start,@function\n"
	"zt_start:\n"
	"	endbr64\n"
	"	xor %ebp, %ebp\n"
	"	mov %rsp, %rbx\n"
	"	and $-16, %rsp\n"
	"	lea __ehdr_start(%rip), %rdi\n"
	"	lea _DYNAMIC(%rip), %rsi\n"
	"	call zt_correct\n"
	"	mov %rbx, %rsp\n"
	"	jmp _start\n"
	".size zt_start, .-zt_start\n.popsection\n"
	".hidden _DYNAMIC\n.hidden __ehdr_start\n");
#elif defined(__aarch64__)
__asm__(".pushsection .text.zt_start,\"ax\",@progbits\n"
	".globl zt_start\n.hidden zt_start\n.type zt_start,@function\n"
	"zt_start:\n"
	"	bti j\n"
	"	mov x29, #0\n"
	"	mov x19, sp\n"
	"	adrp x0, __ehdr_start\n"
	"	add x0, x0, :lo12:__ehdr_start\n"
	"	adrp x1, _DYNAMIC\n"
	"	add x1, x1, :lo12:_DYNAMIC\n"
	"	bl zt_correct\n"
	"	mov sp, x19\n"
	"	b _start\n"
	".size zt_start, .-zt_start\n.popsection\n"
	".hidden _DYNAMIC\n.hidden __ehdr_start\n");
#endif
