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
int main(void)
{
	unsigned char bytes[512];
	time_t end = time(NULL) + 10;
	unsigned long rounds = 0;

	srand(4711);
	for (; time(NULL) < end; rounds++) {
		size_t n = (size_t)rand() % sizeof(bytes);

		for (size_t i = 0; i < n; i++)
			bytes[i] = (unsigned char)(rand() % 3 ? rand() % 40 : rand());
		LLVMFuzzerTestOneInput(bytes, n);
	}
	printf("fuzz: %lu rounds\n", rounds);
	return 0;
}
#endif
