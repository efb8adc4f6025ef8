/*
 * id: `zt id show|renew|keep DIR`: what a joined machine does with its identity. Reading and renewing are
 * in serve/identity and serve/idrenew, keeping is in idkeep.c; here are words, options and the page.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/ct.h"
#include "base/jsonw.h"
#include "base/num.h"
#include "idkeep.h"
#include "roles/roles.h"
#include "misuse.h"
#include "serve/idrenew.h"

static const char usage[] =
	"usage: zt id show DIR [--json]\n"
	"       zt id renew DIR [--same-key]\n"
	"       zt id keep DIR [--renew-before S]\n"
	"The identity that 'zt join' made: what it is; renew it now; or stay and keep it: renew it when two\n"
	"thirds of its life are over, and follow the authority's status list, a line in the log for every\n"
	"change. What uses the identity reads the new one from the same file.\n"
	"\n"
	"  --json             one JSON object\n"
	"  --same-key         keep the key; as a rule a renewal has a new one\n"
	"  --renew-before S   renew when no more than so many seconds are left, if that is earlier\n"
	"  -h, --help         print this\n"
	"\n"
	"Exit: 0 done, 4 refused (of keep: this identity is revoked or suspended), 5 the authority is not\n"
	"reachable, 6 a file is damaged, 7 another keep runs there, 8 a key, 2 wrong use, 1 anything else.\n";

struct wish {
	const char *dir;
	char whole[4096]; /* of dir, absolute */
	bool json, same_key, help;
	uint64_t before_s;
};

static int misuse(const char *what, const char *got)
{
	return (int)verb_misuse("id", "id", what, got);
}

static int sorry(const struct why *w)
{
	fprintf(stderr, "zt id: %s\n", w->text);
	return (int)err_exit(w->err);
}

static int parse_args(int argc, char **argv, struct wish *w)
{
	static const struct option longs[] = {{"json", no_argument, NULL, 'j'},
					      {"same-key", no_argument, NULL, 's'},
					      {"renew-before", required_argument, NULL, 'b'},
					      {"help", no_argument, NULL, 'h'},
					      {NULL, 0, NULL, 0}};
	int c;

	opterr = 0;
	while ((c = getopt_long(argc, argv, ":h", longs, NULL)) != -1) {
		if (c == 'j')
			w->json = true;
		else if (c == 's')
			w->same_key = true;
		else if (c == 'h')
			w->help = true;
		else if (c == 'b' && (span_u64(span_str(optarg), UINT32_MAX, &w->before_s) < 0 || w->before_s == 0))
			return misuse("--renew-before takes whole seconds, not", optarg);
		else if (c == ':' || c == '?')
			return misuse(c == ':' ? "a value is missing after" : "there is no option", argv[optind - 1]);
	}
	if (w->help)
		return 0;
	if (optind + 1 != argc)
		return misuse(optind < argc ? "one directory at a time; what is" : "which identity? Give its directory: 'zt join' said where it is, or DIR of its --to",
			      optind < argc ? argv[optind + 1] : NULL);
	w->dir = argv[optind];
	return 0;
}

/* ---- show ------------------------------------------------------------------------------------------- */

struct facts {
	struct identity id;
	struct identity_where where;
	struct status_seen seen;
	char serial[2 * CERT_SERIAL + 1], from[CLOCK_RFC3339_LEN], until[CLOCK_RFC3339_LEN], renew[CLOCK_RFC3339_LEN];
	char issued[CLOCK_RFC3339_LEN];
	const char *state;
};

/* Root looks at a role's identity as the user whose it is, for good: what that user may not read, or put in the way,
 * stays so. The way there may be closed to that user, so it is opened before. */
static int open_as_owner(struct identity *id, const char *dir, struct why *w)
{
	struct stat st;
	int rc, fd;

	if (geteuid() != 0 || stat(dir, &st) < 0 || st.st_uid == 0 || (st.st_mode & 022))
		return identity_open(id, dir, w);
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || setgroups(0, NULL) < 0 || setgid(st.st_gid) < 0 || setuid(st.st_uid) < 0)
		rc = why_sys(w, errno, "cannot look at %.300s as user %u, whose it is", dir, (unsigned)st.st_uid);
	else
		rc = identity_open_at(id, fd, dir, w);
	if (fd >= 0)
		close(fd);
	return rc;
}

static int learn(struct facts *f, const char *dir, struct why *w)
{
	int64_t now = clock_wall(&clock_real) / 1000;
	const struct x509 *c = &f->id.cert;
	int rc = open_as_owner(&f->id, dir, w);

	if (rc < 0)
		return rc;
	identity_forget_key(&f->id);
	rc = identity_read_where(f->id.dirfd, dir, &f->where, w);
	if (rc == 0)
		rc = identity_read_seen(f->id.dirfd, dir, &f->seen, w);
	ct_hex_encode(f->id.serial, CERT_SERIAL, f->serial);
	f->serial[2 * CERT_SERIAL] = 0;
	clock_rfc3339(c->not_before * 1000, f->from, sizeof f->from);
	clock_rfc3339(c->not_after * 1000, f->until, sizeof f->until);
	clock_rfc3339(identity_renew_at(c) * 1000, f->renew, sizeof f->renew);
	clock_rfc3339(f->seen.issued * 1000, f->issued, sizeof f->issued);
	f->state = now > c->not_after ? "expired" : now < c->not_before ? "not valid yet" :
		   now >= identity_renew_at(c) ? "due for renewal" : "valid";
	return rc;
}

static void show_text(const struct facts *f)
{
	printf("role         %s\nid           %.*s\nserial       %s\nstate        %s, by its dates\nvalid        %s to %s\n", cert_role(f->id.role)->name,
	       SPAN_ARG(f->id.id), f->serial, f->state, f->from, f->until);
	if (idrenew_role(f->id.role, NULL) == 0)
		printf("renews from  %s\n", f->renew);
	printf("key          %s\n", oid_name(f->id.cert.key_alg));
	for (size_t i = 0; i < f->where.n; i++)
		printf("%s%s\n", i ? "             " : "authority    ", f->where.addr[i]);
	if (f->seen.number)
		printf("status list  epoch %llu, number %llu, of %s\n", (unsigned long long)f->seen.epoch,
		       (unsigned long long)f->seen.number, f->issued);
	else
		printf("status list  none seen yet\n");
}

static void member(struct jsonw *j, const char *key, const char *value)
{
	jsonw_key(j, key);
	jsonw_str(j, value);
}

static void number(struct jsonw *j, const char *key, int64_t value)
{
	jsonw_key(j, key);
	jsonw_i64(j, value);
}

static void show_json(const struct facts *f)
{
	uint8_t mem[8192];
	struct wr w = wr_of(mem, sizeof mem);
	struct jsonw j;

	jsonw_init(&j, &w);
	jsonw_open(&j, '{');
	member(&j, "role", cert_role(f->id.role)->name);
	jsonw_key(&j, "id");
	jsonw_span(&j, f->id.id);
	member(&j, "serial", f->serial);
	member(&j, "state", f->state);
	number(&j, "not_before", f->id.cert.not_before);
	number(&j, "not_after", f->id.cert.not_after);
	number(&j, "renew_at", identity_renew_at(&f->id.cert));
	member(&j, "key", oid_name(f->id.cert.key_alg));
	jsonw_key(&j, "authority");
	jsonw_open(&j, '[');
	for (size_t i = 0; i < f->where.n; i++)
		jsonw_str(&j, f->where.addr[i]);
	jsonw_close(&j, ']');
	jsonw_key(&j, "status_list");
	jsonw_open(&j, '{');
	jsonw_key(&j, "epoch");
	jsonw_u64(&j, f->seen.epoch);
	jsonw_key(&j, "number");
	jsonw_u64(&j, f->seen.number);
	number(&j, "issued", f->seen.issued);
	jsonw_close(&j, '}');
	jsonw_close(&j, '}');
	printf("%.*s\n", (int)w.n, (const char *)w.p);
}

static int show(const struct wish *w)
{
	struct facts f = {0};
	struct why why = {0};
	int rc = learn(&f, w->whole, &why);

	if (rc == 0)
		(w->json ? show_json : show_text)(&f);
	if (rc == 0 && fflush(stdout) != 0)
		rc = why_set(&why, ZT_E_SYS, "cannot write the output");
	if (f.id.dirfd > 0)
		identity_close(&f.id);
	return rc < 0 ? sorry(&why) : EXIT_ZT_OK;
}

/* ---- renew, keep ---------------------------------------------------------------------------------------- */

static int renew(const struct wish *w)
{
	const struct idrenew o = {.who = "zt id renew", .dir = w->whole, .same_key = w->same_key};
	struct why why = {0};
	int rc = idrenew(&o, &why);

	return rc < 0 ? sorry(&why) : show(w);
}

static int keep(const struct wish *w)
{
	const struct idkeep o = {.dir = w->whole, .before_s = (int64_t)w->before_s};
	struct why why = {0};
	int rc = idkeep(&o, &why);

	return rc < 0 ? sorry(&why) : EXIT_ZT_OK;
}

static const struct {
	const char *word;
	int (*run)(const struct wish *w);
	bool json, same_key, before;
} words[] = {{"show", show, true, false, false}, {"renew", renew, true, true, false}, {"keep", keep, false, false, true}};

static int run(size_t i, struct wish *w)
{
	char *whole;

	if ((w->json && !words[i].json) || (w->same_key && !words[i].same_key) || (w->before_s && !words[i].before))
		return misuse("an option has no place with", words[i].word);
	whole = realpath(w->dir, NULL); /* the handshake process wants to be told exactly */
	if (whole == NULL || strlen(whole) >= sizeof w->whole) {
		fprintf(stderr, "zt id: there is no directory %.300s\n", w->dir);
		free(whole);
		return EXIT_ZT_FAILED;
	}
	memcpy(w->whole, whole, strlen(whole) + 1);
	free(whole);
	return words[i].run(w);
}

int id_main(int argc, char **argv)
{
	struct span verb = span_str(argc >= 2 ? argv[1] : "");
	struct wish w = {0};
	int code;

	if (span_eq_str(verb, "--help") || span_eq_str(verb, "-h"))
		return fputs(usage, stdout) < 0;
	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		if (!span_eq_str(verb, words[i].word))
			continue;
		code = parse_args(argc - 1, argv + 1, &w);
		if (code == 0 && w.help)
			return fputs(usage, stdout) < 0;
		return code ? code : run(i, &w);
	}
	fputs(usage, stderr);
	return EXIT_ZT_USAGE;
}
