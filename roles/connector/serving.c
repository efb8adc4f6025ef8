/* serving: a placeholder on this branch. */
#include "connector.h"

void servings_init(struct connector *c) { (void)c; }
void servings_end(struct connector *c) { (void)c; }
void serving_opened(struct connector *c, struct stream *s, const struct frame_open *o)
{
	(void)o;
	c->n.refused++;
	stream_refuse(s, RESET_RULE, "not built yet");
}
