/* joinwish: see joinwish.h. Owns the words that explain the command. Opens nothing. */
#include "joinwish.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "roles/roles.h"
#include "misuse.h"
#include "wire/addr.h"
#include "wire/enrol.h"
#include "wire/token.h"

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

#define WAIT_S 600
#define CALL_S 1800     /* a token's usual life */
#define WAIT_MOST_S 86400

static int misuse(const char *what, const char *got)
{
	return (int)verb_misuse("join", "join", what, got);
}

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

int joinwish_read(struct wish *wish, enum cert_role role, int argc, char **argv)
{
	struct secret token = {0};
	int code;

	*wish = (struct wish){.role = role};
	take_token_arg(argc, argv, &token);
	code = parse_args(argc, argv, &token, wish);
	secret_wipe(&token);
	return code;
}

int joinwish_help(enum cert_role role)
{
	const char *name = role ? cert_role(role)->name : "";

	return role == ROLE_EDGE ? fputs(edge_usage, stdout) < 0 : role ? printf(role_usage, name, name) < 0 : fputs(usage, stdout) < 0;
}
