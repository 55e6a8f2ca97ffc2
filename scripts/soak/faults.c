/* Injects faults below a process: LD_PRELOAD this library, and write what it shall do into the file $SOAK_CONTROL.
 *
 * The control file is six 64-bit numbers: an offset of the clock (ns), failing writes of a million, their errno, failing reads
 * of a million, their errno, and the faults that were injected. Only files below $SOAK_DIRECTORY are touched. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

typedef struct {
  volatile int64_t clock_ns, write_ppm, write_errno, read_ppm, read_errno, injected;
} control;

static control *shared;
static const char *directory;
static size_t length;

__attribute__((constructor)) static void begin(void) {
  const char *path = getenv("SOAK_CONTROL");
  directory = getenv("SOAK_DIRECTORY");
  if (path == NULL || directory == NULL) return;
  length = strlen(directory);
  int fd = open(path, O_RDWR);
  if (fd < 0) return;
  void *at = mmap(NULL, sizeof(control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (at != MAP_FAILED) shared = at;
  close(fd);
}

static int is_ours(int fd) {
  char link[40], path[4096];
  const char digits[] = "0123456789";
  char number[12];
  int n = 0, value = fd;
  if (fd < 3) return 0;
  do number[n++] = digits[value % 10]; while ((value /= 10) > 0);
  strcpy(link, "/proc/self/fd/");
  size_t end = strlen(link);
  while (n > 0) link[end++] = number[--n];
  link[end] = 0;
  ssize_t size = readlink(link, path, sizeof(path) - 1);
  return size > (ssize_t)length && strncmp(path, directory, length) == 0;
}

static __thread uint64_t state;

static int fails(int64_t ppm, int64_t error, int fd) {
  if (shared == NULL || ppm == 0) return 0;
  if (state == 0) state = (uint64_t)(uintptr_t)&state ^ (uint64_t)getpid() * 0x9E3779B97F4A7C15ull;
  state ^= state << 13; state ^= state >> 7; state ^= state << 17;
  if ((int64_t)(state % 1000000) >= ppm || !is_ours(fd)) return 0;
  __atomic_fetch_add(&shared->injected, 1, __ATOMIC_RELAXED);
  errno = (int)error;
  return 1;
}

#define REAL(name) static __typeof__(&name) real; if (real == NULL) real = dlsym(RTLD_NEXT, #name)
#define WRITES(fd) if (shared != NULL && fails(shared->write_ppm, shared->write_errno, fd)) return -1
#define READS(fd) if (shared != NULL && fails(shared->read_ppm, shared->read_errno, fd)) return -1

ssize_t write(int fd, const void *b, size_t n) { REAL(write); WRITES(fd); return real(fd, b, n); }
ssize_t pwrite(int fd, const void *b, size_t n, off_t o) { REAL(pwrite); WRITES(fd); return real(fd, b, n, o); }
ssize_t pwrite64(int fd, const void *b, size_t n, off64_t o) { REAL(pwrite64); WRITES(fd); return real(fd, b, n, o); }
ssize_t writev(int fd, const struct iovec *v, int n) { REAL(writev); WRITES(fd); return real(fd, v, n); }
ssize_t pwritev(int fd, const struct iovec *v, int n, off_t o) { REAL(pwritev); WRITES(fd); return real(fd, v, n, o); }
ssize_t pwritev64(int fd, const struct iovec *v, int n, off64_t o) { REAL(pwritev64); WRITES(fd); return real(fd, v, n, o); }
int fsync(int fd) { REAL(fsync); WRITES(fd); return real(fd); }
int fdatasync(int fd) { REAL(fdatasync); WRITES(fd); return real(fd); }
ssize_t read(int fd, void *b, size_t n) { REAL(read); READS(fd); return real(fd, b, n); }
ssize_t pread(int fd, void *b, size_t n, off_t o) { REAL(pread); READS(fd); return real(fd, b, n, o); }
ssize_t pread64(int fd, void *b, size_t n, off64_t o) { REAL(pread64); READS(fd); return real(fd, b, n, o); }
ssize_t preadv64(int fd, const struct iovec *v, int n, off64_t o) { REAL(preadv64); READS(fd); return real(fd, v, n, o); }

static void moved(struct timespec *at) {
  int64_t ns = (int64_t)at->tv_nsec + shared->clock_ns % 1000000000;
  at->tv_sec += shared->clock_ns / 1000000000 + (ns >= 1000000000) - (ns < 0);
  at->tv_nsec = (ns + 1000000000) % 1000000000;
}

int clock_gettime(clockid_t clock, struct timespec *at) {
  REAL(clock_gettime);
  int result = real(clock, at);
  if (result == 0 && shared != NULL && shared->clock_ns != 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) moved(at);
  return result;
}

int gettimeofday(struct timeval *at, void *zone) {
  (void)zone;
  struct timespec exact;
  int result = clock_gettime(CLOCK_REALTIME, &exact);
  at->tv_sec = exact.tv_sec;
  at->tv_usec = exact.tv_nsec / 1000;
  return result;
}
