/* nk-holder: starts, reaps and logs the containers of one pod. See usage(). */
#define _GNU_SOURCE
#include "holder.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Inherited fds, and the milliseconds of quiet after which buffers are given back. */
enum { LISTEN_FD = 3, STATUS_FD = 4, FIRST_FOREIGN_FD = 5, TRIM_AFTER = 10000 };

void describe(void);

static struct source signals = { .fd = -1 };

static int refuse(const char *what, const char *target)
{
	char text[512];
	int n = snprintf(text, sizeof(text), "%s %s: %s (errno %d)", what, target, strerror(errno), errno);

	(void)!write(STATUS_FD, text, (size_t)n < sizeof(text) ? (size_t)n : sizeof(text) - 1);
	return 1;
}

static void on_signal(struct source *s, uint32_t events)
{
	struct signalfd_siginfo si[8];

	(void)events;
	while (read(s->fd, si, sizeof(si)) > 0)
		;			/* signals merge, so look at all children every time */
	reap();
}

static int open_signals(void)
{
	sigset_t all, children;

	sigfillset(&all);
	if (sigprocmask(SIG_SETMASK, &all, NULL) < 0)
		return -1;
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&children);
	sigaddset(&children, SIGCHLD);
	signals.ready = on_signal;
	signals.fd = signalfd(-1, &children, SFD_CLOEXEC | SFD_NONBLOCK);
	return signals.fd;
}

static _Noreturn void loop(void)
{
	bool dirty = false;

	for (;;) {
		int wait = clients_expire();
		int64_t before = now_ms();

		if (wait < 0)
			wait = dirty ? TRIM_AFTER : -1;
		loop_turn(wait);
		if (dirty && now_ms() - before >= TRIM_AFTER) {
			streams_trim();
			dirty = false;
		} else {
			dirty = true;
		}
	}
}

static int usage(void)
{
	static const char text[] =
		"NAME\n"
		"    nk-holder - starts, reaps and logs the containers of one pod\n\n"
		"SYNOPSIS\n"
		"    nk-holder [CGROUP.PROCS ...]\n"
		"    nk-holder --describe\n\n"
		"DESCRIPTION\n"
		"    Started by nativekubelet, not by hand: fd 3 is a bound SOCK_SEQPACKET socket that\n"
		"    it will listen on, fd 4 a pipe that gets the reason of a failed start and is closed\n"
		"    when it serves. It first moves itself into the named control groups. The protocol\n"
		"    is described in native/PROTOCOL.md; --describe prints its numbers.\n\n"
		"EXIT STATUS\n"
		"    0  it was told to quit\n"
		"    1  it could not start; fd 4 says why\n"
		"    2  wrong usage\n";

	(void)!write(2, text, sizeof(text) - 1);
	return 2;
}

/*
 * Buffers for a hundred containers lie there, and a pod has two. Where transparent huge pages are on for everybody (Debian, RHEL),
 * the first byte of any of them would cost 2 MB.
 */
static void refuse_huge_pages(void)
{
	extern char __bss_start[], _end[];
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
	uintptr_t from = (uintptr_t)__bss_start & ~(page - 1), to = ((uintptr_t)_end + page - 1) & ~(page - 1);

	madvise((void *)from, to - from, MADV_NOHUGEPAGE);
}

int main(int argc, char **argv)
{
	struct stat st;

	refuse_huge_pages();
	prctl(PR_SET_NAME, "nk-holder", 0, 0, 0);
	if (argc == 2 && strcmp(argv[1], "--describe") == 0) {
		describe();
		return 0;
	}
	if (fstat(LISTEN_FD, &st) < 0 || !S_ISSOCK(st.st_mode))
		return usage();
	for (int i = 1; i < argc; i++)
		if (write_file(argv[i], "0") < 0)
			return refuse("join", argv[i]);

	syscall(SYS_close_range, (unsigned)FIRST_FOREIGN_FD, ~0U, 0U);
	/* Before anything can end unseen. */
	if (open_signals() < 0)
		return refuse("signalfd", "SIGCHLD");
	fcntl(LISTEN_FD, F_SETFD, FD_CLOEXEC);
	fcntl(STATUS_FD, F_SETFD, FD_CLOEXEC);
	if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0)
		return refuse("prctl", "PR_SET_CHILD_SUBREAPER");
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	(void)write_file("/proc/self/oom_score_adj", "-998");	/* a wish: needs CAP_SYS_RESOURCE */
	umask(022);
	if (chdir("/") < 0 || loop_open() < 0)
		return refuse("epoll_create1", "");
	argv_start = argv[0];
	argv_end = argv[argc - 1] + strlen(argv[argc - 1]) + 1;
	loop_watch(&signals, EPOLLIN);
	if (control_open(LISTEN_FD) < 0)
		return refuse("listen", "");

	/* From here on no failure is fatal: our end would be the pod's. */
	close(STATUS_FD);
	loop();
}
