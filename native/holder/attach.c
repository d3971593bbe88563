/* People who look at a running container. They get copies; the log comes first. */
#define _GNU_SOURCE
#include "holder.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

enum {
	HELD = 16384,
	PATIENCE = 1000,	/* ms to take one chunk, then a client counts as stuck */
	LINGER = 2000,		/* ms without output after the end of a client's input; kubectl waits for the session's end */
};

struct output {
	struct source source;
	int64_t deadline;
	size_t held, from;
	char data[HELD];
};

struct client {
	struct container_io *io;	/* NULL: free */
	bool close_stdin_at_eof;
	int64_t until;			/* when its session is over; 0: with the container */
	struct source input;
	size_t held, from;
	struct output output[2];
	char data[HELD];
};

static struct client clients[NK_MAX_CLIENTS];
static int client_top;

static void release(struct container_io *io, int stream)
{
	for (int i = 0; i < client_top; i++)
		if (clients[i].io == io && clients[i].output[stream].source.fd >= 0 &&
		    clients[i].output[stream].held)
			return;
	stream_unblock(&io->stream[stream]);
}

static void close_output(struct client *c, int stream)
{
	loop_close(&c->output[stream].source);
	c->output[stream].held = 0;
	if (c->io)
		release(c->io, stream);
}

void client_remove(int number)
{
	struct client *c;

	if (number < 0 || number >= client_top || !clients[number].io)
		return;
	c = &clients[number];
	loop_close(&c->input);
	for (int i = 0; i < 2; i++)
		close_output(c, i);
	c->io = NULL;
}

void clients_close(struct container_io *io)
{
	for (int i = 0; i < client_top; i++)
		if (clients[i].io == io)
			client_remove(i);
}

static void push(struct client *c, int stream)
{
	struct output *o = &c->output[stream];

	while (o->held) {
		ssize_t n = write(o->source.fd, o->data + o->from, o->held);

		if (n < 0 && errno == EAGAIN)
			return;
		if (n <= 0) {
			close_output(c, stream);
			return;
		}
		o->from += (size_t)n;
		o->held -= (size_t)n;
	}
	loop_watch(&o->source, 0);
	release(c->io, stream);
}

static void on_output(struct source *s, uint32_t events)
{
	(void)events;
	for (int i = 0; i < client_top; i++)
		for (int k = 0; k < 2; k++)
			if (&clients[i].output[k].source == s)
				push(&clients[i], k);
}

bool clients_want(const struct container_io *io, int stream)
{
	for (int i = 0; i < client_top; i++)
		if (clients[i].io == io && clients[i].output[stream].source.fd >= 0)
			return true;
	return false;
}

bool clients_write(struct container_io *io, int stream, const char *data, size_t length)
{
	bool all = true;

	for (int i = 0; i < client_top; i++) {
		struct client *c = &clients[i];
		struct output *o = &c->output[stream];
		ssize_t n;

		if (c->io != io || o->source.fd < 0)
			continue;
		if (c->until)
			c->until = now_ms() + LINGER;
		n = o->held ? 0 : write(o->source.fd, data, length);
		if (n == (ssize_t)length)
			continue;
		if ((n < 0 && errno != EAGAIN) || o->held + length > HELD) {
			close_output(c, stream);
			continue;
		}
		if (n < 0)
			n = 0;
		if (o->held == 0)
			o->from = 0;
		memmove(o->data, o->data + o->from, o->held);
		o->from = 0;
		memcpy(o->data + o->held, data + n, length - (size_t)n);
		o->held += length - (size_t)n;
		o->deadline = now_ms() + PATIENCE;
		loop_watch(&o->source, EPOLLOUT);
		all = false;
	}
	return all;
}

static void feed(struct client *c)
{
	struct source *in = &c->io->input;

	while (c->held) {
		ssize_t n = in->fd < 0 ? (ssize_t)c->held : write(in->fd, c->data + c->from, c->held);

		if (n < 0 && errno == EAGAIN) {
			loop_watch(&c->input, 0);
			loop_watch(in, EPOLLOUT);
			return;
		}
		if (n <= 0) {		/* nobody reads stdin any more */
			io_close_input(c->io);
			continue;
		}
		c->from += (size_t)n;
		c->held -= (size_t)n;
	}
	loop_watch(&c->input, EPOLLIN);
}

void clients_feed(struct container_io *io)
{
	for (int i = 0; i < client_top; i++)
		if (clients[i].io == io && clients[i].held)
			feed(&clients[i]);
}

static void on_client_input(struct source *s, uint32_t events)
{
	struct client *c = NULL;
	ssize_t n;

	(void)events;
	for (int i = 0; i < client_top; i++)
		if (&clients[i].input == s)
			c = &clients[i];
	if (!c)
		return;
	n = read(s->fd, c->data, HELD);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		loop_close(s);
		if (n == 0 && c->close_stdin_at_eof && !c->io->tty)
			io_close_input(c->io);
		else if (n == 0)	/* the program may answer yet, but will not end of this */
			c->until = now_ms() + LINGER;
		return;
	}
	c->from = 0;
	c->held = (size_t)n;
	feed(c);
}

int client_add(struct container_io *io, const int fds[3], bool close_stdin_at_eof)
{
	int number = 0;
	struct client *c;

	while (number < client_top && clients[number].io)
		number++;
	if (number == NK_MAX_CLIENTS) {
		errno = ENOSPC;
		return -1;
	}
	if (number == client_top)
		client_top++;
	c = &clients[number];
	c->io = io;
	c->close_stdin_at_eof = close_stdin_at_eof;
	c->until = 0;
	c->held = 0;
	for (int i = 0; i < 3; i++)
		if (fds[i] >= 0)
			fcntl(fds[i], F_SETFL, fcntl(fds[i], F_GETFL) | O_NONBLOCK);
	c->input = (struct source){ .fd = fds[0], .ready = on_client_input };
	for (int i = 0; i < 2; i++) {
		c->output[i].source = (struct source){ .fd = fds[1 + i], .ready = on_output };
		c->output[i].held = 0;
	}
	loop_watch(&c->input, EPOLLIN);
	return number;
}

/* A client whose input has ended, beside a program that goes on listening to others. */
static void end_silent(struct client *c, int64_t *now, int64_t *next)
{
	if (!c->io || !c->until || c->output[0].held || c->output[1].held)
		return;
	*now = *now ? *now : now_ms();
	if (c->until > *now) {
		if (*next < 0 || c->until - *now < *next)
			*next = c->until - *now;
		return;
	}
	c->until = 0;
	for (int i = 0; i < 2; i++)
		close_output(c, i);
}

int clients_expire(void)
{
	int64_t now = 0, next = -1;

	for (int i = 0; i < client_top; i++) {
		end_silent(&clients[i], &now, &next);
		for (int k = 0; k < 2; k++) {
			struct output *o = &clients[i].output[k];

			if (!clients[i].io || o->source.fd < 0 || !o->held)
				continue;
			now = now ? now : now_ms();
			if (o->deadline <= now)
				client_remove(i);
			else if (next < 0 || o->deadline - now < next)
				next = o->deadline - now;
		}
	}
	return (int)next;
}
