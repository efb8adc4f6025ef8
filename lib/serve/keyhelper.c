/* keyhelper: a tlsd of a command's own, with the files that its configuration names. */
#include "keyhelper.h"

#include <sys/socket.h>
#include <unistd.h>

#include "io/files.h"
#include "io/place.h"

struct helping {
	const char *kind;
	unsigned who;
	size_t (*files)(const struct conf *c, struct file_want out[static FILES_MOST]);
	struct files_base base;
};

static int start(struct keyhelper *h, const struct conf *c, const struct helping *what, int bundle, struct why *w)
{
	const struct onechild_opts o = {
		.kind = what->kind, .shown = "handshake process", .who = what->who, .conf = c, .fds = &bundle, .nfds = 1,
	};
	int rc = onechild_start(&h->child, &o, w);

	if (rc == 0)
		rc = h->line = onechild_link(&h->child, 0, SOCK_SEQPACKET, w);
	return rc < 0 ? rc : 0;
}

static int help(struct keyhelper *h, const struct conf *c, const struct helping *what, struct why *w)
{
	struct file_want want[FILES_MOST];
	struct files_mark mark;
	int bundle, rc;

	*h = (struct keyhelper){.child = {.orders = -1, .words = -1}, .line = -1};
	bundle = files_pack(want, what->files(c, want), &what->base, &mark, w);
	if (bundle < 0)
		return bundle;
	rc = start(h, c, what, bundle, w);
	close(bundle);
	if (rc < 0)
		keyhelper_stop(h);
	return rc;
}

int keyhelper_start(struct keyhelper *h, const struct conf *c, struct why *w)
{
	static const struct helping what = {.kind = "tlsd", .who = CONF_FOR_TLSD, .files = files_of_tls};

	return help(h, c, &what, w);
}

int keyhelper_identity(struct keyhelper *h, const struct conf *c, const char *dir, struct why *w)
{
	const struct helping what = {.kind = "id-tlsd", .who = CONF_FOR_ID_TLSD, .files = files_of_identity,
				     .base = {.dir = dir, .owner = place_children(c).uid}};

	return help(h, c, &what, w);
}

void keyhelper_stop(struct keyhelper *h)
{
	if (h->line >= 0)
		close(h->line);
	h->line = -1;
	onechild_stop(&h->child, 0); /* nothing it could still have to say matters */
}
