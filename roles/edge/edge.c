/*
 * edge: the public side. The supervisor binds every address and reads the files:
 *
 *   tlsd          keys of the hosts' certificates and their handshakes, no socket
 *   edge-worker   every socket, no key: worker.c
 */
#include "base/num.h"
#include "edge.h"
#include "roles/roles.h"
#include "serve/keeper.h"
#include "serve/rolerun.h"

static size_t worker_files(const struct conf *c, struct file_want out[static FILES_MOST])
{
	size_t n = keeper_files(c, out);

	return files_of_roles(c, out, n);
}

int edge_main(int argc, char **argv)
{
	static const struct super_child children[] = {
		{.kind = "tlsd", .proc = "tlsd", .who = CONF_FOR_TLSD, .files = files_of_tls, .anew = true},
		{.kind = "edge-worker", .proc = "worker", .who = CONF_FOR_WORKER, .listeners = true, .files = worker_files},
	};
	/* STUB: until an identity may be missing there is one line, and its number is not EDGE_LINK_WEB. */
	static const struct super_link links[] = {{1, 0}};
	static const struct super_role role = {.name = "edge", .children = children, .n = ARRAY_LEN(children),
					       .listen = edge_listen, .links = links, .nlinks = ARRAY_LEN(links)};

	return role_run(&role,
			"The public side: takes visitors over TLS, decides about each request, and passes it on\n"
			"to a connector's tunnel or to an origin on this machine. [edge] says where, each\n"
			"[host NAME] has a certificate and an access line.",
			argc, argv);
}
