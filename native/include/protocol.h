/* What agent and holder say to each other; PROTOCOL.md tells the meaning. A C# test
 * compares these values with `nk-holder --describe`. Additive only: nothing here is
 * ever renumbered within a major version. */
#ifndef NK_PROTOCOL_H
#define NK_PROTOCOL_H

#include <stdint.h>

enum {
	NK_MAGIC = 0x314b4e48,		/* "HNK1" in memory */
	NK_MAJOR = 1,
	NK_MINOR = 0,
	NK_MAX_MESSAGE = 32768,		/* header included */
	NK_MAX_FDS = 4,
	NK_MAX_ARGS = 256,
	NK_MAX_ENV = 64,
	NK_MAX_SYSCTLS = 64,
	NK_MAX_CGROUPS = 24,
	NK_ID_MAX = 79,			/* bytes of an ID, without the NUL */
	NK_PATH_MAX = 767,		/* bytes of a path, without the NUL */
	NK_CONSOLE_MAX = 107,		/* sun_path, without the NUL */
	NK_MAX_CONTAINERS = 128,
	NK_MAX_EXECS = 256,
	NK_MAX_CLIENTS = 32,
	NK_LINE_MAX = 16384,		/* content bytes of one log record */
};

struct nk_header {
	uint32_t magic;
	uint16_t major;
	uint16_t minor;
	uint16_t type;
	uint16_t reserved;
	uint32_t length;		/* of all fields, without this header */
	uint64_t request;		/* echoed in the answer; 0 in events nobody asked for */
};

/* Followed by its value. Numbers have 8 bytes in the machine's order, texts end with
 * their only NUL. Unknown tags are skipped. */
struct nk_field {
	uint16_t tag;
	uint16_t length;
};

enum nk_type {
	NK_HELLO = 1, NK_START_PAUSE, NK_RUN, NK_EXEC, NK_ATTACH, NK_DETACH, NK_RESIZE,
	NK_CLOSE_STDIN, NK_ROTATE, NK_SIGNAL, NK_LIST, NK_ACK, NK_QUIT,
	NK_REPLY = 64,
	NK_STARTED = 80, NK_START_FAILED, NK_EXITED, NK_PAUSE_EXITED, NK_LOG_DROPPED,
};

enum nk_tag {
	NK_ID = 1, NK_EXEC_ID, NK_ARG, NK_ENV, NK_PID_FILE, NK_EXIT_FILE, NK_OOM_FILE,
	NK_LOG_NAME, NK_LOG_MAX_SIZE, NK_LOG_MAX_FILES, NK_CONSOLE, NK_FLAGS, NK_ERROR,
	NK_TEXT, NK_PID, NK_EVENT, NK_CODE, NK_SIGNAL_NUMBER, NK_FINISHED, NK_OOM_KILLS,
	NK_LOST, NK_NAMESPACES, NK_HOSTNAME, NK_SYSCTL, NK_UID_MAP, NK_GID_MAP, NK_CGROUP,
	NK_ROWS, NK_COLUMNS, NK_ENTRY, NK_NEXT, NK_DROPPED, NK_STATE, NK_CLIENT,
	NK_PAUSE_PID,
	NK_TAG_COUNT
};

enum nk_namespace { NK_NET = 1, NK_IPC = 2, NK_UTS = 4, NK_PIDNS = 8, NK_USER = 16 };

/* FLAGS of RUN, EXEC, ATTACH and others; each message looks at its own. */
enum nk_flag {
	NK_STDIN = 1, NK_STDOUT = 2, NK_STDERR = 4,
	NK_TTY = 8,
	NK_CLOSE_STDIN_AT_EOF = 16,	/* ATTACH: the client's end of input ends the container's */
	NK_FORCE = 32,			/* QUIT although containers run */
	NK_GROUP = 64,			/* SIGNAL: the process group that it leads */
};

enum nk_state { NK_FREE, NK_STARTING, NK_RUNNING, NK_ENDED, NK_FAILED };

#endif
