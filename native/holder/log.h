/* A container's log in CRI format, with an exact ceiling of size and files. */
#ifndef NK_LOG_H
#define NK_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "protocol.h"

enum {
	LOG_NAME_MAX = 200,
	LOG_PREFIX = 40,		/* "2016-10-06T00:17:09.669794202Z stdout F " */
	LOG_SMALLEST = 256,		/* smaller ceilings are taken as this */
};

struct log {
	int dir, fd;			/* -1: closed */
	char name[LOG_NAME_MAX + 1];
	uint64_t max_size;		/* 0: no ceiling */
	unsigned max_files;		/* the current one counted */
	uint64_t size;			/* of the file, with what is buffered */
	time_t rotated_at;		/* second and number of the last rotated name, so that names */
	unsigned rotated_number;	/* only grow even when the clock is set back */
	bool rotate_failed;		/* in this batch */
	uint64_t dropped, dropped_bytes;	/* not told in the log yet */
	uint64_t dropped_total;
	int dropped_errno;
};

/* Takes over `dir`. Returns 0, or -1 with errno; a file that is no regular file with
 * one name is refused with ELOOP or EMLINK. */
int log_open(struct log *l, int dir, const char *name, uint64_t max_size, unsigned max_files);
void log_close(struct log *l);
/* Rotates, or with `reopen` only opens the name again, where somebody moved the file. */
int log_rotate(struct log *l, bool reopen);

/* One read's worth of records: begin, any number of records, end. Nothing is written
 * to the file before the buffer is full or the batch ends. */
void log_begin(struct log *l, const char *stream);
/* One record of the two pieces, whose end is the line's end (F) or not (P). */
void log_record(bool full, const char *a, size_t a_length, const char *b, size_t b_length);
/* Content bytes that one record may have. */
size_t log_piece(const struct log *l);
void log_end(void);

/* The buffer is memory that a quiet holder need not keep. */
void log_trim(void);

#endif
