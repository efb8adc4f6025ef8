/*
 * jailrep: the report of a process about its own jail: which profile it entered and, layer by
 * layer, what the kernel granted. Values and their wire form; pure. io/sandbox fills it in, a
 * child sends it to its supervisor in IPC_READY, zt doctor and zt status show it.
 *
 * Wire form: u8 version (1), u8 profile, u8 number of layers, then for each layer in the order
 * of the table u8 state, u8 length, text. One report has exactly one encoding.
 */
#ifndef ZT_JAILREP_H
#define ZT_JAILREP_H

#include "base/err.h"
#include "base/span.h"

/* id, name, who it is for. docs/sandbox.md says why each has what it has. */
#define JAIL_PROFILES(X)                                                                          \
	X(JAIL_SUPERVISOR, "supervisor", "starts and ends the others; reads no network bytes")    \
	X(JAIL_WORKER, "worker", "talks to the network; no files, no programs")                   \
	X(JAIL_LOGD, "logd", "writes log files in one directory; no network")                     \
	X(JAIL_KEYS, "keys", "holds private keys; reads and writes what it was given, no more")   \
	X(JAIL_STATE, "state", "owns one state directory; may connect out (mail, OIDC)")          \
	X(JAIL_SIGN, "sign", "holds keys and owns one state directory; no socket of any kind")    \
	X(JAIL_KEEPER, "keeper", "keeps an identity up to date in its directory; connects out")    \
	X(JAIL_PROBE, "probe", "a worker without the system-call filter: shows the other layers")

enum jail_profile {
#define X(id, name, words) id,
	JAIL_PROFILES(X)
#undef X
	JAIL_PROFILE_COUNT
};

/* id, name, what it is good for. The order is the order in which they are put on. */
#define JAIL_LAYERS(X)                                                                            \
	X(JAIL_L_NOCORE, "no-core", "memory never lands in a core file or a debugger")            \
	X(JAIL_L_USER, "user", "does not run as root")                                            \
	X(JAIL_L_CAPS, "capabilities", "no power of root is left, none can come back")            \
	X(JAIL_L_NNP, "no-new-privs", "setuid programs give nothing")                             \
	X(JAIL_L_FILES, "landlock-files", "no file can be reached but the given directory")       \
	X(JAIL_L_TCP, "landlock-tcp", "no TCP port can be opened to the outside")                 \
	X(JAIL_L_SCOPES, "landlock-scopes", "no signal and no abstract socket to other processes") \
	X(JAIL_L_WX, "w^x", "memory is writable or executable, never both, never one after the other") \
	X(JAIL_L_FDS, "descriptors", "nothing open but what it was given")                        \
	X(JAIL_L_SECCOMP, "seccomp", "only the listed system calls exist")

enum jail_layer {
#define X(id, name, words) id,
	JAIL_LAYERS(X)
#undef X
	JAIL_LAYER_COUNT
};

#define JAIL_STATES(X)                                                                            \
	X(JAIL_OFF, "off")         /* not asked for: the profile does not use it, or switched off */ \
	X(JAIL_ABSENT, "absent")   /* asked for; the kernel or this container would not */        \
	X(JAIL_PARTIAL, "partial") /* in force with a gap; the text names it */                   \
	X(JAIL_ON, "on")

enum jail_state {
#define X(id, name) id,
	JAIL_STATES(X)
#undef X
	JAIL_STATE_COUNT
};

#define JAIL_TEXT 96 /* printable ASCII and a NUL */

struct jail_report {
	enum jail_profile profile;
	struct jail_line {
		enum jail_state state;
		char text[JAIL_TEXT];
	} layer[JAIL_LAYER_COUNT];
};

#define JAILREP_MAX (3 + JAIL_LAYER_COUNT * (2 + JAIL_TEXT - 1))

const char *jail_profile_name(enum jail_profile p); /* "?" outside the enum, as all four */
const char *jail_profile_words(enum jail_profile p);
const char *jail_layer_name(enum jail_layer l);
const char *jail_layer_words(enum jail_layer l);
const char *jail_state_name(enum jail_state s);
/* The profile called `name`, or JAIL_PROFILE_COUNT. */
enum jail_profile jail_profile_find(struct span name);

/* w->full when it does not fit; JAILREP_MAX always does. Bytes of a text that are not
 * printable ASCII are written as '?'. */
void jailrep_write(struct wr *w, const struct jail_report *r);
/* The whole of s. 0, -ZT_E_VERSION, -ZT_E_UNKNOWN (profile or state), -ZT_E_SYNTAX. On an
 * error *out is not to be used. */
int jailrep_read(struct span s, struct jail_report *out);

#endif
