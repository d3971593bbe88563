/* The agent's connection: requests in, answers and events out. */
#define _GNU_SOURCE
#include "holder.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LIST_ENTRY_MOST = 512 };		/* bytes that one entry of a list may take */

static struct source listener = { .fd = -1 }, agent = { .fd = -1 };
static bool greeted;
static uint64_t last_event;
static unsigned char out[NK_MAX_MESSAGE], in[NK_MAX_MESSAGE];
static struct message m;		/* the request being served; its texts lie in `in` */
static int fds[NK_MAX_FDS];		/* that came with it; -1: none, or taken over */

static void hang_up(void)
{
	loop_close(&agent);
	greeted = false;
	for (int i = 0; i < process_top; i++)
		processes[i].started.sent = processes[i].exited.sent = processes[i].dropped.sent = false;
	pause_exited.sent = false;
}

/* False: the agent's queue is full. An agent that is gone is hung up on. */
static bool transmit(struct builder *b, int fd)
{
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	struct iovec v;
	struct msghdr h = { .msg_iov = &v, .msg_iovlen = 1 };

	message_end(b);
	v = (struct iovec){ b->bytes, b->length };
	if (fd >= 0) {
		h.msg_control = &control;
		h.msg_controllen = sizeof(control);
		control.header = (struct cmsghdr){
			.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(int)),
		};
		memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
	}
	if (sendmsg(agent.fd, &h, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0)
		return true;
	if (errno != EAGAIN)
		hang_up();
	return false;
}

/* ---- events ---- */

void announce(struct event *e)
{
	e->id = ++last_event;
	e->sent = false;
	control_flush();
}

static void begin_event(struct builder *b, enum nk_type type, const struct event *e, uint64_t request)
{
	message_begin(b, out, type, request);
	message_number(b, NK_EVENT, e->id);
}

static void put_names(struct builder *b, const struct process *p)
{
	message_text(b, NK_ID, p->id);
	if (*p->exec_id)
		message_text(b, NK_EXEC_ID, p->exec_id);
}

static bool send_started(struct process *p)
{
	struct builder b;

	begin_event(&b, p->state == NK_FAILED ? NK_START_FAILED : NK_STARTED, &p->started, p->request);
	put_names(&b, p);
	if (p->state == NK_FAILED) {
		message_number(&b, NK_CODE, p->code);
		message_number(&b, NK_SIGNAL_NUMBER, p->signal);
		message_text(&b, NK_TEXT, p->error);
	} else {
		message_number(&b, NK_PID, (uint64_t)p->pid);
	}
	if (!transmit(&b, p->terminal))
		return false;
	if (p->terminal >= 0)		/* the agent's now */
		close(p->terminal);
	p->terminal = -1;
	return true;
}

static void put_exit(struct builder *b, const struct process *p)
{
	message_number(b, NK_CODE, p->code);
	message_number(b, NK_SIGNAL_NUMBER, p->signal);
	message_number(b, NK_FINISHED, p->finished);
	message_number(b, NK_OOM_KILLS, p->oom_kills);
	message_number(b, NK_LOST, p->lost);
}

static bool send_exited(struct process *p)
{
	struct builder b;

	begin_event(&b, NK_EXITED, &p->exited, 0);
	put_names(&b, p);
	put_exit(&b, p);
	return transmit(&b, -1);
}

static bool send_dropped(struct process *p)
{
	struct builder b;

	begin_event(&b, NK_LOG_DROPPED, &p->dropped, 0);
	put_names(&b, p);
	message_number(&b, NK_DROPPED, p->io->log.dropped_total);
	message_number(&b, NK_ERROR, (uint64_t)p->io->log.dropped_errno);
	return transmit(&b, -1);
}

static bool send_pause_exited(void)
{
	struct builder b;

	begin_event(&b, NK_PAUSE_EXITED, &pause_exited, 0);
	message_number(&b, NK_CODE, WIFEXITED(pause_status) ? (uint64_t)WEXITSTATUS(pause_status) : 0);
	message_number(&b, NK_SIGNAL_NUMBER, WIFSIGNALED(pause_status) ? (uint64_t)WTERMSIG(pause_status) : 0);
	message_number(&b, NK_FINISHED, pause_finished);
	return transmit(&b, -1);
}

static bool unsent(const struct event *e, uint64_t below)
{
	return e->id && !e->sent && e->id < below;
}

void control_flush(void)
{
	while (agent.fd >= 0 && greeted) {
		bool (*send_it)(struct process *) = NULL;
		struct event *e = NULL;
		struct process *of = NULL;
		uint64_t lowest = UINT64_MAX;

		for (int i = 0; i < process_top; i++) {		/* in the order they happened */
			struct process *p = &processes[i];

			if (p->state == NK_FREE)
				continue;
			if (unsent(&p->started, lowest))
				e = &p->started, send_it = send_started, of = p, lowest = e->id;
			if (unsent(&p->exited, lowest))
				e = &p->exited, send_it = send_exited, of = p, lowest = e->id;
			if (unsent(&p->dropped, lowest))
				e = &p->dropped, send_it = send_dropped, of = p, lowest = e->id;
		}
		if (unsent(&pause_exited, lowest))
			e = &pause_exited, of = NULL;
		if (!e)
			break;
		if (!(of ? send_it(of) : send_pause_exited())) {
			loop_watch(&agent, EPOLLIN | EPOLLOUT);
			return;
		}
		e->sent = true;
	}
	loop_watch(&agent, EPOLLIN);
}

static void acknowledge(uint64_t id)
{
	if (id == 0)
		return;
	for (int i = 0; i < process_top; i++) {
		struct process *p = &processes[i];

		if (p->state == NK_FREE)
			continue;
		if (p->dropped.id == id)
			p->dropped.id = 0;
		if (p->exited.id == id || (p->started.id == id && p->state == NK_FAILED))
			process_forget(p);
		else if (p->started.id == id)
			p->started.id = 0;
	}
	if (pause_exited.id == id)
		pause_exited.id = 0;
}

/* ---- answers ---- */

static void reply_begin(struct builder *b, int error, const char *text)
{
	message_begin(b, out, NK_REPLY, m.header.request);
	message_number(b, NK_ERROR, (uint64_t)error);
	if (text && *text)
		message_text(b, NK_TEXT, text);
}

/* An agent that asks but does not read its answers has no use for the connection. */
static void reply_send(struct builder *b)
{
	if (!transmit(b, -1))
		hang_up();
}

static void reply(int error, const char *text)
{
	struct builder b;

	reply_begin(&b, error, text);
	reply_send(&b);
}

static int take_fd(int i)
{
	int fd = fds[i];

	fds[i] = -1;
	return fd;
}

static void hello(void)
{
	struct builder b;

	greeted = true;
	reply_begin(&b, 0, NULL);
	message_number(&b, NK_PID, (uint64_t)getpid());
	message_number(&b, NK_PAUSE_PID, (uint64_t)pause_pid);
	reply_send(&b);
	control_flush();
}

static void start_pause(void)
{
	struct pause_result r;
	struct builder b;

	if (pause_pid) {
		reply(EEXIST, "the pause process runs already");
		return;
	}
	if (pause_start(&m, &r) < 0) {
		reply(errno, r.step);
		return;
	}
	reply_begin(&b, 0, NULL);
	message_number(&b, NK_PID, (uint64_t)pause_pid);
	reply_send(&b);
}

/* Container or exec: prepare the fds, start the runtime, answer that it is on its way. */
static int launch(struct process *p, bool exec, const char **step)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC), stdio[3] = { -1, -1, -1 }, child[3], result = -1, error;

	*step = "/dev/null";
	if (null < 0)
		return -1;
	p->tty = m.number[NK_FLAGS] & NK_TTY;
	*step = "log";
	if (!exec && io_open(p, &m, take_fd(0), stdio) < 0)
		goto out;
	for (int i = 0; exec && i < 3; i++)
		stdio[i] = take_fd(i);
	*step = "console socket";
	if (p->tty && console_listen(p, m.text[NK_CONSOLE]) < 0)
		goto out;
	*step = m.argv[0];
	for (int i = 0; i < 3; i++)
		child[i] = stdio[i] >= 0 ? stdio[i] : null;
	result = process_start(p, &m, child);
out:
	error = errno;
	for (int i = 0; i < 3; i++)
		if (stdio[i] >= 0)
			close(stdio[i]);
	close(null);
	errno = error;
	return result;
}

static void run(bool exec)
{
	const char *step = "";
	struct process *p;
	int error;

	if (!message_has(&m, NK_ID) || !m.argv[0] || !message_has(&m, NK_PID_FILE) ||
	    exec != message_has(&m, NK_EXEC_ID) ||
	    (!exec && (!message_has(&m, NK_LOG_NAME) || fds[0] < 0 || strchr(m.text[NK_LOG_NAME], '/'))) ||
	    ((m.number[NK_FLAGS] & NK_TTY) && !message_has(&m, NK_CONSOLE))) {
		reply(EINVAL, "a field is missing or wrong");
		return;
	}
	p = process_new(m.text[NK_ID], m.text[NK_EXEC_ID], exec);
	if (!p) {
		reply(errno, errno == EEXIST ? "the ID is in use" : "the table is full");
		return;
	}
	if (launch(p, exec, &step) < 0) {
		error = errno;
		process_forget(p);
		reply(error, step);
		return;
	}
	reply(0, NULL);
}

static struct process *container(void)
{
	struct process *p = process_find(m.text[NK_ID], "");

	if (!p || !p->io || p->state != NK_RUNNING) {
		reply(ESRCH, "no such running container");
		return NULL;
	}
	return p;
}

static void attach(void)
{
	struct process *p = container();
	int wanted[3] = { -1, -1, -1 }, next = 0, number;
	struct builder b;

	if (!p)
		return;
	for (int i = 0; i < 3; i++)
		if (m.number[NK_FLAGS] & (1U << i))
			wanted[i] = take_fd(next++);
	number = client_add(p->io, wanted, m.number[NK_FLAGS] & NK_CLOSE_STDIN_AT_EOF);
	if (number < 0) {
		for (int i = 0; i < 3; i++)
			if (wanted[i] >= 0)
				close(wanted[i]);
		reply(ENOSPC, "too many are attached");
		return;
	}
	reply_begin(&b, 0, NULL);
	message_number(&b, NK_CLIENT, (uint64_t)number);
	reply_send(&b);
}

static void resize(void)
{
	struct process *p = container();
	struct winsize size = {
		.ws_row = (unsigned short)m.number[NK_ROWS], .ws_col = (unsigned short)m.number[NK_COLUMNS],
	};

	if (p)
		reply(ioctl(p->io->stream[0].source.fd, TIOCSWINSZ, &size) < 0 ? errno : 0, "resize");
}

static void signal_one(void)
{
	struct process *p = process_find(m.text[NK_ID], m.text[NK_EXEC_ID]);

	if (!p)
		reply(ESRCH, "no such process");
	else
		reply(process_signal(p, (int)m.number[NK_SIGNAL_NUMBER], m.number[NK_FLAGS] & NK_GROUP) < 0 ? errno : 0, "kill");
}

static void rotate(void)
{
	struct process *p = container();

	if (p)
		reply(log_rotate(&p->io->log, m.number[NK_FLAGS] & NK_FORCE) < 0 ? errno : 0, p->io->log.name);
}

/* As many as fit, from slot NEXT on; the answer's NEXT is where to go on, 0 at the end. */
static void list(void)
{
	struct builder b;
	int i = m.number[NK_NEXT] < (uint64_t)process_top ? (int)m.number[NK_NEXT] : process_top;

	reply_begin(&b, 0, NULL);
	for (; i < process_top && b.length + LIST_ENTRY_MOST < NK_MAX_MESSAGE; i++) {
		struct process *p = &processes[i];

		if (p->state == NK_FREE)
			continue;
		message_number(&b, NK_ENTRY, (uint64_t)i);
		put_names(&b, p);
		message_number(&b, NK_STATE, p->state);
		message_number(&b, NK_PID, (uint64_t)p->pid);
		if (p->state == NK_ENDED)
			put_exit(&b, p);
	}
	message_number(&b, NK_NEXT, i < process_top ? (uint64_t)i : 0);
	reply_send(&b);
}

static void quit(void)
{
	if (processes_alive() && !(m.number[NK_FLAGS] & NK_FORCE)) {
		reply(EBUSY, "containers run");
		return;
	}
	if (pause_pid) {
		kill(pause_pid, SIGKILL);
		waitpid(pause_pid, NULL, 0);	/* its namespaces are gone when the answer arrives */
	}
	reply(0, NULL);
	_exit(0);
}

static void serve(void)
{
	struct process *p;

	if (!greeted && m.header.type != NK_HELLO) {
		reply(EPROTO, "hello comes first");
		return;
	}
	switch (m.header.type) {
	case NK_HELLO: hello(); break;
	case NK_START_PAUSE: start_pause(); break;
	case NK_RUN: run(false); break;
	case NK_EXEC: run(true); break;
	case NK_ATTACH: attach(); break;
	case NK_DETACH: client_remove((int)m.number[NK_CLIENT]); reply(0, NULL); break;
	case NK_RESIZE: resize(); break;
	case NK_CLOSE_STDIN:
		if ((p = container())) {
			if (!p->io->tty)
				io_close_input(p->io);
			reply(0, NULL);
		}
		break;
	case NK_ROTATE: rotate(); break;
	case NK_SIGNAL: signal_one(); break;
	case NK_LIST: list(); break;
	case NK_ACK: acknowledge(m.number[NK_EVENT]); reply(0, NULL); break;
	case NK_QUIT: quit(); break;
	default: reply(ENOSYS, "unknown request"); break;	/* a newer agent's */
	}
}

static void take_fds(struct msghdr *h)
{
	for (int i = 0; i < NK_MAX_FDS; i++)
		fds[i] = -1;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(h); c; c = CMSG_NXTHDR(h, c))
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS) {
			size_t bytes = c->cmsg_len - CMSG_LEN(0);

			memcpy(fds, CMSG_DATA(c), bytes < sizeof(fds) ? bytes : sizeof(fds));
		}
}

static void on_agent(struct source *s, uint32_t events)
{
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(fds))];
	} control;
	struct iovec v = { in, sizeof(in) };
	struct msghdr h = {
		.msg_iov = &v, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control),
	};
	ssize_t n;

	if (events & EPOLLOUT)
		control_flush();
	if (s->fd < 0 || !(events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
		return;
	n = recvmsg(s->fd, &h, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		hang_up();
		return;
	}
	take_fds(&h);
	if ((h.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) || message_decode(&m, in, (size_t)n) < 0)
		hang_up();		/* not our language; what follows would not be either */
	else
		serve();
	for (int i = 0; i < NK_MAX_FDS; i++)
		if (fds[i] >= 0)
			close(fds[i]);
}

static void on_listener(struct source *s, uint32_t events)
{
	struct ucred peer = { .uid = (uid_t)-1 };
	socklen_t length = sizeof(peer);
	int fd = accept4(s->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)events;
	if (fd < 0)
		return;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) < 0 || peer.uid != 0) {
		close(fd);
		return;
	}
	hang_up();			/* a newer agent replaces the older */
	agent = (struct source){ .fd = fd, .ready = on_agent };
	loop_watch(&agent, EPOLLIN);
}

int control_open(int listen_fd)
{
	if (listen(listen_fd, 8) < 0)
		return -1;
	listener = (struct source){ .fd = listen_fd, .ready = on_listener };
	loop_watch(&listener, EPOLLIN);
	return 0;
}
