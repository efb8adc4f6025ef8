/* err: the tables behind err.h, and the sticky first cause. */
#include "err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct err_row {
	enum zt_err err;
	enum zt_exit code;
	const char *name, *text;
} rows[] = {
#define X(id, value, name, exit, text) {id, exit, name, text},
	ZT_ERRORS(X)
#undef X
};

static const struct err_row *err_row(enum zt_err e)
{
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		if (rows[i].err == e)
			return &rows[i];
	return NULL;
}

const char *err_name(enum zt_err e)
{
	const struct err_row *r = err_row(e);
	return e == ZT_OK ? "ok" : r ? r->name : "?";
}

const char *err_text(enum zt_err e)
{
	const struct err_row *r = err_row(e);
	return e == ZT_OK ? "ok" : r ? r->text : "?";
}

enum zt_exit err_exit(enum zt_err e)
{
	const struct err_row *r = err_row(e);
	return e == ZT_OK ? EXIT_ZT_OK : r ? r->code : EXIT_ZT_FAILED;
}

static const struct {
	int sys;
	enum zt_err err;
} sys_map[] = {
	{ENOMEM, ZT_E_NOMEM},         {ENOSPC, ZT_E_NOSPACE},       {EDQUOT, ZT_E_NOSPACE},
	{EACCES, ZT_E_PERM},          {EPERM, ZT_E_PERM},           {ENOENT, ZT_E_NOTFOUND},
	{EEXIST, ZT_E_EXISTS},        {EMFILE, ZT_E_NOFILES},       {ENFILE, ZT_E_NOFILES},
	{EADDRINUSE, ZT_E_ADDRINUSE}, {ECONNREFUSED, ZT_E_REFUSED}, {ETIMEDOUT, ZT_E_TIMEOUT},
	{ECONNRESET, ZT_E_RESET},     {EPIPE, ZT_E_RESET},          {ENETUNREACH, ZT_E_UNREACHABLE},
	{EHOSTUNREACH, ZT_E_UNREACHABLE}, {EAGAIN, ZT_E_AGAIN},     {EADDRNOTAVAIL, ZT_E_UNREACHABLE},
	{EROFS, ZT_E_PERM},
};

enum zt_err err_from_errno(int sys)
{
	for (size_t i = 0; i < sizeof sys_map / sizeof sys_map[0]; i++)
		if (sys_map[i].sys == sys)
			return sys_map[i].err;
	return ZT_E_SYS;
}

int why_set(struct why *w, enum zt_err e, const char *fmt, ...)
{
	va_list ap;

	if (w == NULL)
		return -(int)e;
	if (w->err != ZT_OK)
		return -(int)w->err;
	w->err = e;
	va_start(ap, fmt);
	vsnprintf(w->text, sizeof w->text, fmt, ap);
	va_end(ap);
	return -(int)e;
}

int why_sys(struct why *w, int sys, const char *fmt, ...)
{
	enum zt_err e = err_from_errno(sys);
	va_list ap;
	size_t n;

	if (w == NULL)
		return -(int)e;
	if (w->err != ZT_OK)
		return -(int)w->err;
	w->err = e;
	w->sys = sys;
	va_start(ap, fmt);
	vsnprintf(w->text, sizeof w->text, fmt, ap);
	va_end(ap);
	n = strlen(w->text);
	snprintf(w->text + n, sizeof w->text - n, ": %s", strerror(sys));
	return -(int)e;
}

_Noreturn void zt_bug(const char *file, int line, const char *what)
{
	fprintf(stderr, "zt: bug at %s:%d: %s\n", file, line, what);
	abort();
}
