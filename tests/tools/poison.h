/*
 * poison: secrets for valgrind. It believes poisoned bytes to be uninitialised and then reports
 * every branch and every memory index that depends on them, which is what a timing attack
 * needs. Outcomes that are public are declared so.
 */
#ifndef ZT_POISON_H
#define ZT_POISON_H

#if __has_include(<valgrind/memcheck.h>)
#include <valgrind/memcheck.h>
#define SECRET(p, n) ((void)VALGRIND_MAKE_MEM_UNDEFINED(p, n))
#define PUBLIC(p, n) ((void)VALGRIND_MAKE_MEM_DEFINED(p, n))
#define WATCHED RUNNING_ON_VALGRIND
#else
#define SECRET(p, n) ((void)(p))
#define PUBLIC(p, n) ((void)(p))
#define WATCHED 0
#endif

#endif
