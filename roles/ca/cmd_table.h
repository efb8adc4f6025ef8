/*
 * cmd_table: lists as people read them. ca-sign answers lists as JSON, an object a line; --json passes these
 * on, and without it they become aligned columns, a table of which says what is in which.
 */
#ifndef ZT_CA_CMD_TABLE_H
#define ZT_CA_CMD_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "wire/json.h"

enum cmd_cell {
	CELL_TEXT,   /* a string; null and "" are "-" */
	CELL_NUMBER,
	CELL_UNTIL,  /* "2027-02-19 in 89 days" */
	CELL_AGO,    /* "3 minutes ago"; 0 is "-" */
	CELL_USES,   /* "1 of 3": members used and uses */
	CELL_YES     /* true is "yes", false "-" */
};
struct cmd_column {
	const char *head, *key;
	enum cmd_cell kind;
};

#define CMD_COLUMNS 8
struct cmd_table {
	const struct cmd_column *columns;
	size_t n;      /* of them, at most CMD_COLUMNS */
	bool json;     /* pass the lines on */
	int64_t now;
	struct why *why;
	/* its own */
	size_t width[CMD_COLUMNS], rows;
	bool headed;
};

/* For cmd_pages(): owner is a struct cmd_table. Columns grow from page to page, never shrink. */
int cmd_table_page(void *owner, struct span lines);

/* One line, for who needs a member of it: 0, or -ZT_E_SYNTAX. tok has CMD_LINE_TOKENS. */
#define CMD_LINE_TOKENS 64
int cmd_line_read(struct json *j, struct json_tok *tok, struct span line, struct why *w);
/* One cell's text; answers out. */
const char *cmd_cell_text(struct json *j, const struct cmd_column *c, int64_t now, char *out, size_t cap);

#endif
