#define _GNU_SOURCE
#include "holder.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { STRAYS = 512 };

struct process processes[NK_MAX_CONTAINERS + NK_MAX_EXECS];
int process_top;

/* Ended children that nobody knows, kept while a runtime runs: a container may end
 * before its pid file tells that it is one. */
static struct stray {
	pid_t pid;
	int status;
	uint64_t finished;
} strays[STRAYS];
static unsigned stray_count;

struct process *process_find(const char *id, const char *exec_id)
{
	for (int i = 0; i < process_top; i++) {
		struct process *p = &processes[i];

		if (p->state != NK_FREE && strcmp(p->id, id) == 0 && strcmp(p->exec_id, exec_id) == 0)
			return p;
	}
	return NULL;
}

static long read_text(int fd, char *text, size_t size)
{
	ssize_t n = pread(fd, text, size - 1, 0);

	text[n > 0 ? n : 0] = '\0';
	return n;
}

/* memory.events of v2 and memory.oom_control of v1 both have a line "oom_kill N". */
static bool oom_count(int fd, uint64_t *count)
{
	char text[512];
	const char *line;

	if (fd < 0 || read_text(fd, text, sizeof(text)) <= 0)
		return false;
	line = strncmp(text, "oom_kill ", 9) == 0 ? text : strstr(text, "\noom_kill ");
	if (line)
		*count = strtoull(strchr(line, ' ') + 1, NULL, 10);
	return line != NULL;
}

/* A group that is gone already leaves what was seen before. */
static bool read_oom(struct process *p)
{
	return oom_count(p->oom.fd, &p->oom_kills);
}

/* The same file of the pod's group, which outlives the container's and on v2 counts what happens below it. */
static void open_above(struct process *p)
{
	char path[NK_PATH_MAX + 1];
	char *cut;
	const char *name = strrchr(p->oom_file, '/');

	if (!name || strcmp(name, "/memory.events") != 0)
		return;
	snprintf(path, sizeof(path), "%.*s", (int)(name - p->oom_file), p->oom_file);
	cut = strrchr(path, '/');
	if (!cut || (size_t)(cut - path) + sizeof("/memory.events") > sizeof(path))
		return;
	memcpy(cut, "/memory.events", sizeof("/memory.events"));
	p->oom_above = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	oom_count(p->oom_above, &p->oom_kills_above);
}

static void close_above(struct process *p)
{
	if (p->oom_above >= 0)
		close(p->oom_above);
	p->oom_above = -1;
}

struct process *process_new(const char *id, const char *exec_id, bool exec)
{
	int from = exec ? NK_MAX_CONTAINERS : 0;
	int to = exec ? NK_MAX_CONTAINERS + NK_MAX_EXECS : NK_MAX_CONTAINERS;

	if (process_find(id, exec_id)) {
		errno = EEXIST;
		return NULL;
	}
	for (int i = from; i < to; i++) {
		struct process *p = &processes[i];

		if (p->state != NK_FREE)
			continue;
		memset(p, 0, sizeof(*p));
		snprintf(p->id, sizeof(p->id), "%s", id);
		snprintf(p->exec_id, sizeof(p->exec_id), "%s", exec_id);
		p->console.fd = p->oom.fd = p->oom_above = p->terminal = -1;
		p->state = NK_STARTING;
		if (process_top <= i)
			process_top = i + 1;
		return p;
	}
	errno = ENOSPC;
	return NULL;
}

void process_forget(struct process *p)
{
	if (p->io)
		io_close(p);
	loop_close(&p->console);
	loop_close(&p->oom);
	close_above(p);
	if (p->terminal >= 0)
		close(p->terminal);
	p->state = NK_FREE;
	p->started.id = p->exited.id = p->dropped.id = 0;
}

/* In the child of vfork: nothing but system calls, and only locals are written. */
static int become(const struct message *m, const int stdio[3])
{
	sigset_t none;
	int fd[3];

	for (int i = 0; i < 3; i++) {	/* first above 2, so that no dup2 hits a later one */
		fd[i] = fcntl(stdio[i], F_DUPFD_CLOEXEC, 3);
		if (fd[i] < 0)
			return errno;
	}
	for (int i = 0; i < 3; i++)
		if (dup2(fd[i], i) < 0)
			return errno;
	syscall(SYS_close_range, 3U, ~0U, 0U);
	signal(SIGPIPE, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	execve(m->argv[0], (char *const *)(uintptr_t)m->argv, (char *const *)(uintptr_t)m->envp);
	return errno;
}

int process_start(struct process *p, const struct message *m, const int stdio[3])
{
	static volatile int error;
	pid_t pid;

	snprintf(p->pid_file, sizeof(p->pid_file), "%s", m->text[NK_PID_FILE]);
	snprintf(p->exit_file, sizeof(p->exit_file), "%s", m->text[NK_EXIT_FILE]);
	snprintf(p->oom_file, sizeof(p->oom_file), "%s", m->text[NK_OOM_FILE]);
	open_above(p);
	p->request = m->header.request;
	unlink(p->pid_file);		/* one of an earlier attempt must not be taken for ours */
	error = 0;
	pid = vfork();			/* half the price of fork, and the child reports by `error` */
	if (pid == 0) {
		error = become(m, stdio);
		_exit(127);
	}
	if (pid > 0 && error == 0) {
		p->runtime = pid;
		return 0;
	}
	if (pid > 0)
		waitpid(pid, NULL, 0);
	errno = pid < 0 ? errno : error;
	return -1;
}

static void on_oom(struct source *s, uint32_t events)
{
	(void)events;
	for (int i = 0; i < process_top; i++)
		if (&processes[i].oom == s)
			(void)read_oom(&processes[i]);
}

static void watch_oom(struct process *p)
{
	if (*p->oom_file == '\0')
		return;
	p->oom = (struct source){
		.fd = open(p->oom_file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW), .ready = on_oom,
	};
	read_oom(p);
	/* systemd may remove the group before we see the exit; on v2 a change wakes us, mostly in time. */
	loop_watch(&p->oom, EPOLLPRI | EPOLLET);
}

/* Kept on tmpfs before it is told: the agent may be away for days, and so may we. */
static void keep(const struct process *p)
{
	char text[256], temp[NK_PATH_MAX + 8];
	int fd, n;

	if (*p->exit_file == '\0')
		return;
	n = snprintf(text, sizeof(text), "code=%u signal=%u oom=%llu lost=%d finished=%llu\n", p->code, p->signal,
		     (unsigned long long)p->oom_kills, p->lost, (unsigned long long)p->finished);
	snprintf(temp, sizeof(temp), "%s.tmp", p->exit_file);
	fd = open(temp, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return;
	if (write(fd, text, (size_t)n) == n)
		rename(temp, p->exit_file);
	else
		unlink(temp);
	close(fd);
}

static void ended(struct process *p, int status, uint64_t finished)
{
	p->finished = finished;
	p->code = WIFEXITED(status) ? (uint32_t)WEXITSTATUS(status) : 0;
	p->signal = WIFSIGNALED(status) ? (uint32_t)WTERMSIG(status) : 0;
	p->state = NK_ENDED;
	if (p->io) {
		uint64_t above = p->oom_kills_above;

		io_finish(p);
		/* Gone with its group's last words unread: what the pod's group has counted since is taken for its own. */
		if (!read_oom(p) && p->signal == SIGKILL && p->oom_kills == 0 && oom_count(p->oom_above, &above))
			p->oom_kills = above - p->oom_kills_above;
	}
	loop_close(&p->oom);
	close_above(p);
	keep(p);
	announce(&p->exited);
}

static pid_t read_pid(const char *path)
{
	char text[32];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	long pid = 0;

	if (fd >= 0) {
		if (read_text(fd, text, sizeof(text)) > 0)
			pid = strtol(text, NULL, 10);
		close(fd);
	}
	return pid > 1 && pid < INT32_MAX ? (pid_t)pid : 0;
}

static void fail(struct process *p, int status)
{
	p->state = NK_FAILED;
	p->code = WIFEXITED(status) ? (uint32_t)WEXITSTATUS(status) : 0;
	p->signal = WIFSIGNALED(status) ? (uint32_t)WTERMSIG(status) : 0;
	if (p->io)
		io_refuse(p);
	loop_close(&p->console);
	announce(&p->started);
}

static void runtime_ended(struct process *p, int status)
{
	siginfo_t info;

	p->runtime = 0;
	p->pid = status == 0 ? read_pid(p->pid_file) : 0;
	if (p->pid == 0) {
		fail(p, status);
		return;
	}
	loop_close(&p->console);
	p->state = NK_RUNNING;
	watch_oom(p);
	announce(&p->started);
	if (p->io)
		io_go(p);
	for (unsigned i = 0; i < stray_count; i++)
		if (strays[i].pid == p->pid) {
			ended(p, strays[i].status, strays[i].finished);
			return;
		}
	if (waitid(P_PID, (id_t)p->pid, &info, WEXITED | WNOHANG | WNOWAIT) < 0 && errno == ECHILD) {
		p->lost = true;
		ended(p, 255 << 8, wall_ns());
	}
}

static void child_ended(pid_t pid, int status, uint64_t finished)
{
	bool starting = false;

	if (pid == pause_pid) {
		pause_pid = 0;
		pause_status = status;
		pause_finished = finished;
		announce(&pause_exited);
		return;
	}
	for (int i = 0; i < process_top; i++) {
		struct process *p = &processes[i];

		if (p->state == NK_STARTING && p->runtime == pid) {
			if (p->console.fd >= 0)		/* the terminal may be waiting beside the signal */
				p->console.ready(&p->console, EPOLLIN);
			runtime_ended(p, status);
			return;
		}
		if (p->state == NK_RUNNING && p->pid == pid) {
			ended(p, status, finished);
			return;
		}
		starting |= p->state == NK_STARTING;
	}
	if (!starting)
		return;
	/* Full: forget the oldest, whose runtime has had the longest time to tell. */
	if (stray_count == STRAYS)
		memmove(strays, strays + 1, --stray_count * sizeof(strays[0]));
	strays[stray_count++] = (struct stray){ pid, status, finished };
}

void reap(void)
{
	bool starting = false;
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		child_ended(pid, status, wall_ns());
	for (int i = 0; i < process_top; i++)
		starting |= processes[i].state == NK_STARTING;
	if (!starting)
		stray_count = 0;
}

/* A pid here is safe against reuse: the process stays a zombie until we reap it. */
int process_signal(struct process *p, int number, bool group)
{
	pid_t pid = p->state == NK_RUNNING ? p->pid : p->state == NK_STARTING ? p->runtime : 0;

	if (pid <= 1) {
		errno = ESRCH;
		return -1;
	}
	/* Not reaped yet, so the group's number is its own; the runtime made it a leader. */
	if (group && p->state == NK_RUNNING && kill(-pid, number) == 0)
		return 0;
	return kill(pid, number);
}

bool processes_alive(void)
{
	for (int i = 0; i < process_top; i++)
		if (processes[i].io && (processes[i].state == NK_RUNNING || processes[i].state == NK_STARTING))
			return true;
	return false;
}
