/* The decoder and the builder agree, and nothing half-right is taken. */
#include "message.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

static unsigned char packet[NK_MAX_MESSAGE];
static struct message m;

static size_t sample(void)
{
	struct builder b;

	message_begin(&b, packet, NK_RUN, 7);
	message_text(&b, NK_ID, "c1");
	message_text(&b, NK_ARG, "/bin/true");
	message_text(&b, NK_ARG, "");
	message_number(&b, NK_FLAGS, NK_TTY | NK_STDIN);
	message_end(&b);
	assert(!b.overflow);
	return b.length;
}

static void reads_back_what_was_written(void)
{
	assert(message_decode(&m, packet, sample()) == 0);
	assert(m.header.type == NK_RUN && m.header.request == 7);
	assert(strcmp(m.text[NK_ID], "c1") == 0 && strcmp(m.argv[0], "/bin/true") == 0);
	assert(*m.argv[1] == '\0' && m.argv[2] == NULL && m.number[NK_FLAGS] == (NK_TTY | NK_STDIN));
	assert(message_has(&m, NK_FLAGS) && !message_has(&m, NK_CONSOLE) && *m.text[NK_CONSOLE] == '\0');
}

static void refuses_every_cut(void)
{
	size_t length = sample();

	for (size_t n = 0; n < length; n++)
		assert(message_decode(&m, packet, n) < 0);
}

static void refuses_other_majors_and_text_without_end(void)
{
	size_t length = sample();

	packet[4]++;
	assert(message_decode(&m, packet, length) < 0);
	length = sample();
	packet[sizeof(struct nk_header) + sizeof(struct nk_field) + 2] = 'x';
	assert(message_decode(&m, packet, length) < 0);
	sample();
	packet[sizeof(struct nk_header) + sizeof(struct nk_field)] = '\0';
	assert(message_decode(&m, packet, length) < 0);
}

static void refuses_too_many_arguments_and_long_ids(void)
{
	struct builder b;
	char id[NK_ID_MAX + 2];

	message_begin(&b, packet, NK_RUN, 1);
	for (int i = 0; i <= NK_MAX_ARGS; i++)
		message_text(&b, NK_ARG, "a");
	message_end(&b);
	assert(message_decode(&m, packet, b.length) < 0);

	memset(id, 'x', sizeof(id) - 1);
	id[sizeof(id) - 1] = '\0';
	message_begin(&b, packet, NK_RUN, 1);
	message_text(&b, NK_ID, id);
	message_end(&b);
	assert(message_decode(&m, packet, b.length) < 0);
}

static void skips_what_a_newer_agent_adds(void)
{
	struct builder b;

	message_begin(&b, packet, NK_ACK, 1);
	message_number(&b, (enum nk_tag)(NK_TAG_COUNT + 5), 3);
	message_number(&b, NK_EVENT, 9);
	message_end(&b);
	assert(message_decode(&m, packet, b.length) == 0 && m.number[NK_EVENT] == 9);
}

static void notes_what_does_not_fit(void)
{
	static char big[NK_MAX_MESSAGE];
	struct builder b;

	memset(big, 'x', sizeof(big) - 1);
	message_begin(&b, packet, NK_REPLY, 1);
	message_text(&b, NK_TEXT, big);
	assert(b.overflow && b.length == sizeof(struct nk_header));
}

int main(void)
{
	reads_back_what_was_written();
	refuses_every_cut();
	refuses_other_majors_and_text_without_end();
	refuses_too_many_arguments_and_long_ids();
	skips_what_a_newer_agent_adds();
	notes_what_does_not_fit();
	puts("test_message: 6 passed");
	return 0;
}
