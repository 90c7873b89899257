/* A disk that can fail, between a program and the C library: LD_PRELOAD of the programs under test (see README.md).
 *
 * Every change below one directory is carried out and written down in a journal, from which power_cut.py works out what a power cut
 * may leave. Rules in a shared control page make calls fail, wait, lie or kill the process. Calls on other files are passed on.
 *
 *   FAULTS_DIR      the directory, absolute
 *   FAULTS_CONTROL  the control page, a file of at least sizeof(struct control) zeros; control.py writes it
 *   FAULTS_JOURNAL  file that is appended to: one line per call, "<monotonic ns> <call> <arguments, paths last, tab-separated>"
 *   FAULTS_GRAVES   directory on the same file system: unlinked files keep a link there, truncated ones a copy of their tail
 *
 * A sync does not reach the real disk: what is durable here is what the journal says. Info logs of RocksDB (LOG*) are left out, since
 * stdio writes them and nobody reads them, and so is the server's control.sock.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum { RULES = 8, FDS_MAX = 65536, LINE_MAX_BYTES = 3 * PATH_MAX };
enum call { OPEN = 1, WRITE = 2, SYNC = 4, READ = 8, RESIZE = 16, NAME = 32 };
enum class { WAL = 1, TABLE = 2, BLOB = 4, MANIFEST = 8, DIRECTORY = 16, OTHER = 32 };
enum action { NOTHING, FAIL, DELAY, HOLD, LIE, SHORT };

struct rule {
    _Atomic uint64_t calls, classes, action;
    _Atomic uint64_t argument; /* FAIL: errno; DELAY: microseconds */
    _Atomic uint64_t skip;     /* matching calls that pass first */
    _Atomic uint64_t left;     /* matching calls that are hit then; UINT64_MAX: all */
    _Atomic uint64_t hits;
};

struct control {
    _Atomic uint64_t count;   /* changes so far */
    _Atomic uint64_t kill_at; /* the process dies instead of making this change; 0: never */
    _Atomic uint64_t is_over; /* no change begins any more: the test is about to kill the process */
    _Atomic uint64_t is_changing;
    struct rule rules[RULES];
};

static struct control *control;
static const char *root, *graves;
static size_t root_bytes;
static int journal = -1;
static unsigned syncs, tails;
static pthread_mutex_t disk = PTHREAD_MUTEX_INITIALIZER; /* held while a change is made and written down, so that both agree */
static _Atomic unsigned char class_of[FDS_MAX];          /* by descriptor; 0: not ours */

#define REAL(name) \
    static __typeof__(&name) real; \
    if (!real) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

static void fatal(const char *what) {
    static const char text[] = "disk.c: cannot set up or go on: ";
    (void)!write(2, text, sizeof text - 1);
    (void)!write(2, what, strlen(what));
    (void)!write(2, "\n", 1);
    kill(getpid(), SIGABRT);
}

__attribute__((constructor)) static void start(void) {
    const char *directory = getenv("FAULTS_DIR"), *page = getenv("FAULTS_CONTROL"), *log = getenv("FAULTS_JOURNAL");
    if (!directory) return;
    graves = getenv("FAULTS_GRAVES");
    int fd = page ? open(page, O_RDWR | O_CLOEXEC) : -1;
    void *shared = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (shared == MAP_FAILED || !graves) fatal("FAULTS_CONTROL or FAULTS_GRAVES");
    close(fd);
    journal = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (journal < 0) fatal("FAULTS_JOURNAL");
    control = shared;
    root_bytes = strlen(directory);
    root = directory;
}

/* Paths and classes */

static const char *name_in(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* Gives the absolute path if the file is ours, in `out`. */
static const char *ours(int directory, const char *path, char *out) {
    if (!root || !path) return NULL;
    if (path[0] != '/') {
        char link[64], base[PATH_MAX];
        if (directory == AT_FDCWD) {
            if (!getcwd(base, sizeof base)) return NULL;
        } else {
            snprintf(link, sizeof link, "/proc/self/fd/%d", directory);
            ssize_t bytes = readlink(link, base, sizeof base - 1);
            if (bytes < 0) return NULL;
            base[bytes] = 0;
        }
        if (snprintf(out, PATH_MAX, "%s/%s", base, path) >= PATH_MAX) return NULL;
    } else if (snprintf(out, PATH_MAX, "%s", path) >= PATH_MAX) {
        return NULL;
    }
    if (strncmp(out, root, root_bytes) || (out[root_bytes] != '/' && out[root_bytes])) return NULL;
    return strncmp(name_in(out), "LOG", 3) && strcmp(name_in(out), "control.sock") ? out : NULL;
}

static int ends(const char *text, const char *end) {
    size_t bytes = strlen(text), tail = strlen(end);
    return bytes >= tail && !strcmp(text + bytes - tail, end);
}

static enum class class_at(const char *path) {
    const char *name = name_in(path);
    if (ends(name, ".log")) return WAL;
    if (ends(name, ".sst")) return TABLE;
    if (ends(name, ".blob")) return BLOB;
    if (!strncmp(name, "MANIFEST", 8)) return MANIFEST;
    return OTHER;
}

static enum class class_in(int fd) { return fd >= 0 && fd < FDS_MAX ? class_of[fd] : 0; }

static uint64_t inode(int fd) {
    struct stat status;
    return fstat(fd, &status) ? 0 : status.st_ino;
}

/* The journal */

static uint64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

static void note(const char *format, ...) {
    static char line[LINE_MAX_BYTES]; /* under the lock */
    REAL(write);
    int bytes = snprintf(line, sizeof line, "%llu ", (unsigned long long)now());
    va_list arguments;
    va_start(arguments, format);
    bytes += vsnprintf(line + bytes, sizeof line - bytes, format, arguments);
    va_end(arguments);
    line[bytes++] = '\n';
    if (real(journal, line, bytes) != bytes) fatal("write the journal");
}

/* Begins a change: takes the lock and counts; the process may end here. */
static void begin(void) {
    pthread_mutex_lock(&disk);
    control->is_changing = 1;
    if (control->is_over) {
        control->is_changing = 0;
        for (;;) pause();
    }
    uint64_t number = ++control->count;
    if (number == control->kill_at) {
        note("cut");
        kill(getpid(), SIGKILL);
        for (;;) pause();
    }
}

/* Ends a change without touching errno. */
static void end(void) {
    control->is_changing = 0;
    pthread_mutex_unlock(&disk);
}

/* Rules */

static struct rule *matching(enum call call, enum class class, enum action action) {
    static pthread_mutex_t counting = PTHREAD_MUTEX_INITIALIZER;
    struct rule *found = NULL;
    pthread_mutex_lock(&counting);
    for (struct rule *rule = control->rules; rule < control->rules + RULES && !found; rule++) {
        if (rule->action != action || !(rule->calls & call) || !(rule->classes & class) || !rule->left) continue;
        if (rule->skip) {
            rule->skip--;
            continue;
        }
        if (rule->left != UINT64_MAX) rule->left--;
        rule->hits++;
        found = rule;
    }
    pthread_mutex_unlock(&counting);
    return found;
}

/* Waits as long as rules say; then says whether the call fails, with errno. */
static int fails(enum call call, enum class class) {
    struct rule *rule = matching(call, class, DELAY);
    if (rule) usleep(rule->argument);
    rule = matching(call, class, HOLD);
    while (rule && rule->action == HOLD) usleep(1000);
    rule = matching(call, class, FAIL);
    if (rule) errno = (int)rule->argument;
    return rule != NULL;
}

/* Opening and closing */

static int exists(const char *path) {
    struct stat status;
    return !lstat(path, &status);
}

/* Keeps a copy of what a truncation takes away, and writes the truncation down. */
static void note_truncation(int fd, uint64_t bytes) {
    struct stat status;
    if (fstat(fd, &status)) fatal("fstat");
    unsigned number = ++tails;
    if ((uint64_t)status.st_size > bytes) {
        char path[PATH_MAX], from[64], block[65536];
        REAL(write);
        snprintf(path, sizeof path, "%s/tail-%u", graves, number);
        snprintf(from, sizeof from, "/proc/self/fd/%d", fd);
        int out = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600), in = open(from, O_RDONLY | O_CLOEXEC);
        ssize_t got;
        for (off_t at = bytes; (got = pread(in, block, sizeof block, at)) > 0; at += got)
            if (real(out, block, got) != got) fatal("keep a tail");
        close(in);
        close(out);
    }
    note("truncate %llu %llu %llu tail-%u", (unsigned long long)status.st_ino, (unsigned long long)bytes,
         (unsigned long long)status.st_size, number);
}

static int opened(int directory, const char *path, int flags, mode_t mode) {
    REAL(openat);
    static __typeof__(&ftruncate64) shorten;
    if (!shorten) shorten = (__typeof__(&ftruncate64))dlsym(RTLD_NEXT, "ftruncate64");
    char full[PATH_MAX];
    /* With O_DIRECTORY it is opened to be listed. */
    if (!ours(directory, path, full) || flags & O_DIRECTORY) return real(directory, path, flags, mode);
    enum class class = class_at(full);
    int writes = (flags & O_ACCMODE) != O_RDONLY;
    if (writes && fails(OPEN, class)) return -1;
    if (writes) begin();
    int is_new = (flags & O_CREAT) && !exists(full);
    /* Truncated only after its tail was kept. */
    int fd = real(directory, path, is_new ? flags : flags & ~O_TRUNC, mode);
    if (fd >= FDS_MAX) fatal("too many descriptors");
    if (fd >= 0) {
        struct stat status;
        fstat(fd, &status);
        class_of[fd] = S_ISDIR(status.st_mode) ? DIRECTORY : class;
        if (is_new) note("create %llu %s", (unsigned long long)status.st_ino, full);
        if (!is_new && writes && (flags & O_TRUNC)) {
            note_truncation(fd, 0);
            if (shorten(fd, 0)) fatal("truncate");
        }
    }
    if (writes) end();
    return fd;
}

#define MODE(flags, last) \
    mode_t mode = 0; \
    if ((flags) & (O_CREAT | __O_TMPFILE)) { \
        va_list list; \
        va_start(list, last); \
        mode = va_arg(list, mode_t); \
        va_end(list); \
    }

int open(const char *path, int flags, ...) { MODE(flags, flags) return opened(AT_FDCWD, path, flags, mode); }
int open64(const char *path, int flags, ...) { MODE(flags, flags) return opened(AT_FDCWD, path, flags, mode); }
int openat(int directory, const char *path, int flags, ...) { MODE(flags, flags) return opened(directory, path, flags, mode); }
int openat64(int directory, const char *path, int flags, ...) { MODE(flags, flags) return opened(directory, path, flags, mode); }
int creat(const char *path, mode_t mode) { return opened(AT_FDCWD, path, O_WRONLY | O_CREAT | O_TRUNC, mode); }
int creat64(const char *path, mode_t mode) { return opened(AT_FDCWD, path, O_WRONLY | O_CREAT | O_TRUNC, mode); }

int close(int fd) {
    REAL(close);
    if (class_in(fd)) class_of[fd] = 0;
    return real(fd);
}

/* Closes the descriptor within the C library. */
int fclose(FILE *file) {
    REAL(fclose);
    int fd = fileno(file);
    if (class_in(fd)) class_of[fd] = 0;
    return real(file);
}

int dup(int fd) {
    REAL(dup);
    int copy = real(fd);
    if (copy >= 0 && copy < FDS_MAX) class_of[copy] = class_in(fd);
    return copy;
}

/* Writing */

static ssize_t written(int fd, const void *bytes, size_t count, off_t at) {
    REAL(pwrite64);
    enum class class = class_in(fd);
    if (fails(WRITE, class)) return -1;
    if (count > 1 && matching(WRITE, class, SHORT)) count /= 2;
    begin();
    int is_sequential = at < 0;
    if (is_sequential) at = fcntl(fd, F_GETFL) & O_APPEND ? lseek(fd, 0, SEEK_END) : lseek(fd, 0, SEEK_CUR);
    ssize_t done = real(fd, bytes, count, at);
    int error = errno;
    if (done > 0) {
        if (is_sequential) lseek(fd, at + done, SEEK_SET);
        note("write %llu %lld %zd", (unsigned long long)inode(fd), (long long)at, done);
    }
    end();
    errno = error;
    return done;
}

ssize_t write(int fd, const void *bytes, size_t count) {
    REAL(write);
    return class_in(fd) ? written(fd, bytes, count, -1) : real(fd, bytes, count);
}

ssize_t pwrite64(int fd, const void *bytes, size_t count, off64_t at) {
    REAL(pwrite64);
    return class_in(fd) ? written(fd, bytes, count, at) : real(fd, bytes, count, at);
}

ssize_t pwrite(int fd, const void *bytes, size_t count, off_t at) { return pwrite64(fd, bytes, count, at); }

/* Only the first part is written: callers have to go on after a short write. */
ssize_t writev(int fd, const struct iovec *parts, int count) {
    REAL(writev);
    return class_in(fd) && count > 0 ? written(fd, parts[0].iov_base, parts[0].iov_len, -1) : real(fd, parts, count);
}

ssize_t pwritev64(int fd, const struct iovec *parts, int count, off64_t at) {
    REAL(pwritev64);
    return class_in(fd) && count > 0 ? written(fd, parts[0].iov_base, parts[0].iov_len, at) : real(fd, parts, count, at);
}

ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t at) { return pwritev64(fd, parts, count, at); }

static int resized(int fd, off64_t bytes) {
    REAL(ftruncate64);
    if (!class_in(fd)) return real(fd, bytes);
    if (fails(RESIZE, class_in(fd))) return -1;
    begin();
    note_truncation(fd, bytes);
    int outcome = real(fd, bytes);
    end();
    return outcome;
}

int ftruncate64(int fd, off64_t bytes) { return resized(fd, bytes); }
int ftruncate(int fd, off_t bytes) { return resized(fd, bytes); }

int fallocate64(int fd, int mode, off64_t from, off64_t bytes) {
    REAL(fallocate64);
    if (class_in(fd) && fails(RESIZE, class_in(fd))) return -1;
    if (class_in(fd) && !(mode & FALLOC_FL_KEEP_SIZE)) fatal("fallocate changes the size of a file, which is not modelled");
    return real(fd, mode, from, bytes);
}

int fallocate(int fd, int mode, off_t from, off_t bytes) { return fallocate64(fd, mode, from, bytes); }

int posix_fallocate64(int fd, off64_t from, off64_t bytes) {
    REAL(posix_fallocate64);
    if (class_in(fd)) fatal("posix_fallocate changes the size of a file, which is not modelled");
    return real(fd, from, bytes);
}

int posix_fallocate(int fd, off_t from, off_t bytes) { return posix_fallocate64(fd, from, bytes); }

void *mmap64(void *address, size_t bytes, int protection, int flags, int fd, off64_t from) {
    REAL(mmap64);
    int is_write = (flags & MAP_SHARED) && (protection & PROT_WRITE);
    if (fd >= 0 && class_in(fd) && is_write) fatal("writes through a mapping are not modelled");
    return real(address, bytes, protection, flags, fd, from);
}

void *mmap(void *address, size_t bytes, int protection, int flags, int fd, off_t from) {
    return mmap64(address, bytes, protection, flags, fd, from);
}

/* Syncing. A failed sync may lose what it was to save for good, also if a later one succeeds: the journal says so. */

static int synced(int fd) {
    enum class class = class_in(fd);
    begin();
    unsigned number = ++syncs;
    unsigned long long file = inode(fd);
    note("sync %u %llu", number, file);
    end();
    int has_failed = fails(SYNC, class), error = errno;
    int lies = !has_failed && matching(SYNC, class, LIE);
    begin();
    note(has_failed ? "sync-failed %u %llu" : lies ? "sync-lied %u %llu" : "synced %u %llu", number, file);
    end();
    errno = error;
    return has_failed ? -1 : 0;
}

int fsync(int fd) {
    REAL(fsync);
    return class_in(fd) ? synced(fd) : real(fd);
}

int fdatasync(int fd) {
    REAL(fdatasync);
    return class_in(fd) ? synced(fd) : real(fd);
}

/* Starts writing and promises nothing. */
int sync_file_range(int fd, off64_t from, off64_t bytes, unsigned flags) {
    REAL(sync_file_range);
    return class_in(fd) ? 0 : real(fd, from, bytes, flags);
}

/* Reading */

#define READING(call) return class_in(fd) && fails(READ, class_in(fd)) ? -1 : (call)

ssize_t read(int fd, void *bytes, size_t count) {
    REAL(read);
    READING(real(fd, bytes, count));
}

ssize_t pread64(int fd, void *bytes, size_t count, off64_t at) {
    REAL(pread64);
    READING(real(fd, bytes, count, at));
}

ssize_t pread(int fd, void *bytes, size_t count, off_t at) { return pread64(fd, bytes, count, at); }

/* Names. What loses its last name keeps a link, so that a cut can bring it back. */

static void bury(const char *path) {
    REAL(link);
    struct stat status;
    char grave[PATH_MAX];
    if (lstat(path, &status) || !S_ISREG(status.st_mode)) return;
    snprintf(grave, sizeof grave, "%s/%llu", graves, (unsigned long long)status.st_ino);
    if (real(path, grave) && errno != EEXIST) fatal("bury");
}

int rename(const char *from, const char *to) {
    REAL(rename);
    char full_from[PATH_MAX], full_to[PATH_MAX];
    if (!ours(AT_FDCWD, from, full_from) || !ours(AT_FDCWD, to, full_to)) return real(from, to);
    if (fails(NAME, class_at(full_to))) return -1;
    begin();
    bury(full_to);
    int outcome = real(from, to);
    if (!outcome) note("rename %s\t%s", full_from, full_to);
    end();
    return outcome;
}

int link(const char *from, const char *to) {
    REAL(link);
    char full[PATH_MAX];
    if (ours(AT_FDCWD, to, full)) fatal("link is not modelled");
    return real(from, to);
}

int unlinkat(int directory, const char *path, int flags) {
    REAL(unlinkat);
    char full[PATH_MAX];
    if (!ours(directory, path, full)) return real(directory, path, flags);
    if (fails(NAME, class_at(full))) return -1;
    begin();
    bury(full);
    int outcome = real(directory, path, flags);
    if (!outcome) note("unlink %s", full);
    end();
    return outcome;
}

int unlink(const char *path) { return unlinkat(AT_FDCWD, path, 0); }
int rmdir(const char *path) { return unlinkat(AT_FDCWD, path, AT_REMOVEDIR); }

int mkdir(const char *path, mode_t mode) {
    REAL(mkdir);
    char full[PATH_MAX];
    if (!ours(AT_FDCWD, path, full)) return real(path, mode);
    if (fails(NAME, OTHER)) return -1;
    begin();
    int outcome = real(path, mode), error = errno;
    struct stat status;
    if (!outcome && !lstat(full, &status)) note("mkdir %llu %s", (unsigned long long)status.st_ino, full);
    end();
    errno = error;
    return outcome;
}
