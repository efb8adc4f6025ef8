/*
 * askrole: what the verbs that talk to a running role share (status, reload, health): which
 * role, where its control socket is, the question, the answer, the exit code.
 */
#ifndef ZT_ASKROLE_H
#define ZT_ASKROLE_H

struct ask_verb {
	const char *name, *about;
	const char *line;      /* what is sent */
	const char *line_json; /* with --json; NULL: the option does not exist */
	int timeout_ms;
	int absent_code;       /* exit code when no role runs */
};

/* zt VERB [ROLE] [-c FILE] [--json]. Without ROLE: every role that runs here. */
int ask_role(const struct ask_verb *v, int argc, char **argv);

#endif
