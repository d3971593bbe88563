/* The process that keeps a pod's namespaces: nothing to see in it, nothing to do for it. */
#define _GNU_SOURCE
#include "holder.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#if defined(__x86_64__)
#define OUR_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define OUR_ARCH AUDIT_ARCH_AARCH64
#else
#error "add the audit architecture of this machine"
#endif

pid_t pause_pid;
struct event pause_exited;
uint64_t pause_finished;
int pause_status;
char *argv_start, *argv_end;

int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
	size_t length = strlen(text);
	ssize_t n;

	if (fd < 0)
		return -1;
	n = write(fd, text, length);
	if (n >= 0 && (size_t)n != length)
		errno = EIO;
	close(fd);
	return n == (ssize_t)length ? 0 : -1;
}

/* ---- in the child ---- */

static _Noreturn void give_up(int sync, const char *step)
{
	struct pause_result r = { .error = errno };

	snprintf(r.step, sizeof(r.step), "%s", step);
	send(sync, &r, sizeof(r), MSG_NOSIGNAL);
	_exit(1);
}

static int set_sysctl(const char *assignment)
{
	char path[NK_PATH_MAX + 1];
	const char *value = strchr(assignment, '=');

	if (!value || value == assignment || *assignment == '/' || strstr(assignment, "..") ||
	    (size_t)snprintf(path, sizeof(path), "/proc/sys/%.*s", (int)(value - assignment), assignment) >= sizeof(path)) {
		errno = EINVAL;
		return -1;
	}
	return write_file(path, value + 1);
}

/* An empty read-only tmpfs becomes all there is; the host's tree is let go. */
static int leave_the_tree(void)
{
	if (mount("tmpfs", "/proc", "tmpfs", MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC,
		  "size=4k,nr_inodes=1,mode=555") < 0 || chdir("/proc") < 0)
		return -1;
	if (syscall(SYS_pivot_root, ".", ".") == 0)
		return umount2(".", MNT_DETACH) < 0 ? -1 : chdir("/");
	/* A machine that runs from its initramfs has no root that could be pivoted away. */
	if (errno != EINVAL || mount(".", "/", NULL, MS_MOVE, NULL) < 0 || chroot(".") < 0)
		return -1;
	return chdir("/");
}

static void drop_capabilities(void)
{
	struct __user_cap_header_struct h = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct none[2] = { 0 };

	for (unsigned long cap = 0; prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) == 0; cap++)
		;
	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	syscall(SYS_capset, &h, none);
}

static void allow_only_sleep(void)
{
#define ALLOW(name) \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_##name, 0, 1), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, OUR_ARCH, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		ALLOW(ppoll), ALLOW(restart_syscall), ALLOW(sendto), ALLOW(close), ALLOW(exit_group),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
	};
	struct sock_fprog program = { sizeof(code) / sizeof(code[0]), code };

	prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0);
}

static _Noreturn void pause_main(const struct message *m, int sync)
{
	struct pause_result r = { 0 };
	uint64_t spaces = m->number[NK_NAMESPACES];

	prctl(PR_SET_NAME, "nk-pause", 0, 0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	memset(argv_start, 0, (size_t)(argv_end - argv_start));
	snprintf(argv_start, (size_t)(argv_end - argv_start), "nk-pause");
	/* Tell that the signal is set, then wait: a holder that died before is an end of file here. */
	if (send(sync, &r, sizeof(r), MSG_NOSIGNAL) < 0 || recv(sync, &r, sizeof(r), 0) != sizeof(r))
		_exit(1);
	if (dup2(sync, 0) < 0)
		_exit(1);
	sync = 0;
	syscall(SYS_close_range, 1U, ~0U, 0U);

	if ((spaces & NK_USER) && (setgroups(0, NULL) < 0 || setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0))
		give_up(sync, "setresuid");
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		give_up(sync, "mount private");
	if ((spaces & NK_UTS) && message_has(m, NK_HOSTNAME) &&
	    sethostname(m->text[NK_HOSTNAME], strlen(m->text[NK_HOSTNAME])) < 0)
		give_up(sync, "sethostname");
	for (const char *const *s = m->sysctl; *s; s++)
		if (set_sysctl(*s) < 0)
			give_up(sync, *s);
	if (leave_the_tree() < 0)
		give_up(sync, "pivot_root");

	/* As PID 1 it inherits orphans; ignored, they leave no zombies and never wake us. */
	signal(SIGCHLD, SIG_IGN);
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	drop_capabilities();
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);	/* the change of uid took it away */
	allow_only_sleep();
	if (send(sync, &r, sizeof(r), MSG_NOSIGNAL) < 0)
		_exit(1);
	close(sync);
	for (;;)
		syscall(SYS_ppoll, NULL, 0, NULL, NULL, 0);
}

/* ---- in the holder ---- */

static int fill(pid_t pid, const struct message *m, struct pause_result *r)
{
	char path[64], text[16];
	struct { const char *file; enum nk_tag tag; } maps[] = { { "uid_map", NK_UID_MAP }, { "gid_map", NK_GID_MAP } };

	for (size_t i = 0; (m->number[NK_NAMESPACES] & NK_USER) && i < 2; i++) {
		snprintf(path, sizeof(path), "/proc/%d/%s", pid, maps[i].file);
		snprintf(r->step, sizeof(r->step), "%s", maps[i].file);
		if (write_file(path, m->text[maps[i].tag]) < 0)
			return -1;
	}
	snprintf(text, sizeof(text), "%d", pid);
	for (const char *const *c = m->cgroup; *c; c++) {
		snprintf(r->step, sizeof(r->step), "cgroup %s", *c);
		if (write_file(*c, text) < 0)
			return -1;
	}
	return 0;
}

static int guide(pid_t pid, const struct message *m, int sync, struct pause_result *r)
{
	snprintf(r->step, sizeof(r->step), "clone");
	if (recv(sync, r, sizeof(*r), 0) != sizeof(*r)) {
		errno = EPIPE;
		return -1;
	}
	if (fill(pid, m, r) < 0)
		return -1;
	if (send(sync, r, sizeof(*r), MSG_NOSIGNAL) < 0 || recv(sync, r, sizeof(*r), 0) != sizeof(*r)) {
		errno = EPIPE;
		return -1;
	}
	errno = r->error;
	return r->error ? -1 : 0;
}

int pause_start(const struct message *m, struct pause_result *result)
{
	static const struct { enum nk_namespace bit; unsigned flag; } kinds[] = {
		{ NK_NET, CLONE_NEWNET }, { NK_IPC, CLONE_NEWIPC }, { NK_UTS, CLONE_NEWUTS },
		{ NK_PIDNS, CLONE_NEWPID }, { NK_USER, CLONE_NEWUSER },
	};
	struct clone_args args = { .flags = CLONE_NEWNS, .exit_signal = SIGCHLD };
	struct timeval patience = { .tv_sec = 30 };
	int sync[2], error = 0;
	long pid;

	memset(result, 0, sizeof(*result));
	snprintf(result->step, sizeof(result->step), "socketpair");
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sync) < 0)
		return -1;
	setsockopt(sync[0], SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (m->number[NK_NAMESPACES] & kinds[i].bit)
			args.flags |= kinds[i].flag;
	snprintf(result->step, sizeof(result->step), "clone3");
	pid = syscall(SYS_clone3, &args, sizeof(args));
	if (pid == 0) {
		close(sync[0]);		/* else the child itself would keep its end-of-file away */
		pause_main(m, sync[1]);
	}
	if (pid < 0)
		error = errno;
	close(sync[1]);
	if (pid > 0 && guide((pid_t)pid, m, sync[0], result) < 0) {
		error = errno ? errno : EPROTO;
		kill((pid_t)pid, SIGKILL);
		waitpid((pid_t)pid, NULL, 0);
	}
	close(sync[0]);
	if (error) {
		errno = error;
		return -1;
	}
	pause_pid = (pid_t)pid;
	return 0;
}
