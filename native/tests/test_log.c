/* The log on a real file system: ceilings, names, losses. */
#define _GNU_SOURCE
#include "log.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[] = "/tmp/nk-test-log-XXXXXX";
static struct log l;

static void begin(uint64_t max_size, unsigned max_files)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	assert(fd >= 0 && log_open(&l, fd, "0.log", max_size, max_files) == 0);
}

/* Ends a test: counts the files, checks each against the ceiling, removes them. */
static int end(uint64_t ceiling)
{
	DIR *d = opendir(dir);
	struct dirent *e;
	struct stat st;
	int files = 0;

	log_close(&l);
	while ((e = readdir(d)))
		if (*e->d_name != '.') {
			assert(fstatat(dirfd(d), e->d_name, &st, 0) == 0);
			assert(ceiling == 0 || (uint64_t)st.st_size <= ceiling);
			assert((st.st_mode & 0777) == 0640);
			unlinkat(dirfd(d), e->d_name, 0);
			files++;
		}
	closedir(d);
	return files;
}

static void put(const char *text)
{
	log_begin(&l, "stdout");
	log_record(true, text, strlen(text), "", 0);
	log_end();
}

static void a_record_that_just_fits_does_not_rotate_and_one_byte_more_does(void)
{
	char text[300];

	memset(text, 'x', sizeof(text));
	text[300 - LOG_PREFIX - 1] = '\0';	/* one record of exactly 300 bytes */
	begin(600, 5);
	put(text);
	put(text);
	assert(l.size == 600);
	put("");
	assert(l.size == LOG_PREFIX + 1);
	assert(end(600) == 2);
}

static void only_so_many_files_are_kept_even_within_one_second(void)
{
	begin(LOG_SMALLEST, 3);
	for (int i = 0; i < 5000; i++)
		put("0123456789");
	assert(end(LOG_SMALLEST) == 3);
}

static void what_cannot_be_written_is_counted_and_told_later(void)
{
	struct rlimit small = { 100, RLIM_INFINITY }, none = { RLIM_INFINITY, RLIM_INFINITY };
	char text[4096] = "";
	int fd;

	signal(SIGXFSZ, SIG_IGN);
	begin(0, 5);
	put("first");
	assert(setrlimit(RLIMIT_FSIZE, &small) == 0);	/* EFBIG stands for ENOSPC */
	for (int i = 0; i < 10; i++)
		put("a line of some length that does not fit any more at all, never, it is too long for this little file, really");
	assert(l.dropped == 10 && l.dropped_total == 10);
	assert(setrlimit(RLIMIT_FSIZE, &none) == 0);
	put("last");
	fd = openat(l.dir, "0.log", O_RDONLY);
	assert(read(fd, text, sizeof(text) - 1) > 0);
	close(fd);
	assert(strstr(text, "stdout F first\n") && strstr(text, "stdout F last\n"));
	assert(strstr(text, "10 log records") && l.dropped == 0);
	end(0);
}

static void links_and_foreign_names_are_left_alone(void)
{
	int d = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	close(openat(d, "a", O_CREAT | O_WRONLY, 0640));
	assert(linkat(d, "a", d, "0.log", 0) == 0);
	assert(log_open(&l, dup(d), "0.log", 0, 5) < 0 && errno == EMLINK);
	log_close(&l);
	unlinkat(d, "0.log", 0);
	assert(symlinkat("a", d, "0.log") == 0);
	assert(log_open(&l, dup(d), "0.log", 0, 5) < 0 && errno == ELOOP);
	log_close(&l);
	unlinkat(d, "0.log", 0);
	close(d);
	begin(LOG_SMALLEST, 2);
	for (int i = 0; i < 100; i++)
		put("0123456789");
	assert(end(0) == 3);			/* two of ours, and "a" */
}

static int by_order(const struct dirent **a, const struct dirent **b)
{
	/* "0.log" is the newest; of one second the number decides, and it may grow longer than three digits. */
	const char *x = (*a)->d_name, *y = (*b)->d_name;
	bool x_now = strcmp(x, "0.log") == 0, y_now = strcmp(y, "0.log") == 0;
	int seconds;

	if (x_now || y_now)
		return x_now - y_now;
	seconds = strncmp(x, y, strlen("0.log.YYYYMMDD-HHMMSS"));
	if (seconds)
		return seconds;
	return strlen(x) != strlen(y) ? (strlen(x) < strlen(y) ? -1 : 1) : strcmp(x, y);
}

static int is_log(const struct dirent *e)
{
	return *e->d_name != '.';
}

/* Whatever sizes come: no file above the ceiling, none rotated before it had to be, no record lost but with its file. */
static void any_sizes_meet_the_ceiling_exactly(void)
{
	static char text[8192], file[NK_LINE_MAX * 2];
	unsigned seed = (unsigned)getpid();

	srand(seed);
	for (int round = 0; round < 60; round++) {
		uint64_t ceiling = (uint64_t)(LOG_SMALLEST + rand() % 4000);
		unsigned files = 2 + (unsigned)rand() % 4, told = 0, last = 0;
		struct dirent **names;
		size_t before = 0;
		int n;

		begin(ceiling, files);
		for (int batch = 0; batch < 40; batch++) {
			log_begin(&l, rand() % 2 ? "stdout" : "stderr");
			for (int records = 1 + rand() % 6; records > 0; records--) {
				size_t most = log_piece(&l) < sizeof(text) ? log_piece(&l) : sizeof(text);
				size_t length = 12 + (size_t)rand() % (most - 11), cut = (size_t)rand() % (length + 1);

				memset(text, 'x', length);
				snprintf(text, 12, "%010u", ++told);
				text[10] = ' ';
				text[11] = (char)(rand() % 2 ? 0 : 0xff);
				log_record(true, text, cut, text + cut, length - cut);
			}
			log_end();
		}
		assert(l.dropped_total == 0);
		n = scandir(dir, &names, is_log, by_order);
		assert(n > 0 && n <= (int)files);
		for (int i = 0; i < n; i++) {
			int fd = openat(l.dir, names[i]->d_name, O_RDONLY | O_CLOEXEC);
			ssize_t size = read(fd, file, sizeof(file));
			char *at = file;

			assert(size > 0 && (uint64_t)size <= ceiling);
			while (at < file + size) {
				char *end = memchr(at, '\n', (size_t)(file + size - at));
				unsigned number = (unsigned)strtoul(at + LOG_PREFIX, NULL, 10);

				assert(end && (last == 0 || number == last + 1));
				if (at == file && i > 0)
					assert(before + (size_t)(end - at) + 1 > ceiling);
				last = number;
				at = end + 1;
			}
			before = (size_t)size;
			close(fd);
			free(names[i]);
		}
		free(names);
		assert(last == told);
		end(ceiling);
	}
}

int main(void)
{
	umask(022);
	assert(mkdtemp(dir));
	a_record_that_just_fits_does_not_rotate_and_one_byte_more_does();
	only_so_many_files_are_kept_even_within_one_second();
	what_cannot_be_written_is_counted_and_told_later();
	links_and_foreign_names_are_left_alone();
	any_sizes_meet_the_ceiling_exactly();
	rmdir(dir);
	puts("test_log: 5 passed");
	return 0;
}
