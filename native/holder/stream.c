/* From the containers' pipes and terminals into their logs and to attached clients. */
#define _GNU_SOURCE
#include "holder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
	CHUNK = 65536,
	CLIENT_CHUNK = 16384,	/* read at once while somebody is attached; a client can hold as much */
};

static struct container_io ios[NK_MAX_CONTAINERS];
/* An unfinished line each. Untouched pages cost nothing, and most programs write whole lines. */
static char lines[NK_MAX_CONTAINERS][2][NK_LINE_MAX] __attribute__((aligned(4096)));
static char chunk[CHUNK] __attribute__((aligned(4096)));

static void on_stream(struct source *s, uint32_t events);

static void on_input(struct source *s, uint32_t events)
{
	(void)events;
	loop_watch(s, 0);
	for (int i = 0; i < NK_MAX_CONTAINERS; i++)
		if (&ios[i].input == s)
			clients_feed(&ios[i]);
}

static int nonblocking(int fd)
{
	return fcntl(fd, F_SETFL, O_NONBLOCK | (fcntl(fd, F_GETFL) & O_ACCMODE));
}

int io_open(struct process *p, const struct message *m, int log_dir, int stdio[3])
{
	int slot = (int)(p - processes);
	struct container_io *io = &ios[slot];
	uint64_t flags = m->number[NK_FLAGS];
	int ends[2];

	memset(io, 0, sizeof(*io));
	io->tty = p->tty = flags & NK_TTY;
	io->input = (struct source){ .fd = -1, .ready = on_input };
	for (int i = 0; i < 2; i++)
		io->stream[i] = (struct stream){
			.source = { .fd = -1, .ready = on_stream },
			.io = io, .number = i, .line = lines[slot][i],
		};
	p->io = io;
	if (log_open(&io->log, log_dir, m->text[NK_LOG_NAME], m->number[NK_LOG_MAX_SIZE],
		     (unsigned)m->number[NK_LOG_MAX_FILES]) < 0)
		return -1;
	for (int i = 0; i < 2; i++) {
		if (pipe2(ends, O_CLOEXEC) < 0)
			return -1;
		io->stream[i].source.fd = ends[0];
		stdio[1 + i] = ends[1];
		nonblocking(ends[0]);
	}
	if ((flags & NK_STDIN) && !io->tty) {
		if (pipe2(ends, O_CLOEXEC) < 0)
			return -1;
		io->input.fd = ends[1];
		stdio[0] = ends[0];
		nonblocking(ends[1]);
	}
	return 0;
}

static const char *name_of(const struct stream *s)
{
	return s->number ? "stderr" : "stdout";
}

/* Splits into lines, and lines into pieces of at most `most` bytes. What ends without
 * a newline is held until more comes. */
static void split(struct stream *s, const char *data, size_t length)
{
	size_t most = log_piece(&s->io->log);

	while (length > 0) {
		const char *end = memchr(data, '\n', length);
		size_t here = end ? (size_t)(end - data) : length;

		while (s->held + here > most) {
			size_t part = most - s->held;

			log_record(false, s->line, s->held, data, part);
			s->held = 0;
			data += part;
			length -= part;
			here -= part;
		}
		if (!end) {
			memcpy(s->line + s->held, data, here);
			s->held += here;
			return;
		}
		log_record(true, s->line, s->held, data, here);
		s->held = 0;
		data += here + 1;
		length -= here + 1;
	}
}

static void into_log(struct stream *s, const char *data, size_t length)
{
	struct log *l = &s->io->log;
	uint64_t before = l->dropped_total;

	log_begin(l, name_of(s));
	split(s, data, length);
	log_end();
	if (l->dropped_total != before) {
		struct process *p = &processes[s->io - ios];

		if (p->dropped.id == 0)
			announce(&p->dropped);
	}
}

/* A last piece that no newline ends is a partial record, as the other runtimes write it:
 * readers put a newline behind a full one, and Kubernetes' conformance asks for the
 * bytes that were written and no more. */
static void write_rest(struct stream *s)
{
	if (s->held == 0)
		return;
	log_begin(&s->io->log, name_of(s));
	log_record(false, s->line, s->held, "", 0);
	log_end();
	s->held = 0;
}

static void stream_end(struct stream *s)
{
	loop_close(&s->source);
	write_rest(s);
}

static void on_stream(struct source *source, uint32_t events)
{
	struct stream *s = (struct stream *)source;
	bool wanted = clients_want(s->io, s->number);
	ssize_t n = read(source->fd, chunk, wanted ? CLIENT_CHUNK : CHUNK);

	(void)events;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {		/* EIO: the last one has closed the terminal */
		stream_end(s);
		return;
	}
	into_log(s, chunk, (size_t)n);
	if (wanted && !clients_write(s->io, s->number, chunk, (size_t)n)) {
		s->blocked = true;
		loop_watch(source, 0);
	}
}

void stream_unblock(struct stream *s)
{
	if (!s->blocked)
		return;
	s->blocked = false;
	if (s->live)
		loop_watch(&s->source, EPOLLIN);
}

void io_go(struct process *p)
{
	for (int i = 0; i < 2; i++) {
		p->io->stream[i].live = true;
		loop_watch(&p->io->stream[i].source, EPOLLIN);
	}
}

void io_refuse(struct process *p)
{
	ssize_t n;

	if (p->io->stream[1].source.fd >= 0) {
		n = read(p->io->stream[1].source.fd, p->error, sizeof(p->error) - 1);
		p->error[n > 0 ? n : 0] = '\0';
		if (n > 0 && p->error[n - 1] == '\n')
			p->error[n - 1] = '\0';
	}
	for (int i = 0; i < 2; i++)
		loop_close(&p->io->stream[i].source);
	io_close(p);
}

/* Reads what is in the pipe now, and not what others that hold it open write meanwhile. */
static void drain(struct stream *s)
{
	int left = 0;

	if (s->source.fd < 0)
		return;
	ioctl(s->source.fd, FIONREAD, &left);
	while (left > 0 || s->io->tty) {
		ssize_t n = read(s->source.fd, chunk, CLIENT_CHUNK);

		if (n <= 0)
			break;
		into_log(s, chunk, (size_t)n);
		clients_write(s->io, s->number, chunk, (size_t)n);
		left -= (int)n;
		if (s->io->tty && left < -CHUNK)
			break;
	}
	write_rest(s);
}

void io_finish(struct process *p)
{
	for (int i = 0; i < 2; i++)
		drain(&p->io->stream[i]);
	clients_close(p->io);
	io_close_input(p->io);
}

void io_close(struct process *p)
{
	if (!p->io)
		return;
	clients_close(p->io);
	for (int i = 0; i < 2; i++) {
		drain(&p->io->stream[i]);
		loop_close(&p->io->stream[i].source);
	}
	io_close_input(p->io);
	log_close(&p->io->log);
}

void io_set_terminal(struct process *p, int fd)
{
	struct stream *s = &p->io->stream[0];

	nonblocking(fd);
	loop_close(&s->source);
	loop_close(&p->io->stream[1].source);	/* was for the runtime's own words */
	s->source.fd = fd;
	p->io->input.fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
}

void io_close_input(struct container_io *io)
{
	loop_close(&io->input);
}

void streams_trim(void)
{
	madvise(chunk, sizeof(chunk), MADV_DONTNEED);
	for (int i = 0; i < process_top && i < NK_MAX_CONTAINERS; i++)
		for (int k = 0; k < 2; k++)
			if (processes[i].state != NK_FREE && ios[i].stream[k].held == 0)
				madvise(lines[i][k], NK_LINE_MAX, MADV_DONTNEED);
	log_trim();
}
