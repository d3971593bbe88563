/* Feeds the decoder: libFuzzer where clang is, else a seeded loop of mutations. */
#include "message.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static unsigned char packet[NK_MAX_MESSAGE];
	static struct message m;
	struct nk_header h = { .magic = NK_MAGIC, .major = NK_MAJOR, .type = NK_RUN };
	size_t sink = 0;

	message_decode(&m, data, size);		/* as it is */
	if (size > sizeof(packet) - sizeof(h))
		return 0;
	h.length = (uint32_t)size;		/* and as the fields of a good header */
	memcpy(packet, &h, sizeof(h));
	if (size)
		memcpy(packet + sizeof(h), data, size);
	if (message_decode(&m, packet, sizeof(h) + size) == 0) {
		for (size_t i = 0; i < NK_TAG_COUNT; i++)
			sink += strlen(m.text[i]);
		for (const char *const *a = m.argv; *a; a++)
			sink += strlen(*a);
	}
	return sink > NK_MAX_MESSAGE * (size_t)NK_TAG_COUNT ? abort(), 0 : 0;
}

#ifdef SEEDED_LOOP
/* Takes libFuzzer's own words: only -max_total_time=SECONDS counts. Each round spoils a message that was good, as random
 * bytes alone hardly ever get past the first field. */
int main(int argc, char **argv)
{
	static unsigned char good[NK_MAX_MESSAGE], bytes[NK_MAX_MESSAGE];
	struct builder b;
	long seconds = 10;
	unsigned long rounds = 0;
	time_t end;

	for (int i = 1; i < argc; i++)
		sscanf(argv[i], "-max_total_time=%ld", &seconds);
	end = time(NULL) + seconds;
	message_begin(&b, good, NK_RUN, 1);
	message_text(&b, NK_ID, "container");
	message_text(&b, NK_ARG, "/usr/sbin/runc");
	message_text(&b, NK_ENV, "A=b");
	message_text(&b, NK_SYSCTL, "net/ipv4/tcp_syncookies=1");
	message_text(&b, NK_CGROUP, "/sys/fs/cgroup/a/cgroup.procs");
	message_text(&b, NK_CONSOLE, "/run/c");
	message_number(&b, NK_FLAGS, NK_TTY);
	message_end(&b);
	srand((unsigned)end);
	for (; time(NULL) < end; rounds++) {
		size_t at = rand() % 2 ? sizeof(struct nk_header) : 0;	/* the fields alone, or all of it */
		size_t n = b.length - at;

		memcpy(bytes, good + at, n);
		if (rand() % 4 == 0)
			n = (size_t)rand() % (n + 1);
		for (int changes = rand() % 5; changes > 0 && n > 0; changes--)
			bytes[(size_t)rand() % n] = (unsigned char)(rand() % 2 ? rand() % 64 : rand());
		LLVMFuzzerTestOneInput(bytes, n);
	}
	printf("fuzz_message: %lu rounds, seed %u\n", rounds, (unsigned)end);
	return 0;
}
#endif
