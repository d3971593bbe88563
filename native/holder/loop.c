#define _GNU_SOURCE
#include "loop.h"

#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

enum { BATCH = 32 };

static int epfd = -1;

int loop_open(void)
{
	epfd = epoll_create1(EPOLL_CLOEXEC);
	return epfd;
}

void loop_watch(struct source *s, uint32_t events)
{
	struct epoll_event e = { .events = events, .data.ptr = s };
	int op = events == 0 ? EPOLL_CTL_DEL : s->watched ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;

	if (s->fd < 0 || s->watched == events)
		return;
	if (epoll_ctl(epfd, op, s->fd, &e) == 0 || events == 0)
		s->watched = events;
}

void loop_close(struct source *s)
{
	if (s->fd < 0)
		return;
	loop_watch(s, 0);
	close(s->fd);
	s->fd = -1;
}

void loop_turn(int timeout)
{
	struct epoll_event e[BATCH];
	int n = epoll_wait(epfd, e, BATCH, timeout);

	for (int i = 0; i < n; i++) {
		struct source *s = e[i].data.ptr;

		if (s->fd >= 0 && s->watched)	/* an earlier one of this batch may have closed it */
			s->ready(s, e[i].events);
	}
}

int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

uint64_t wall_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (uint64_t)t.tv_sec * 1000000000U + (uint64_t)t.tv_nsec;
}
