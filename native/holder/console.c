/* The runtime makes a container's terminal inside and sends us the outer end. */
#define _GNU_SOURCE
#include "holder.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <termios.h>
#include <unistd.h>

static int receive_fd(int socket)
{
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control;
	char name[256];
	struct iovec v = { name, sizeof(name) };
	struct msghdr m = {
		.msg_iov = &v, .msg_iovlen = 1,
		.msg_control = &control, .msg_controllen = sizeof(control),
	};
	struct cmsghdr *c;
	int fd = -1;

	if (recvmsg(socket, &m, MSG_CMSG_CLOEXEC) < 0)
		return -1;
	errno = 0;
	c = CMSG_FIRSTHDR(&m);
	if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS &&
	    c->cmsg_len == CMSG_LEN(sizeof(int)))
		memcpy(&fd, CMSG_DATA(c), sizeof(fd));
	if (fd >= 0 && !isatty(fd)) {
		close(fd);
		fd = -1;
	}
	return fd;
}

/* Whoever connected is heard as long as the runtime lives: a busy machine may take seconds from the one call to the other. */
static void on_terminal(struct source *s, uint32_t events)
{
	struct process *p = (struct process *)((char *)s - offsetof(struct process, console));
	int fd = receive_fd(s->fd);

	(void)events;
	if (fd < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	loop_close(s);
	if (fd < 0)
		return;
	if (p->io)
		io_set_terminal(p, fd);
	else
		p->terminal = fd;
}

static void on_console(struct source *s, uint32_t events)
{
	struct ucred peer = { .uid = (uid_t)-1 };
	socklen_t length = sizeof(peer);
	int socket = accept4(s->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (socket < 0)
		return;
	if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &length) < 0 || peer.uid != 0) {
		close(socket);
		return;
	}
	loop_close(s);
	*s = (struct source){ .fd = socket, .ready = on_terminal };
	loop_watch(s, EPOLLIN);
	on_terminal(s, events);		/* the terminal may be there already, and the runtime gone */
}

int console_listen(struct process *p, const char *path)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	memcpy(a.sun_path, path, strlen(path) + 1);	/* length checked by the decoder */
	p->console = (struct source){
		.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), .ready = on_console,
	};
	unlink(path);
	if (p->console.fd < 0 || fchmod(p->console.fd, 0600) < 0 ||
	    bind(p->console.fd, (struct sockaddr *)&a, sizeof(a)) < 0 || listen(p->console.fd, 1) < 0)
		return -1;
	loop_watch(&p->console, EPOLLIN);
	return 0;
}
