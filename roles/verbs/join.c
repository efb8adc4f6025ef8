/*
 * join: `zt join`, `zt connector join`, `zt edge join`: one string makes this machine a member. Makes a key, asks
 * the authority that the token pins for a certificate, and keeps both in one directory (serve/identity).
 * Life: token (off the command line at once) -> directory -> key -> authority (serve/enrolcall), as often
 * as it takes until somebody approves -> files -> one line on stdout. An edge cannot dial home: it waits to be called.
 */
#include <errno.h>
#include <getopt.h>
#include <grp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/ct.h"
#include "base/num.h"
#include "io/confload.h"
#include "io/place.h"
#include "decide/tlsplan.h"
#include "joinwait.h"
#include "roles/roles.h"
#include "serve/enrolcall.h"
#include "serve/secretin.h"
#include "wire/csr.h"

static const char usage[] =
	"usage: zt token create ... | zt join [--to DIR] [--name LABEL] [--at HOST:PORT] [--wait S] [--replace]\n"
	"       zt join [options] --token-file FILE\n"
	"       zt join [options] TOKEN\n"
	"Join with a token that 'zt token create' made on the authority: make a key here, get a certificate\n"
	"for it, and keep both. The token's secret is never sent. A token as an argument is overwritten at\n"
	"once, but the shell's history has it: a file, a pipe or the environment is better.\n"
	"\n"
	"  --to DIR           where the identity is kept (default: /var/lib/zt/<role>/identity, or\n"
	"                     $XDG_STATE_HOME/zt/<role>/identity for a user)\n"
	"  --name LABEL       what this machine calls itself, for the authority's log (default: host name)\n"
	"  --at HOST:PORT     ask here first, instead of where the token says\n"
	"  --token-file FILE  the token; - is standard input\n"
	"  --wait S           how long to wait for somebody's approval, if it takes one (default 600)\n"
	"  --replace          join anew, though DIR holds an identity\n"
	"  -h, --help         print this\n"
	"\n"
	"The token also comes from ZT_JOIN_TOKEN, or the file that ZT_JOIN_TOKEN_FILE names; on a terminal it is\n"
	"asked for. Done again after it was\n"
	"interrupted it is the same join: the same key and certificate, and the token is not used twice.\n"
	"Where DIR holds a good identity of this role and authority there is nothing to do.\n"
	"Exit: 0 joined, 4 refused or not approved in time, 5 nobody reachable, 9 the token is not good,\n"
	"8 a key, 2 wrong use, 1 anything else.\n";

#define WAIT_S 600
#define CALL_S 1800     /* a token's usual life */
#define MISSED_SHOWN 20 /* of those who call and are not the authority; the internet is full of them */
#define WAIT_MOST_S 86400

static const char role_usage[] =
	"usage: zt %s join [-c FILE] [--name LABEL] [--at HOST:PORT] [--wait S] [--replace]\n"
	"                  [--token-file FILE | TOKEN]\n"
	"As 'zt join' (zt help join), but only with a token for this role, and into the state directory of the\n"
	"role: where 'zt %s' finds its identity and renews it.\n"
	"\n"
	"  -c FILE   the role's configuration: [state] says where, and who the role's processes are\n";

static const char edge_usage[] =
	"usage: zt edge join [-c FILE] [--listen ADDR:PORT] [--timeout S] [--name LABEL] [--replace]\n"
	"                    [--token-file FILE | TOKEN]\n"
	"Join with a token that 'zt token create edge' made at home. From here nobody gets in there, so this waits:\n"
	"at home, 'zt ca call THIS-MACHINE:PORT' connects the authority to it. Who connects and is not the authority\n"
	"that the token names is told nothing. Token, key and exit codes are those of 'zt join' (zt help join).\n"
	"\n"
	"  -c FILE             the edge's configuration: [state] says where the identity is kept\n"
	"  --listen ADDR:PORT  wait here (default: [edge] listen, else 0.0.0.0:443)\n"
	"  --timeout S         how long to wait (default 1800: as long as a token is good)\n"
	"  --at HOST:PORT      do not wait: the authority can be reached from here after all\n";

extern char **environ;

enum option_id { OPT_TO, OPT_NAME, OPT_AT, OPT_TOKEN_FILE, OPT_WAIT, OPT_LISTEN, OPT_TEXTS };

struct wish {
	const char *text[OPT_TEXTS]; /* NULL: not given */
	uint64_t wait_s;
	bool replace, help;
	enum cert_role role;         /* only this, into its own directory; ROLE_NONE: zt join */
	const char *conf;            /* -c; NULL: the usual one */
	struct secret arg;           /* a token that was an argument; n = 0: none */
};

struct join {
	const struct wish *wish;
	struct token token;
	struct identity_where where;
	struct authority_pins pins;
	struct enrolee e;
	char dir[PLACE_PATH + 32], label[ENROL_LABEL + 1];
	int dirfd;
	uint8_t csr[CSR_MAX];
	struct csr request;          /* spans into csr */
	uint32_t after_s;            /* > 0: pending */
	bool told, was_member, made_dir, made_key, asked_for, refused;
	struct joinwait wait;        /* n > 0: the authority calls here */
	unsigned missed;
};

static int misuse(const char *what, const char *got)
{
	fprintf(stderr, "zt join: %s", what);
	if (got)
		fprintf(stderr, " '%.200s'", got);
	fputs("\nzt join: 'zt help join' lists the options\n", stderr);
	return EXIT_ZT_USAGE;
}

static int sorry(const struct why *w)
{
	fprintf(stderr, "zt join: %s\n", w->text);
	return (int)err_exit(w->err);
}

/* ---- options ------------------------------------------------------------------------------------ */

static int check_wish(struct wish *w)
{
	struct span host;
	uint16_t port;

	if (w->text[OPT_WAIT] && span_u64(span_str(w->text[OPT_WAIT]), WAIT_MOST_S, &w->wait_s) < 0)
		return misuse("--wait and --timeout take whole seconds, at most a day, not", w->text[OPT_WAIT]);
	if (w->text[OPT_AT] && (strlen(w->text[OPT_AT]) > TOKEN_ADDR_MAX ||
				addr_parse_hostport(span_str(w->text[OPT_AT]), &host, &port) < 0))
		return misuse("--at takes HOST:PORT, not", w->text[OPT_AT]);
	if (w->text[OPT_NAME] && (strlen(w->text[OPT_NAME]) > ENROL_LABEL || !*w->text[OPT_NAME] ||
				  !span_is_utf8(span_str(w->text[OPT_NAME]))))
		return misuse("--name takes 1 to 64 bytes of text, not", w->text[OPT_NAME]);
	if (w->role && w->text[OPT_TO])
		return misuse("--to has no place here: it goes where the role looks for it", NULL);
	if (w->text[OPT_LISTEN] && (w->role != ROLE_EDGE || w->text[OPT_AT]))
		return misuse("--listen is for 'zt edge join' without --at: others dial", NULL);
	if (w->arg.n && w->text[OPT_TOKEN_FILE])
		return misuse("the token is given twice: as an argument and with --token-file", NULL);
	return 0;
}

static int parse_args(int argc, char **argv, struct secret *token, struct wish *w)
{
	static const struct option longs[] = {
		{"to", required_argument, NULL, OPT_TO},         {"name", required_argument, NULL, OPT_NAME},
		{"at", required_argument, NULL, OPT_AT},         {"token-file", required_argument, NULL, OPT_TOKEN_FILE},
		{"wait", required_argument, NULL, OPT_WAIT},     {"timeout", required_argument, NULL, OPT_WAIT},
		{"listen", required_argument, NULL, OPT_LISTEN}, {"replace", no_argument, NULL, 'r'},
		{"help", no_argument, NULL, 'h'},                {NULL, 0, NULL, 0}};
	int c;

	*w = (struct wish){.wait_s = w->role == ROLE_EDGE ? CALL_S : WAIT_S, .role = w->role};
	opterr = 0;
	while ((c = getopt_long(argc, argv, w->role ? ":hc:" : ":h", longs, NULL)) != -1) {
		if (c == 'h')
			w->help = true;
		else if (c == 'r')
			w->replace = true;
		else if (c == 'c')
			w->conf = optarg;
		else if (c == ':' || c == '?')
			return misuse(c == ':' ? "a value is missing after" : "there is no option", argv[optind - 1]);
		else
			w->text[c] = optarg;
	}
	if (w->help)
		return 0;
	if (optind + 1 < argc)
		return misuse("one token at a time", NULL); /* which of them is a secret is not said aloud */
	if (optind < argc && span_eq_str(span_str(argv[optind]), "-"))
		w->text[OPT_TOKEN_FILE] = "-";
	else if (optind < argc && argv[optind][0] && secret_take_arg(token, argv[optind]) < 0)
		return misuse("this is too long for a token", NULL);
	w->arg = *token;
	return check_wish(w);
}

/* Before anything else, wherever it stands: a token that was pasted is not left where every process can
 * read it, not even for as long as options take. */
static void take_token_arg(int argc, char **argv, struct secret *out)
{
	for (int i = 1; i < argc; i++)
		if (span_starts(span_str(argv[i]), "zt1_"))
			(void)secret_take_arg(out, argv[i]); /* what is too long is gone, and is missed later */
}

/* ---- token, directory, key ------------------------------------------------------------------------ */

static int read_token(struct join *j, struct wish *wish, struct why *w)
{
	struct secret_ask ask = {.what = "join token", .file = wish->text[OPT_TOKEN_FILE], .env = "ZT_JOIN_TOKEN", .tty = isatty(0)};
	struct secret s = {0};
	struct why none = {0};
	int rc;

	if (wish->arg.n) {
		rc = token_read(&j->token, secret_span(&wish->arg), w);
	} else {
		rc = secret_get(&s, &ask, &none);
		if (rc == -ZT_E_MISSING && ask.file == NULL && !ask.tty) { /* zt token create … | zt join */
			ask.file = "-";
			none = (struct why){0};
			rc = secret_get(&s, &ask, &none);
		}
		if (rc < 0)
			why_set(w, none.err, "%s", none.text);
		else
			rc = token_read(&j->token, secret_span(&s), w);
	}
	secret_wipe(&s);
	secret_wipe(&wish->arg);
	if (rc == 0 && (cert_role(j->token.role) == NULL || !cert_role(j->token.role)->joins))
		rc = why_set(w, ZT_E_TOKEN, "the token is for a role that this version of zt does not know");
	if (rc == 0 && wish->role && j->token.role != wish->role)
		rc = why_set(w, ZT_E_TOKEN, "the token is for the role %s, not for %s", cert_role(j->token.role)->name, cert_role(wish->role)->name);
	return rc;
}

static int find_where(struct join *j, struct why *w)
{
	const char *at = j->wish->text[OPT_AT];

	if (at)
		memcpy(j->where.addr[j->where.n++], at, strlen(at) + 1);
	for (size_t i = 0; i < j->token.naddrs && j->where.n < TOKEN_ADDRS; i++)
		if (at == NULL || !span_eq_str(span_str(at), j->token.addr[i]))
			memcpy(j->where.addr[j->where.n++], j->token.addr[i], sizeof j->where.addr[0]);
	if (j->where.n || j->wish->role == ROLE_EDGE)
		return 0;
	return why_set(w, ZT_E_USAGE, "the token names no address: say where the authority is with --at HOST:PORT");
}

/* Of the state directory of the role, like everything else that this role keeps. */
static int default_dir(struct join *j, struct why *w)
{
	struct place p;
	int rc = place_resolve(&p, cert_role(j->token.role)->name, "", "", w);

	if (rc == 0)
		rc = place_open_dir(p.state, w);
	if (rc < 0)
		return rc;
	close(rc);
	snprintf(j->dir, sizeof j->dir, "%s/identity", p.state);
	return 0;
}

/* From here on as the user whose process will renew it: what is written is his. */
static int become(struct place_owner who, struct why *w)
{
	if (geteuid() != 0 || who.uid == 0)
		return 0;
	if (setgroups(0, NULL) < 0 || setresgid(who.gid, who.gid, who.gid) < 0 || setresuid(who.uid, who.uid, who.uid) < 0)
		return why_sys(w, errno, "cannot become user %lu", (unsigned long)who.uid);
	return 0;
}

/* Afterwards the edge renews through its own port, first of all: what the token says may be the same from outside. */
static int wait_at(struct join *j, const struct conf *c, struct why *w)
{
	struct identity_where *to = &j->where;
	int rc = joinwait_open(&j->wait, c, j->wish->text[OPT_LISTEN], w);

	if (rc < 0)
		return rc;
	if (j->wish->text[OPT_AT]) {
		joinwait_close(&j->wait);
		return 0;
	}
	to->n -= to->n == TOKEN_ADDRS;
	memmove(to->addr[1], to->addr[0], to->n++ * sizeof to->addr[0]);
	return span_to_cstr(span_str(j->wait.own), to->addr[0], sizeof to->addr[0]);
}

static int open_place(struct join *j, const struct conf *c, struct why *w)
{
	const struct place_owner who = place_children(c);
	struct place p;
	struct stat st;
	int rc = place_resolve(&p, cert_role(j->wish->role)->name, c->state.dir, c->state.run_dir, w);

	if (rc == 0)
		rc = place_open_dir(p.state, w);
	if (rc < 0)
		return rc;
	close(rc);
	snprintf(j->dir, sizeof j->dir, "%s/" TLS_ID_DIR, p.state);
	j->made_dir = stat(j->dir, &st) < 0;
	rc = j->dirfd = place_open_below(p.state, TLS_ID_DIR, who.uid, who.gid, w);
	if (rc >= 0 && j->wish->role == ROLE_EDGE && (j->wish->replace || !identity_has(rc, IDENTITY_FILE)))
		rc = wait_at(j, c, w); /* port 443 is root's */
	return rc < 0 ? rc : become(who, w);
}

static int open_role_dir(struct join *j, struct why *w)
{
	const struct conf_source src = {.path = j->wish->conf, .env = environ};
	struct conf_faults faults;
	struct conf *c;
	int rc;

	conf_faults_init(&faults);
	rc = conf_load(&c, &src, &faults);
	if (rc < 0)
		why_set(w, (enum zt_err)-rc, "%s", faults.first ? faults.first->text : err_text((enum zt_err)-rc));
	conf_faults_free(&faults);
	if (rc < 0)
		return rc;
	rc = open_place(j, c, w);
	conf_free(c);
	return rc;
}

static int open_dir(struct join *j, struct why *w)
{
	const char *to = j->wish->text[OPT_TO];
	int rc = 0;

	if (j->wish->role)
		return open_role_dir(j, w);
	if (to && strlen(to) >= sizeof j->dir)
		return why_set(w, ZT_E_TOOLONG, "--to: the path is longer than %zu bytes", sizeof j->dir - 1);
	if (to)
		memcpy(j->dir, to, strlen(to) + 1);
	else
		rc = default_dir(j, w);
	if (rc == 0) {
		j->made_dir = access(j->dir, F_OK) < 0;
		rc = j->dirfd = identity_dir(j->dir, true, w);
	}
	return rc < 0 ? rc : 0;
}

/* Is what the token is for there already: a member of this authority in this role, still in date? Then there
 * is nothing to do: a join that was interrupted when all was written, or a service that joins at every start. */
static bool is_member(const struct join *j)
{
	struct authority_pins there;
	struct identity id;
	bool same = false;

	if (identity_open_at(&id, j->dirfd, j->dir, NULL) < 0)
		return false;
	if (authority_pins_of(&there, id.infra, "", NULL) == 0)
		for (size_t i = 0; i < there.n; i++)
			same |= ct_eq(there.pin[i], j->token.pin, sizeof j->token.pin);
	same = same && (unsigned)id.role == j->token.role && clock_wall(&clock_real) / 1000 <= id.cert.not_after;
	identity_close(&id);
	return same;
}

static int make_request(struct join *j, struct why *w)
{
	struct wr out = wr_of(j->csr, sizeof j->csr);
	struct privkey key;
	int rc;

	j->made_key = !identity_has(j->dirfd, IDENTITY_JOINING);
	rc = identity_key(j->dirfd, j->dir, IDENTITY_JOINING, &key, w);
	if (rc < 0)
		return rc;
	rc = identity_request(&key, &out, w);
	privkey_wipe(&key); /* while the network is talked to it is on the disk only */
	return rc < 0 ? rc : csr_form(&j->request, wr_span(&out), w);
}

/* ---- the talk ------------------------------------------------------------------------------------- */

static int store(struct join *j, const struct enrol *m, struct why *w)
{
	struct privkey key;
	int rc = identity_key(j->dirfd, j->dir, IDENTITY_JOINING, &key, w);

	if (rc < 0)
		return rc;
	if (!pk_pair(&key.key, &j->request.key))
		rc = why_set(w, ZT_E_KEY, "%s/" IDENTITY_JOINING " changed meanwhile; the certificate was not taken", j->dir);
	if (rc == 0)
		rc = identity_write_where(j->dirfd, j->dir, &j->where, w);
	if (rc == 0)
		rc = identity_store(j->dirfd, j->dir, &key.key, m, w);
	privkey_wipe(&key);
	if (rc < 0)
		return rc;
	identity_drop_key(j->dirfd, IDENTITY_RENEWING); /* of the one that was replaced */
	identity_drop_key(j->dirfd, IDENTITY_JOINING);
	return 0;
}

static void tell_pending(struct join *j)
{
	char key[2 * SHA256_LEN + 1] = "";
	uint8_t pin[SHA256_LEN];

	sha256(j->request.spki, pin);
	ct_hex_encode(pin, sizeof pin, key);
	if (!j->told)
		fprintf(stderr, "zt join: this join waits for approval: on the authority, 'zt ca pending' shows it and 'zt ca approve' "
			"lets it in%s. Compare the key before: %s\n", j->wait.n ? "; call again then" : "", key);
	j->told = true;
}

static int on_event(void *ctx, enum enrolee_event ev, const struct enrol *m, struct why *w)
{
	struct join *j = ctx;

	j->after_s = 0;
	if (ev == ENROLEE_GRANTED)
		return store(j, m, w);
	if (ev != ENROLEE_PENDING)
		return why_set(w, ZT_E_DENIED, "the authority answered something else than a certificate");
	j->after_s = enrolee_after(m);
	tell_pending(j);
	return 0;
}

static void on_missed(void *ctx, const struct why *w)
{
	struct join *j = ctx;

	if (j->missed++ < MISSED_SHOWN)
		fprintf(stderr, "zt join: called in vain: %s\n%s", w->text,
			j->missed == MISSED_SHOWN ? "zt join: more of those are not shown; it goes on waiting\n" : "");
}

static int ask_once(struct join *j, struct why *w)
{
	int rc;
	struct enrolcall call = {.who = "zt join", .where = &j->where, .e = &j->e, .floor = CLOCK_FLOOR_S, .on = on_event, .ctx = j,
				 .door = j->wait.fd, .doors = j->wait.n, .wait_ms = j->wish->wait_s * 1000, .missed = on_missed};

	j->e = (struct enrolee){.kind = ENROLEE_JOIN, .token = &j->token, .csr = j->request.der, .label = span_str(j->label)};
	j->e.asked = (struct authority_asked){.spki = j->request.spki, .role = (enum cert_role)j->token.role, .pins = &j->pins};
	rc = enrolcall_run(&call, w);
	j->wait.n = 0; /* the call has closed them */
	j->asked_for |= j->e.asked_for;
	j->refused = j->e.refused;
	return rc;
}

/* What failed without a chance that a certificate was made for our new key leaves nothing behind: nobody was
 * told enough, or the authority itself says that there is none. Else the key stays, for the same join again. */
static void undo(struct join *j, int rc)
{
	bool said_no = j->refused && (rc == -ZT_E_TOKEN || rc == -ZT_E_DENIED);

	if (!said_no && (j->asked_for || !j->made_key))
		return;
	identity_drop_key(j->dirfd, IDENTITY_JOINING);
	if (j->made_dir)
		rmdir(j->dir);
}

static int ask(struct join *j, struct why *w)
{
	uint64_t end = clock_mono(&clock_real) + j->wish->wait_s * NS_PER_S, now;
	int rc;

	for (;;) {
		rc = ask_once(j, w);
		if (rc < 0 || j->after_s == 0)
			return rc;
		now = clock_mono(&clock_real);
		if (now >= end)
			return why_set(w, ZT_E_DENIED, "nobody approved within %llu seconds. The key is kept in %s: once it is approved, the same "
				       "'zt join' goes on with this join", (unsigned long long)j->wish->wait_s, j->dir);
		poll(NULL, 0, (int)num_min64(j->after_s * 1000, (end - now) / NS_PER_MS + 1));
	}
}

/* ---- the verb --------------------------------------------------------------------------------------- */

/* What an edge needs beside its identity, so that it stays one. */
static void tell_next(const struct join *j)
{
	if (j->wish->role != ROLE_EDGE || j->wish->text[OPT_AT] || j->was_member)
		return;
	fprintf(stderr, "zt join: next: 'zt edge' serves with it, and 'zt connector' at home connects to it. ");
	fprintf(stderr, j->wait.passes ? "It renews through its own port, as [edge] enrol says\n" :
		"So that it can renew itself, set\n[edge] enrol = NAME, and at home an [ingress] rule of that hostname with "
		"service = tcp://AUTHORITY:PORT\n");
}

static int report(const struct join *j, struct why *w)
{
	struct identity id;
	char until[CLOCK_RFC3339_LEN];
	int rc = identity_open_at(&id, j->dirfd, j->dir, w);

	if (rc < 0)
		return rc;
	clock_rfc3339(id.cert.not_after * 1000, until, sizeof until);
	printf("joined%s as %s %.*s, until %s, in %s\n", j->was_member ? " already" : "", cert_role(id.role)->name, SPAN_ARG(id.id), until, j->dir);
	identity_close(&id);
	tell_next(j);
	return fflush(stdout) != 0 ? why_set(w, ZT_E_SYS, "cannot write the output") : 0;
}

static void tell_waiting(const struct join *j)
{
	char at[ADDR_TEXT];

	fprintf(stderr, "zt join: waiting for home to call, on %s. There: zt ca call THIS-MACHINE:%u\n", addr_text(&j->wait.at, at),
		j->wait.at.port);
}

static int join_with(struct join *j, struct why *w)
{
	int rc = open_dir(j, w);

	if (rc < 0)
		return rc;
	if (identity_has(j->dirfd, IDENTITY_FILE) && !j->wish->replace) {
		if (!is_member(j))
			return why_set(w, ZT_E_EXISTS, "%s holds another identity, or one that has expired ('zt id show' shows it); join "
				       "into another directory with --to, or give it up with --replace", j->dir);
		identity_drop_key(j->dirfd, IDENTITY_JOINING); /* it was interrupted before this */
		j->was_member = true;
		return 0;
	}
	rc = make_request(j, w);
	if (rc < 0)
		return rc;
	if (j->wait.n)
		tell_waiting(j);
	rc = ask(j, w);
	if (rc < 0)
		undo(j, rc);
	return rc;
}

static void find_label(struct join *j)
{
	if (j->wish->text[OPT_NAME])
		memcpy(j->label, j->wish->text[OPT_NAME], strlen(j->wish->text[OPT_NAME]) + 1);
	else if (gethostname(j->label, sizeof j->label - 1) < 0 || !span_is_utf8(span_str(j->label)))
		j->label[0] = 0;
}

static int join(struct wish *wish)
{
	struct join j = {.wish = wish, .dirfd = -1};
	struct why why = {0};
	int rc = read_token(&j, wish, &why);

	if (rc == 0)
		rc = find_where(&j, &why);
	if (rc == 0) {
		find_label(&j);
		j.pins = (struct authority_pins){.n = 1, .by = "the token"};
		memcpy(j.pins.pin[0], j.token.pin, sizeof j.token.pin);
		rc = join_with(&j, &why);
	}
	wipe(&j.token, sizeof j.token);
	if (rc == 0)
		rc = report(&j, &why);
	joinwait_close(&j.wait);
	if (j.dirfd >= 0)
		close(j.dirfd);
	return rc < 0 ? sorry(&why) : EXIT_ZT_OK;
}

static int run(enum cert_role role, int argc, char **argv)
{
	struct secret token = {0};
	struct wish w = {.role = role};
	const char *name = role ? cert_role(role)->name : "";
	int code;

	take_token_arg(argc, argv, &token);
	code = parse_args(argc, argv, &token, &w);
	secret_wipe(&token);
	if (code == 0 && w.help)
		code = role == ROLE_EDGE ? fputs(edge_usage, stdout) < 0 : role ? printf(role_usage, name, name) < 0 : fputs(usage, stdout) < 0;
	else if (code == 0)
		code = join(&w);
	secret_wipe(&w.arg);
	return code;
}

int join_main(int argc, char **argv)
{
	return run(ROLE_NONE, argc, argv);
}

int connector_join_main(int argc, char **argv)
{
	return run(ROLE_CONNECTOR, argc, argv);
}

int edge_join_main(int argc, char **argv)
{
	return run(ROLE_EDGE, argc, argv);
}
