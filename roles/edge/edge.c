/*
 * edge: the public side. The supervisor binds every address and reads the files:
 *
 *   tlsd          keys of the hosts' certificates and their handshakes, no socket
 *   id-tlsd       the same of the edge's own identity, which it may lack: tunnels
 *   keeper        renews the identity, follows the authority
 *   edge-worker   every socket, no key: worker.c; [edge] workers of them, each with sockets of its own
 */
#include "base/num.h"
#include "edge.h"
#include "io/sysnames.h"
#include "roles/roles.h"
#include "serve/keeper.h"
#include "serve/rolerun.h"

static size_t worker_files(const struct conf *c, struct file_want out[static FILES_MOST])
{
	static const char *const own[] = {KEEPLINE_REGISTRY, TLS_ID_DEVICE};
	size_t n = files_of_id_roles(c, out, files_of_roles(c, out, sysnames_files(out, 0)));

	for (size_t i = 0; i < ARRAY_LEN(own); i++)
		out[n++] = (struct file_want){.path = own[i], .kind = FILE_ANCHORS, .optional = true};
	return n;
}

static unsigned workers(const struct conf *c)
{
	return (unsigned)c->edge.workers;
}

int edge_main(int argc, char **argv)
{
	static const struct super_child children[] = {
		{.kind = "tlsd", .proc = "tlsd", .who = CONF_FOR_TLSD, .files = files_of_tls, .anew = true},
		{.kind = "id-tlsd", .proc = "id-tlsd", .who = CONF_FOR_ID_TLSD, .files = files_of_identity, .anew = true},
		{.kind = "keeper", .proc = "keeper", .who = CONF_FOR_KEEPER, .files = keeper_files, .dir = TLS_ID_DIR,
		 .alone = true},
		{.kind = "edge-worker", .proc = "worker", .who = CONF_FOR_WORKER, .listeners = true, .files = worker_files,
		 .count = workers},
	};
	static const struct super_link links[] = {
		[EDGE_LINK_ID_KEEPER] = {2, 1}, [EDGE_LINK_KEEPER] = {3, 2}, [EDGE_LINK_WEB] = {3, 0}, [EDGE_LINK_ID] = {3, 1},
		[EDGE_LINK_PEER] = {3, 3}};
	static const struct super_role role = {.name = "edge", .children = children, .n = ARRAY_LEN(children),
					       .listen = edge_listen, .links = links, .nlinks = ARRAY_LEN(links)};

	return role_run(&role,
			"The public side: takes visitors over TLS, decides about each request, and passes it on\n"
			"to a connector's tunnel or to an origin on this machine. [edge] says where, each\n"
			"[host NAME] has a certificate and an access line. 'zt edge join' makes it a member\n"
			"of the authority at home, so that connectors may come.",
			argc, argv);
}
