#include "message.h"

#include <string.h>

enum kind { UNKNOWN, NUMBER, TEXT, ARGUMENT, VARIABLE, SYSCTL, CGROUP };

static enum kind kind_of(unsigned tag)
{
	switch (tag) {
	case NK_ARG: return ARGUMENT;
	case NK_ENV: return VARIABLE;
	case NK_SYSCTL: return SYSCTL;
	case NK_CGROUP: return CGROUP;
	case NK_ID: case NK_EXEC_ID: case NK_PID_FILE: case NK_EXIT_FILE: case NK_OOM_FILE:
	case NK_LOG_NAME: case NK_CONSOLE: case NK_TEXT: case NK_HOSTNAME:
	case NK_UID_MAP: case NK_GID_MAP:
		return TEXT;
	default:
		return tag > 0 && tag < NK_TAG_COUNT ? NUMBER : UNKNOWN;
	}
}

static int append(const char **list, size_t max, const char *value)
{
	size_t n = 0;

	while (list[n])
		n++;
	if (n == max)
		return -1;
	list[n] = value;
	return 0;
}

static size_t longest(unsigned tag)
{
	switch (tag) {
	case NK_ID: case NK_EXEC_ID: return NK_ID_MAX;
	case NK_CONSOLE: return NK_CONSOLE_MAX;
	case NK_PID_FILE: case NK_EXIT_FILE: case NK_OOM_FILE: return NK_PATH_MAX;
	case NK_LOG_NAME: return 200;		/* leaves room for the suffix of a rotated file */
	default: return NK_MAX_MESSAGE;
	}
}

static int take(struct message *m, const struct nk_field *f, const unsigned char *value)
{
	enum kind kind = kind_of(f->tag);
	const char *text = (const char *)value;

	if (kind == UNKNOWN)
		return 0;
	if (kind == NUMBER) {
		if (f->length != sizeof(m->number[0]))
			return -1;
		memcpy(&m->number[f->tag], value, sizeof(m->number[0]));
	} else {
		if (f->length == 0 || f->length - 1U > longest(f->tag) ||
		    memchr(text, '\0', f->length) != text + f->length - 1)
			return -1;
		m->text[f->tag] = text;
	}
	m->has |= UINT64_C(1) << f->tag;
	switch (kind) {
	case ARGUMENT: return append(m->argv, NK_MAX_ARGS, text);
	case VARIABLE: return append(m->envp, NK_MAX_ENV, text);
	case SYSCTL: return append(m->sysctl, NK_MAX_SYSCTLS, text);
	case CGROUP: return append(m->cgroup, NK_MAX_CGROUPS, text);
	default: return 0;
	}
}

int message_decode(struct message *m, const unsigned char *packet, size_t length)
{
	size_t at = sizeof(m->header);
	struct nk_field f;

	_Static_assert(NK_TAG_COUNT <= 64, "one bit per tag");
	memset(m, 0, sizeof(*m));
	for (size_t i = 0; i < NK_TAG_COUNT; i++)
		m->text[i] = "";
	if (length < at || length > NK_MAX_MESSAGE)
		return -1;
	memcpy(&m->header, packet, at);
	if (m->header.magic != NK_MAGIC || m->header.major != NK_MAJOR ||
	    m->header.length != length - at)
		return -1;
	while (at < length) {
		if (length - at < sizeof(f))
			return -1;
		memcpy(&f, packet + at, sizeof(f));
		at += sizeof(f);
		if (f.length > length - at || take(m, &f, packet + at) < 0)
			return -1;
		at += f.length;
	}
	return 0;
}

void message_begin(struct builder *b, unsigned char *bytes, enum nk_type type, uint64_t request)
{
	struct nk_header h = {
		.magic = NK_MAGIC, .major = NK_MAJOR, .minor = NK_MINOR,
		.type = (uint16_t)type, .request = request,
	};

	b->bytes = bytes;
	b->overflow = false;
	memcpy(bytes, &h, sizeof(h));
	b->length = sizeof(h);
}

static void put(struct builder *b, enum nk_tag tag, const void *value, size_t length)
{
	struct nk_field f = { .tag = (uint16_t)tag, .length = (uint16_t)length };

	if (length > UINT16_MAX || b->length + sizeof(f) + length > NK_MAX_MESSAGE) {
		b->overflow = true;
		return;
	}
	memcpy(b->bytes + b->length, &f, sizeof(f));
	memcpy(b->bytes + b->length + sizeof(f), value, length);
	b->length += sizeof(f) + length;
}

void message_number(struct builder *b, enum nk_tag tag, uint64_t value)
{
	put(b, tag, &value, sizeof(value));
}

void message_text(struct builder *b, enum nk_tag tag, const char *value)
{
	put(b, tag, value, strlen(value) + 1);
}

void message_end(struct builder *b)
{
	uint32_t length = (uint32_t)(b->length - sizeof(struct nk_header));

	memcpy(b->bytes + offsetof(struct nk_header, length), &length, sizeof(length));
}
