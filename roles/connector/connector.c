/*
 * connector: the home side of a tunnel. It dials the edges, tells them its rules, and serves the streams that they
 * open from the origins of those rules and from nothing else:
 *
 *   connector_main -> supervisor reads the identity's files
 *     id-tlsd           the identity's key and all handshakes, those with origins too; no socket
 *     keeper            renews the identity, watches the authority
 *     connector-worker  every other socket, no key: worker.c
 */
#include <string.h>

#include "base/num.h"
#include "connector.h"
#include "roles/roles.h"
#include "serve/rolerun.h"

static size_t worker_files(const struct conf *c, struct file_want out[static FILES_MOST])
{
	size_t n = sysnames_files(out, 0);

	out[n++] = (struct file_want){.path = KEEPLINE_REGISTRY, .kind = FILE_ANCHORS};
	return files_of_id_roles(c, out, n);
}

size_t connector_listen(const struct conf *c, struct addr out[static DOORS])
{
	size_t n = num_min(c->connector.health.n, DOORS);

	for (size_t i = 0; i < n; i++)
		out[i] = *conf_addr(&c->connector.health, i);
	return n;
}

/* Of an origin "unix:/path", the path; it stands at the end of what was written. */
static const char *socket_file(const struct conf *c, unsigned rule, unsigned origin)
{
	const struct conf_ingress *g = conf_first_ingress(c);
	struct why w = {0};
	struct service s;

	while (g && rule--)
		g = conf_next_ingress(g);
	if (g == NULL || origin >= g->service.n || service_read(span_str(conf_text(&g->service, origin)), 0, &s, &w) < 0)
		return "";
	return s.is_unix ? (const char *)s.host.p : "";
}

static int serve(int argc, char **argv)
{
	static const struct super_child children[] = {
		{.kind = "id-tlsd", .proc = "tlsd", .who = CONF_FOR_ID_TLSD, .files = files_of_identity, .anew = true},
		{.kind = "keeper", .proc = "keeper", .who = CONF_FOR_KEEPER, .files = keeper_files, .dir = TLS_ID_DIR, .alone = true},
		{.kind = "connector-worker", .proc = "worker", .who = CONF_FOR_WORKER, .listeners = true, .files = worker_files,
		 .socket = socket_file, .settles = true},
	};
	static const struct super_link links[] = {[KEEPER_LINK_TLSD] = {1, 0}, [CONNECTOR_LINK_KEEPER] = {2, 1},
						 [CONNECTOR_LINK_TLSD] = {2, 0}};
	static const struct super_role role = {.name = "connector", .children = children, .n = ARRAY_LEN(children),
					       .listen = connector_listen, .links = links, .nlinks = ARRAY_LEN(links)};

	return role_run(&role,
			"The home side: dials each of [connector] edge and serves what the rules of [ingress NAME]\n"
			"say, with the identity that 'zt connector join' made, which it renews by itself. Without one, and\n"
			"with a token in ZT_JOIN_TOKEN or the file of ZT_JOIN_TOKEN_FILE, it joins first.\n"
			"'zt connector ingress' tries the rules.",
			argc, argv);
}

int connector_main(int argc, char **argv)
{
	int code;

	if (argc > 1 && strcmp(argv[1], "join") == 0)
		return connector_join_main(argc - 1, argv + 1);
	code = connector_join_first(argc, argv);
	return code < 0 ? serve(argc, argv) : code;
}
