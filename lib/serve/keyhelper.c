/* keyhelper: a tlsd of a command's own, with the files that its configuration names. */
#include "keyhelper.h"

#include <sys/socket.h>
#include <unistd.h>

#include "io/files.h"

static int start(struct keyhelper *h, const struct conf *c, int bundle, struct why *w)
{
	const struct onechild_opts o = {
		.kind = "tlsd", .shown = "handshake process", .who = CONF_FOR_TLSD, .conf = c, .fds = &bundle, .nfds = 1,
	};
	int rc = onechild_start(&h->child, &o, w);

	if (rc == 0)
		rc = h->line = onechild_link(&h->child, 0, SOCK_SEQPACKET, w);
	return rc < 0 ? rc : 0;
}

int keyhelper_start(struct keyhelper *h, const struct conf *c, struct why *w)
{
	struct file_want want[FILES_MOST];
	struct files_mark mark;
	int bundle, rc;

	*h = (struct keyhelper){.child = {.orders = -1, .words = -1}, .line = -1};
	bundle = files_pack(want, files_of_tls(c, want), NULL, &mark, w);
	if (bundle < 0)
		return bundle;
	rc = start(h, c, bundle, w);
	close(bundle);
	if (rc < 0)
		keyhelper_stop(h);
	return rc;
}

void keyhelper_stop(struct keyhelper *h)
{
	if (h->line >= 0)
		close(h->line);
	h->line = -1;
	onechild_stop(&h->child, 0); /* nothing it could still have to say matters */
}
