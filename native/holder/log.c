#define _GNU_SOURCE
#include "log.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "loop.h"

enum { BUFFER = 65536, NAME = 256, STAMP = 15 };

#ifndef RENAME_NOREPLACE
#define RENAME_NOREPLACE 1
#endif

static char buffer[BUFFER] __attribute__((aligned(4096)));

/* The batch in progress: there is one at a time, as there is one thread. */
static struct {
	struct log *log;
	size_t used;			/* bytes in the buffer */
	uint64_t records;		/* of them */
	char prefix[LOG_PREFIX];
} batch;

static int open_file(struct log *l, int extra)
{
	struct stat st;
	int fd = openat(l->dir, l->name, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC |
			O_NOCTTY | O_NONBLOCK | extra, 0640);

	if (fd < 0)
		return -1;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_nlink != 1) {
		close(fd);
		errno = EMLINK;		/* somebody laid a link or a device where the log belongs */
		return -1;
	}
	l->size = (uint64_t)st.st_size;
	return fd;
}

int log_open(struct log *l, int dir, const char *name, uint64_t max_size, unsigned max_files)
{
	memset(l, 0, sizeof(*l));
	l->dir = dir;
	snprintf(l->name, sizeof(l->name), "%s", name);
	l->max_size = max_size > 0 && max_size < LOG_SMALLEST ? LOG_SMALLEST : max_size;
	l->max_files = max_files < 2 ? 2 : max_files;
	l->fd = open_file(l, 0);
	return l->fd < 0 ? -1 : 0;
}

void log_close(struct log *l)
{
	if (l->fd >= 0)
		close(l->fd);
	if (l->dir >= 0)
		close(l->dir);
	l->fd = l->dir = -1;
}

static void note_loss(struct log *l, uint64_t records, uint64_t bytes, int error)
{
	l->dropped += records;
	l->dropped_bytes += bytes;
	l->dropped_total += records;
	l->dropped_errno = error;
}

/* All or nothing: half a record would spoil the line after it. */
static int write_whole(struct log *l, const char *bytes, size_t length)
{
	struct stat st;
	size_t done = 0;

	while (done < length) {
		ssize_t n = write(l->fd, bytes + done, length - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			int error = n < 0 ? errno : ENOSPC;

			if (done > 0 && fstat(l->fd, &st) == 0 && (uint64_t)st.st_size >= done)
				(void)!ftruncate(l->fd, st.st_size - (off_t)done);
			errno = error;
			return -1;
		}
		done += (size_t)n;
	}
	return 0;
}

/* One line that says what is missing, as soon as there is room for it again. */
static void tell_loss(struct log *l)
{
	char line[LOG_SMALLEST];
	int n;

	n = snprintf(line, sizeof(line), "%.31sstderr F nk-holder: %llu log records (%llu bytes) were lost: %s\n",
		     batch.prefix, (unsigned long long)l->dropped, (unsigned long long)l->dropped_bytes,
		     strerror(l->dropped_errno));
	if (n <= 0 || (size_t)n >= sizeof(line) ||
	    (l->max_size && l->size + (uint64_t)n > l->max_size))
		return;
	if (write_whole(l, line, (size_t)n) == 0) {
		l->size += (uint64_t)n;
		l->dropped = l->dropped_bytes = 0;
	}
}

static void flush(void)
{
	struct log *l = batch.log;

	if (batch.used == 0)
		return;
	if (write_whole(l, buffer, batch.used) < 0) {
		note_loss(l, batch.records, batch.used, errno);
		l->size -= batch.used;
	}
	batch.used = 0;
	batch.records = 0;
}

static void stamp(char *text, size_t size, time_t second, unsigned number)
{
	struct tm t;

	gmtime_r(&second, &t);
	snprintf(text, size, number ? "%04d%02d%02d-%02d%02d%02d-%03u" : "%04d%02d%02d-%02d%02d%02d",
		 t.tm_year + 1900, t.tm_mon + 1, t.tm_mday, t.tm_hour, t.tm_min, t.tm_sec, number);
}

/* "NAME.YYYYMMDD-HHMMSS[-NNN]" → its time and number as one growing value; 0: another file. */
static uint64_t rotated_order(const struct log *l, const char *file)
{
	size_t name = strlen(l->name);
	uint64_t digits = 0, number = 0;
	const char *s = file + name + 1;

	if (strncmp(file, l->name, name) != 0 || file[name] != '.' || strlen(s) < STAMP)
		return 0;
	for (int i = 0; i < STAMP; i++) {
		if (i == 8 ? s[i] != '-' : s[i] < '0' || s[i] > '9')
			return 0;
		if (i != 8)
			digits = digits * 10 + (uint64_t)(s[i] - '0');
	}
	s += STAMP;
	if (*s == '-')
		for (s++; *s >= '0' && *s <= '9' && number < 100000; s++)
			number = number * 10 + (uint64_t)(*s - '0');
	return *s ? 0 : digits * 100000 + number % 100000 + 1;
}

/* Removes the oldest rotated files until, with the current one, max_files are left.
 * By getdents, as readdir allocates. */
static void prune(struct log *l)
{
	struct entry {
		uint64_t inode;
		int64_t offset;
		unsigned short length;
		unsigned char type;
		char name[];
	};
	char entries[4096] __attribute__((aligned(8)));
	char oldest[NAME];
	unsigned files;

	do {
		uint64_t lowest = UINT64_MAX;
		long n;

		files = 0;
		if (lseek(l->dir, 0, SEEK_SET) < 0)
			return;
		while ((n = syscall(SYS_getdents64, l->dir, entries, sizeof(entries))) > 0)
			for (long at = 0; at < n;) {
				const struct entry *e = (const void *)(entries + at);
				uint64_t order = rotated_order(l, e->name);

				at += e->length;
				if (order == 0)
					continue;
				files++;
				if (order < lowest) {
					lowest = order;
					snprintf(oldest, sizeof(oldest), "%s", e->name);
				}
			}
	} while (files >= l->max_files && unlinkat(l->dir, oldest, 0) == 0);
}

static int move_aside(struct log *l, char *to, size_t size)
{
	time_t now = time(NULL);
	char when[40];

	if (now > l->rotated_at) {
		l->rotated_at = now;
		l->rotated_number = 0;
	} else {
		l->rotated_number++;
	}
	for (int tries = 0; tries < 10000; tries++, l->rotated_number++) {
		stamp(when, sizeof(when), l->rotated_at, l->rotated_number);
		if ((size_t)snprintf(to, size, "%s.%s", l->name, when) >= size)
			return -1;
		if (syscall(SYS_renameat2, l->dir, l->name, l->dir, to, RENAME_NOREPLACE) == 0)
			return 0;
		/* Not every file system knows NOREPLACE (overlay upper, nfs): look first instead. */
		if (errno == EINVAL && faccessat(l->dir, to, F_OK, AT_SYMLINK_NOFOLLOW) < 0 && errno == ENOENT)
			return renameat(l->dir, l->name, l->dir, to);
		if (errno != EEXIST)
			return errno == ENOENT ? 0 : -1;	/* deleted by somebody: just make a new one */
	}
	return -1;
}

int log_rotate(struct log *l, bool reopen)
{
	char aside[NAME] = "";
	uint64_t size = l->size;
	int fd;

	if (!reopen && move_aside(l, aside, sizeof(aside)) < 0)
		return -1;
	fd = open_file(l, reopen ? 0 : O_EXCL);
	if (fd < 0) {
		int error = errno;

		l->size = size;
		if (*aside)
			renameat(l->dir, aside, l->dir, l->name);
		errno = error;
		return -1;
	}
	close(l->fd);
	l->fd = fd;
	prune(l);
	return 0;
}

void log_begin(struct log *l, const char *stream)
{
	static time_t second = -1;
	static char text[20];			/* "2016-10-06T00:17:09" */
	struct timespec now;
	struct tm t;
	long ns;

	clock_gettime(CLOCK_REALTIME, &now);
	if (now.tv_sec != second) {
		second = now.tv_sec;
		gmtime_r(&second, &t);
		strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &t);
	}
	memcpy(batch.prefix, text, 19);
	batch.prefix[19] = '.';
	ns = now.tv_nsec;
	for (int i = 28; i > 19; i--, ns /= 10)
		batch.prefix[i] = (char)('0' + ns % 10);
	memcpy(batch.prefix + 29, "Z ", 2);
	memcpy(batch.prefix + 31, stream, 6);
	memcpy(batch.prefix + 37, " F ", 3);
	batch.log = l;
	l->rotate_failed = false;
	if (l->dropped)
		tell_loss(l);
}

size_t log_piece(const struct log *l)
{
	uint64_t room = l->max_size ? l->max_size - LOG_PREFIX - 1 : NK_LINE_MAX;

	return room < NK_LINE_MAX ? (size_t)room : NK_LINE_MAX;
}

void log_record(bool full, const char *a, size_t a_length, const char *b, size_t b_length)
{
	struct log *l = batch.log;
	size_t length = LOG_PREFIX + a_length + b_length + 1;
	char *to;

	if (l->max_size && l->size > 0 && l->size + length > l->max_size) {
		flush();
		if (l->size + length > l->max_size && (l->rotate_failed || log_rotate(l, false) < 0)) {
			note_loss(l, 1, length, l->rotate_failed ? l->dropped_errno : errno);
			l->rotate_failed = true;
			return;
		}
	}
	if (batch.used + length > BUFFER)
		flush();
	to = buffer + batch.used;
	memcpy(to, batch.prefix, LOG_PREFIX);
	to[38] = full ? 'F' : 'P';
	memcpy(to + LOG_PREFIX, a, a_length);
	memcpy(to + LOG_PREFIX + a_length, b, b_length);
	to[length - 1] = '\n';
	batch.used += length;
	batch.records++;
	l->size += length;
}

void log_end(void)
{
	flush();
	batch.log = NULL;
}

void log_trim(void)
{
	madvise(buffer, sizeof(buffer), MADV_DONTNEED);
}
