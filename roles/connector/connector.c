/*
 * connector: the home side of a tunnel. So far it keeps its identity and follows the status list:
 *
 *   connector_main -> supervisor reads the identity's files
 *     id-tlsd           the identity's key and handshakes, no socket
 *     keeper            renews the identity, watches the authority
 *     connector-worker  every other socket, no key: worker.c
 */
#include <string.h>

#include "base/num.h"
#include "connector.h"
#include "decide/tlsplan.h"
#include "roles/roles.h"
#include "serve/keeper.h"
#include "serve/keepline.h"
#include "serve/rolerun.h"

static size_t worker_files(const struct conf *c, struct file_want out[static FILES_MOST])
{
	(void)c;
	out[0] = (struct file_want){.path = KEEPLINE_REGISTRY, .kind = FILE_ANCHORS};
	return 1;
}

static int serve(int argc, char **argv)
{
	static const struct super_child children[] = {
		{.kind = "id-tlsd", .proc = "tlsd", .who = CONF_FOR_ID_TLSD, .files = files_of_identity, .anew = true},
		{.kind = "keeper", .proc = "keeper", .who = CONF_FOR_KEEPER, .files = keeper_files, .dir = TLS_ID_DIR},
		{.kind = "connector-worker", .proc = "worker", .who = CONF_FOR_WORKER, .files = worker_files},
	};
	static const struct super_link links[] = {[KEEPER_LINK_TLSD] = {1, 0}, [CONNECTOR_LINK_KEEPER] = {2, 1}};
	static const struct super_role role = {.name = "connector", .children = children, .n = ARRAY_LEN(children),
					       .links = links, .nlinks = ARRAY_LEN(links)};

	return role_run(&role,
			"The home side: keeps the identity that 'zt connector join' made, renews it and\n"
			"follows the authority's status list.",
			argc, argv);
}

int connector_main(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "join") == 0)
		return connector_join_main(argc - 1, argv + 1);
	return serve(argc, argv);
}
