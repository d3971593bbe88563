/* What the parts of the holder know of each other. */
#ifndef NK_HOLDER_H
#define NK_HOLDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "log.h"
#include "loop.h"
#include "message.h"

/* Something the agent must hear of, told again on every new connection until it acks. */
struct event {
	uint64_t id;			/* 0: none */
	bool sent;			/* on the present connection */
};

/* A container's stdout, stderr or terminal on its way into the log. */
struct stream {
	struct source source;
	struct container_io *io;
	int number;			/* 0 stdout or terminal, 1 stderr */
	size_t held;			/* bytes of an unfinished line in `line` */
	char *line;
	bool live;			/* pumped; before the start succeeded it is not */
	bool blocked;			/* an attached client has to catch up first */
};

/* What only containers have; the holder keeps no data of an exec. */
struct container_io {
	bool tty;
	struct log log;
	struct stream stream[2];
	struct source input;		/* write end of stdin, or a duplicate of the terminal */
};

/* One container or exec, from the request to the agent's ack of its end. */
struct process {
	enum nk_state state;
	struct container_io *io;	/* NULL: an exec */
	char id[NK_ID_MAX + 1], exec_id[NK_ID_MAX + 1];
	pid_t runtime, pid;
	uint64_t request;
	char pid_file[NK_PATH_MAX + 1], exit_file[NK_PATH_MAX + 1], oom_file[NK_PATH_MAX + 1];
	char error[256];		/* what the runtime said on stderr, where it failed */
	struct source console;		/* listens for the terminal, then for who brings it */
	struct source oom;
	int oom_above;
	int terminal;			/* an exec's, until the agent has it; -1 */
	uint32_t code, signal;
	uint64_t finished, oom_kills, oom_kills_above;
	bool lost;			/* nobody knows how it ended */
	bool tty;
	struct event started, exited, dropped;
};

/* process.c */
extern struct process processes[NK_MAX_CONTAINERS + NK_MAX_EXECS];
extern int process_top;			/* slots ever used */
struct process *process_find(const char *id, const char *exec_id);
/* NULL with errno: EEXIST, or ENOSPC when the table is full. */
struct process *process_new(const char *id, const char *exec_id, bool exec);
/* Starts the runtime; fds 0-2 of it are `stdio`. Returns 0 or -1 with errno, the slot free again. */
int process_start(struct process *p, const struct message *m, const int stdio[3]);
void process_forget(struct process *p);
int process_signal(struct process *p, int number, bool group);
bool processes_alive(void);
void reap(void);

/* control.c */
int control_open(int listen_fd);
void announce(struct event *e);
/* Sends what has not been sent on this connection. */
void control_flush(void);

/* stream.c */
int io_open(struct process *p, const struct message *m, int log_dir, int stdio[3]);
void io_go(struct process *p);		/* the program runs: pump */
void io_refuse(struct process *p);	/* it never ran: what came is the runtime's, keep it as the error */
void io_finish(struct process *p);	/* it ended: everything written so far into the log */
void io_close(struct process *p);
void io_set_terminal(struct process *p, int fd);
void io_close_input(struct container_io *io);
void stream_unblock(struct stream *s);
void streams_trim(void);

/* attach.c */

/* Takes over the fds (-1: not wanted). Returns the client's number, or -1 with errno. */
int client_add(struct container_io *io, const int fds[3], bool close_stdin_at_eof);
void client_remove(int number);
void clients_close(struct container_io *io);
bool clients_want(const struct container_io *io, int stream);
/* False: somebody has to catch up, read no more until stream_unblock. */
bool clients_write(struct container_io *io, int stream, const char *data, size_t length);
void clients_feed(struct container_io *io);	/* stdin has room again */
/* Drops who did not catch up in time; returns milliseconds until the next, -1: none. */
int clients_expire(void);

/* console.c */
int console_listen(struct process *p, const char *path);

/* pause.c */
struct pause_result {
	int error;
	char step[56];
};
extern pid_t pause_pid;
extern struct event pause_exited;
extern uint64_t pause_finished;
extern int pause_status;
extern char *argv_start, *argv_end;	/* the command line, which pause overwrites */
int pause_start(const struct message *m, struct pause_result *result);
/* One line of text into a file that exists; 0 or -1 with errno. */
int write_file(const char *path, const char *text);

#endif
