/*
 * join: `zt join`, `zt connector join`, `zt edge join`: one string makes this machine a member. Makes a key, asks
 * the authority that the token pins for a certificate, and keeps both in one directory (serve/identity).
 * Life: token (off the command line at once) -> directory -> key -> authority (serve/enrolcall), as often
 * as it takes until somebody approves -> files -> one line on stdout. An edge cannot dial home: it waits to be called.
 */
#include <errno.h>
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
#include "joinwish.h"
#include "roles/roles.h"
#include "serve/enrolcall.h"
#include "wire/csr.h"

#define MISSED_SHOWN 20 /* of those who call and are not the authority; the internet is full of them */

extern char **environ;

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

static int sorry(const struct why *w)
{
	fprintf(stderr, "zt join: %s\n", w->text);
	return (int)err_exit(w->err);
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
	struct wish w;
	int code = joinwish_read(&w, role, argc, argv);

	if (code == 0)
		code = w.help ? joinwish_help(role) : join(&w);
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
