/* The one epoll loop: who is ready, and what to do then. */
#ifndef NK_LOOP_H
#define NK_LOOP_H

#include <stdbool.h>
#include <stdint.h>

struct source {
	int fd;				/* -1: none */
	uint32_t watched;		/* events asked for; 0: not in the loop */
	void (*ready)(struct source *s, uint32_t events);
};

int loop_open(void);
/* Watches for `events`, or changes what is watched for; 0 takes the source out. */
void loop_watch(struct source *s, uint32_t events);
/* Takes the source out and closes its fd. */
void loop_close(struct source *s);
/* Waits at most `timeout` milliseconds (-1: for ever) and calls who is ready. */
void loop_turn(int timeout);

/* Milliseconds that a suspended or re-set clock does not disturb. */
int64_t now_ms(void);
/* CLOCK_REALTIME in nanoseconds. */
uint64_t wall_ns(void);

#endif
