/* Encoding and decoding, without any effect: bytes in, values out. */
#ifndef NK_MESSAGE_H
#define NK_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>

#include "protocol.h"

/* A decoded message. The texts point into the packet that it was decoded from. */
struct message {
	struct nk_header header;
	uint64_t has;				/* bit per tag */
	uint64_t number[NK_TAG_COUNT];
	const char *text[NK_TAG_COUNT];		/* "" where absent */
	const char *argv[NK_MAX_ARGS + 1];	/* these four end with NULL */
	const char *envp[NK_MAX_ENV + 1];
	const char *sysctl[NK_MAX_SYSCTLS + 1];
	const char *cgroup[NK_MAX_CGROUPS + 1];
};

/* Returns 0, or -1 when the packet is no message of this major version. */
int message_decode(struct message *m, const unsigned char *packet, size_t length);

static inline bool message_has(const struct message *m, enum nk_tag tag)
{
	return m->has >> tag & 1;
}

/* A message being written. Fields that do not fit any more are left out and noted. */
struct builder {
	unsigned char *bytes;
	size_t length;
	bool overflow;
};

/* `bytes` must hold NK_MAX_MESSAGE. */
void message_begin(struct builder *b, unsigned char *bytes, enum nk_type type, uint64_t request);
void message_number(struct builder *b, enum nk_tag tag, uint64_t value);
void message_text(struct builder *b, enum nk_tag tag, const char *value);
/* Fills in the length; call last. */
void message_end(struct builder *b);

#endif
