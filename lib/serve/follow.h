/*
 * follow: keeps one identity (serve/identity) alive on a loop: watches the authority's status list, renews
 * when it is time, connects again when the authority was lost. Never waits. `zt id keep` and the keeper of a
 * role have the same one; what they differ in is whom they tell.
 *
 * What a list says is told when its number is on disk, so that no older one is believed after a restart.
 * The private key is read for the moment of a renewal and never while the network is talked to.
 */
#ifndef ZT_FOLLOW_H
#define ZT_FOLLOW_H

#include "base/log.h"
#include "decide/status.h"
#include "io/dial.h"
#include "io/tls.h"

#define FOLLOW_AGAIN_S 300 /* after what only somebody can change: a new token, an unsuspend, a repaired file */

struct follow;

/* Each may call follow_go(), follow_whole() and follow_stats(). */
struct follow_class {
	/* As it was signed: it was taken. Also a full one that says what is known, for who keeps lists. */
	void (*list)(void *ctx, struct span list);
	void (*anchors)(void *ctx);                /* other ones are in trust/ now */
	/* identity.pem is another now: new handshakes should be made with it. Which serial and until when: follow_stats(). */
	void (*renewed)(void *ctx);
	/* Revoked, suspended, expired, or its files are no good: it goes on all the same, every FOLLOW_AGAIN_S,
	 * for whoever does not end here. */
	void (*stuck)(void *ctx, const struct why *why);
	/* The identity was read, and is another than the one before, whoever wrote it. May be NULL. */
	void (*found)(void *ctx);
};

struct follow_opts {
	struct loop *loop;
	struct log *log;
	struct dialer *dialer;
	struct tls_world *world;
	uint16_t plan;      /* of the world's: how the authority is met */
	int dirfd;          /* the identity; borrowed, as all of these */
	const char *shown;  /* what it is called */
	int64_t before_s;   /* renew when no more is left; 0: at two thirds of its life */
	const struct follow_class *cls;
	void *ctx;
};

/* What was seen last is read; nothing else happens before follow_go(). -ZT_E_DAMAGED, -ZT_E_NOMEM. */
int follow_new(struct follow **out, const struct follow_opts *o, struct why *w);
/* Look at the identity as it is on disk now, and connect, soon: at the start, and when it may be another. */
void follow_go(struct follow *f);
void follow_whole(struct follow *f); /* the same, and ask for a full list */
/* Lists that came another way (wire/keepmsg: {u32 length, list}…): held to the same rules, told the same way. Before
 * anything is known a full list that is older than what was seen counts with the changes behind it, if they lead
 * beyond: then all of them are told. What is known or does not fit is passed over. 0; -ZT_E_AGAIN: no identity was
 * read yet; -ZT_E_SYNTAX, -ZT_E_DENIED, -ZT_E_NOMEM, or what keeps the number from being written. */
int follow_offer(struct follow *f, struct span lists, struct why *w);
/* At the end: stop before the loop, the dialer and the world go, free after the loop, which holds the socket
 * until its turn is over. NULL is allowed. */
void follow_stop(struct follow *f);
void follow_free(struct follow *f);

struct follow_stats {
	bool connected, known;   /* known: there is a list */
	uint8_t serial[16];
	int64_t not_after, renew_at, issued; /* seconds since 1970; 0: not known */
	uint64_t epoch, number, entries, lists, refused, renewals, failed, lost;
	int64_t heard_s;         /* seconds since the last list */
};
void follow_stats(const struct follow *f, struct follow_stats *out);

#endif
