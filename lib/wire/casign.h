/*
 * casign: what the process that holds the authority's keys (ca-sign) is asked, and what it answers:
 * by the network side (ca-front, 'f') and by the administrator's commands ('c'). Pure codec over one
 * table: which message has which fields. docs/formats.md, "Between ca-sign and those who ask".
 *
 * One message: u16 type, u16 zero, u32 length, then TLVs {u16 tag, u32 length, bytes}, little-endian,
 * ascending tags, each at most once. One request, one answer, in order. Over a SOCK_SEQPACKET pair
 * one message is a packet; over a stream the length delimits it.
 */
#ifndef ZT_CASIGN_H
#define ZT_CASIGN_H

#include "base/bounds.h"
#include "base/err.h"
#include "base/span.h"

#define CASIGN_HEADER 8
#define CASIGN_MAX 61440   /* below BOUND_JOURNAL_RECORD and the kernel's default socket buffer */
#define CASIGN_PART 49152  /* bytes of a list in one answer */

/* name, number, who may ask (f = the network side, c = commands, b = both, s = an answer) */
#define CASIGN_TYPES(X)                                                                           \
	X(CA_FACTS, 1, 'b', "anchors, registry key, epoch, which keys are here")                  \
	X(CA_ISSUE, 2, 'c', "a certificate of a role and a name, for the key of a request")       \
	X(CA_RENEW, 3, 'b', "the same identity again, for the key of a request")                  \
	X(CA_REVOKE, 4, 'c', "by serial, name, or all of a user")                                 \
	X(CA_SUSPEND, 5, 'c', "off and on again")                                                 \
	X(CA_ENTRIES, 6, 'c', "certificates from an index on")                                    \
	X(CA_SHOW, 7, 'c', "one certificate with its bytes, by serial, name or id")               \
	X(CA_LIST, 8, 'b', "part of a list: a CRL of an anchor, the status list, full or delta")  \
	X(CA_TOKEN_NEW, 9, 'c', "a join token")                                                   \
	X(CA_TOKENS, 10, 'c', "tokens from an index on, without secrets")                         \
	X(CA_TOKEN_REVOKE, 11, 'c', "no more joins with it")                                      \
	X(CA_PENDINGS, 12, 'c', "joins that wait")                                                \
	X(CA_SETTLE, 13, 'c', "yes or no to one of them")                                         \
	X(CA_ENROL, 14, 'f', "a joiner said hello: challenge it")                                 \
	X(CA_PROVE, 15, 'f', "it answered: grant, or say why not")                                \
	X(CA_SEEN, 16, 'f', "this certificate shows itself, in this instance, now")               \
	X(CA_ROLL, 17, 'c', "roll-over of an anchor: begin, switch, finish, cancel")              \
	X(CA_ADOPT, 18, 'c', "take in what another copy of the registry knows; one descriptor")   \
	X(CA_EPOCH, 19, 'c', "a new epoch, after a restore")                                      \
	X(CA_OK, 64, 's', "done, or found")                                                       \
	X(CA_NO, 65, 's', "refused or failed: a code and a sentence")                             \
	X(CA_NEWS, 66, 's', "unasked, to the network side: the lists have changed, ask for them")

enum casign_type {
#define X(id, value, from, text) id = value,
	CASIGN_TYPES(X)
#undef X
};

enum casign_list { CA_LIST_CRL = 1, CA_LIST_STATUS = 2 };
enum casign_roll { CA_ROLL_BEGIN = 1, CA_ROLL_SWITCH = 2, CA_ROLL_FINISH = 3, CA_ROLL_CANCEL = 4 };
#define CA_KEY_BIT(anchor) (1u << (anchor)) /* in CAF_KEYS; anchor: enum cert_anchor, 0 to 2 */
#define CA_KEY_REGISTRY 8u

/* name, tag, shortest, longest, what. Numbers are little-endian and have one length. */
#define CASIGN_FIELDS(X)                                                                          \
	X(CAF_ROLE, 1, 1, 1, "enum cert_role")                                                    \
	X(CAF_NAME, 2, 1, 64, "what people call it; of a token: 12 or more digits of its id")     \
	X(CAF_USER, 3, 1, 64, "whose it is")                                                      \
	X(CAF_CSR, 4, 1, 8192, "request")                                                         \
	X(CAF_SANS, 5, 1, 4096, "GeneralNames, contents: DNS names and addresses")                \
	X(CAF_LIFETIME, 6, 8, 8, "seconds")                                                       \
	X(CAF_SERIAL, 7, 16, 16, "of a certificate")                                              \
	X(CAF_REASON, 8, 1, 1, "CRL reason")                                                      \
	X(CAF_ANCHOR, 9, 1, 1, "enum cert_anchor")                                                \
	X(CAF_GENERATION, 10, 4, 4, "of an anchor")                                               \
	X(CAF_INDEX, 11, 8, 8, "where to go on")                                                  \
	X(CAF_KIND, 12, 1, 1, "enum casign_list, enum casign_roll")                               \
	X(CAF_EPOCH, 13, 8, 8, "of status lists")                                                 \
	X(CAF_NUMBER, 14, 8, 8, "of a list; of a pending join")                                   \
	X(CAF_OFFSET, 15, 8, 8, "in a list")                                                      \
	X(CAF_TOTAL, 16, 8, 8, "bytes of the list, items there are")                              \
	X(CAF_PART, 17, 0, CASIGN_PART, "bytes of the list")                                      \
	X(CAF_TOKEN, 18, 16, 16, "id of a token")                                                 \
	X(CAF_SECRET, 19, 16, 16, "of a token: in the answer to CA_TOKEN_NEW only")               \
	X(CAF_USES, 20, 4, 4, "of a token")                                                       \
	X(CAF_TTL, 21, 8, 8, "of a token, seconds")                                               \
	X(CAF_CIDR, 22, 1, 256, "text, blanks between")                                           \
	X(CAF_APPROVE, 23, 1, 1, "0 or 1")                                                        \
	X(CAF_LABEL, 24, 0, 64, "what a joiner calls itself")                                     \
	X(CAF_PEER, 25, 1, 64, "its address, text")                                               \
	X(CAF_NONCE, 26, 32, 32, "of the joiner; of the authority in the answer")                 \
	X(CAF_SERVER, 27, 32, 32, "SHA-256 of the TLS key that the joiner met")                   \
	X(CAF_PROOF, 28, 32, 32, "HMAC")                                                          \
	X(CAF_TALK, 29, 8, 8, "names the enrolment between CA_ENROL and CA_PROVE")                \
	X(CAF_INSTANCE, 30, 16, 16, "of a running agent")                                         \
	X(CAF_CHAIN, 31, 1, 16384, "certificates in DER, the new one first")                      \
	X(CAF_INFRA, 32, 1, 8192, "anchors in DER, newest first")                                 \
	X(CAF_DEVICE, 33, 1, 8192, "the same")                                                    \
	X(CAF_ACME, 34, 1, 8192, "the same")                                                      \
	X(CAF_REGISTRY, 35, 1, 160, "SubjectPublicKeyInfo")                                       \
	X(CAF_KEYS, 36, 1, 1, "bits: CA_KEY_BIT(anchor), CA_KEY_REGISTRY: which keys are here")   \
	X(CAF_JSON, 37, 0, CASIGN_PART, "items as JSON, one line each: entries, tokens, joins")   \
	X(CAF_CODE, 38, 2, 2, "enum zt_err")                                                      \
	X(CAF_TEXT, 39, 1, 480, "a sentence")                                                     \
	X(CAF_ID, 40, 24, 24, "opaque id")                                                        \
	X(CAF_COUNT, 41, 8, 8, "how many were changed")                                           \
	X(CAF_ON, 42, 1, 1, "0 or 1")                                                             \
	X(CAF_PENDING, 43, 4, 4, "wait and ask again after so many seconds")                      \
	X(CAF_RETIRED, 44, 1, 1, "0 or 1: with those that are over")                              \
	X(CAF_BASE, 45, 8, 8, "number of the status list that the asker knows")                   \
	X(CAF_SIGNATURE, 46, 1, 512, "of a renewal, by the key of the certificate (wire/enrolsig)") \
	X(CAF_TRUST, 47, 1, 96, "of the anchors, by the registry key (wire/enrolsig)")

enum casign_field {
#define X(id, tag, least, most, text) id = tag,
	CASIGN_FIELDS(X)
#undef X
	CAF_TAGS
};

struct casign {
	enum casign_type type;
	bool has[CAF_TAGS];
	struct span field[CAF_TAGS];
};

const char *casign_name(enum casign_type t); /* "CA_ISSUE"; "?" */
void casign_write(struct wr *w, const struct casign *m); /* w->full when fields are not those of the type */
/* from: 'f', 'c' (which may send what 'b' may), or 's'. > 0 consumed, ZT_MORE, -ZT_E_SYNTAX, -ZT_E_UNKNOWN
 * (a type that this side may not send, too), -ZT_E_TOOLONG (known from the header). */
int casign_read(struct span in, char from, struct casign *out);
/* Has this CA_OK what the answer to `asked` must have, and nothing else? Who asked looks before it
 * believes a field to be there. */
bool casign_answers(enum casign_type asked, const struct casign *ok);
uint64_t casign_u64(const struct casign *m, enum casign_field f); /* 0: absent */

/* For whoever fills one in: sets has and field. s must outlive m. */
void casign_put(struct casign *m, enum casign_field f, struct span s);
/* A number, in the length that the field has, into mem, which must outlive m. */
void casign_put_num(struct casign *m, enum casign_field f, uint64_t v, uint8_t mem[static 8]);

#endif
