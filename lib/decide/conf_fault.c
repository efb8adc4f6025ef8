/* conf_fault: the bounded list of conf_fault.h. */
#include "conf_fault.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/bounds.h"

#define FAULT_TEXT 480 /* as struct why */
/* 64 faults and 64 warnings of a text and a path of up to 4,096 bytes each: under 600 KiB. */
#define FAULTS_MEM 1048576

void conf_faults_init(struct conf_faults *f)
{
	*f = (struct conf_faults){0};
	arena_init(&f->mem, FAULTS_MEM);
}

void conf_faults_free(struct conf_faults *f)
{
	arena_free(&f->mem);
	conf_faults_init(f);
}

static char *keep(struct conf_faults *f, struct span s)
{
	char *copy = arena_str(&f->mem, s);
	bool clean = span_is_utf8(s);

	for (size_t i = 0; copy && i < s.n; i++) {
		uint8_t c = s.p[i];
		/* C1 controls are c2 80..9f; some terminals obey the second byte alone. */
		bool c1 = (c == 0xc2 && i + 1 < s.n && s.p[i + 1] < 0xa0) || (c < 0xa0 && i > 0 && s.p[i - 1] == 0xc2);

		if (c < 0x20 || c == 0x7f || (c > 0x7f && !clean) || c1)
			copy[i] = '?';
	}
	return copy;
}

__attribute__((format(printf, 3, 0)))
static void add(struct conf_faults *f, const struct conf_fault *what, const char *fmt, va_list ap)
{
	char text[FAULT_TEXT];
	struct conf_fault *new;

	*(what->is_warning ? &f->warnings : &f->faults) += 1;
	if (f->listed[what->is_warning] >= BOUND_CAP(BOUND_CONF_FAULTS))
		return;
	vsnprintf(text, sizeof text, fmt, ap);
	new = arena_get(&f->mem, sizeof *new);
	if (new) {
		*new = *what;
		new->file = keep(f, span_str(what->file));
		new->text = keep(f, span_str(text));
	}
	if (new == NULL || new->file == NULL || new->text == NULL) {
		f->nomem = true;
		return;
	}
	*(f->last ? &f->last->next : &f->first) = new;
	f->last = new;
	f->listed[what->is_warning]++;
}

void conf_fault_add(struct conf_faults *f, struct conf_place at, enum zt_err e, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add(f, &(struct conf_fault){.file = at.file, .line = at.line, .err = e}, fmt, ap);
	va_end(ap);
}

void conf_warn_add(struct conf_faults *f, struct conf_place at, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add(f, &(struct conf_fault){.file = at.file, .line = at.line, .is_warning = true}, fmt, ap);
	va_end(ap);
}

void conf_fault_print(const struct conf_fault *f, struct wr *w)
{
	wr_str(w, f->file);
	if (f->line)
		wr_fmt(w, ":%u", (unsigned)f->line);
	wr_str(w, f->is_warning ? ": warning: " : ": ");
	wr_str(w, f->text);
}

void conf_faults_rest(const struct conf_faults *f, struct wr *w)
{
	unsigned faults = f->faults - f->listed[0], warnings = f->warnings - f->listed[1];

	if (faults || warnings)
		wr_fmt(w, "%u more faults and %u more warnings are not shown\n", faults, warnings);
}

void conf_faults_print(const struct conf_faults *f, struct wr *w)
{
	for (const struct conf_fault *one = f->first; one; one = one->next) {
		conf_fault_print(one, w);
		wr_str(w, "\n");
	}
	conf_faults_rest(f, w);
}
