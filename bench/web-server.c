// The app that the bench updates: every answer names the app, its release, its mode and its container.
// The mode (MODE) says in which way it is no good; "good" is none.

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

static const char *app, *release, *mode;
static char container[65], headers[512];

static int is(const char *name) { return strcmp(mode, name) == 0; }
static void nap(long ms) { usleep((useconds_t)ms * 1000); }

static long now(void) {
  struct timeval t;
  gettimeofday(&t, NULL);
  return t.tv_sec * 1000L + t.tv_usec / 1000;
}

static int put(int fd, const void *data, size_t length) {
  for (const char *at = data; length > 0;) {
    ssize_t sent = send(fd, at, length, MSG_NOSIGNAL);
    if (sent <= 0) return 0;
    at += sent;
    length -= (size_t)sent;
  }
  return 1;
}

static int puts_to(int fd, const char *text) { return put(fd, text, strlen(text)); }

static int answer(int fd, const char *status, const char *more, const char *body) {
  char text[2048];
  snprintf(text, sizeof text, "HTTP/1.1 %s\r\n%s%sContent-Length: %zu\r\n\r\n%s", status, headers, more, strlen(body), body);
  return puts_to(fd, text);
}

static int chunk(int fd, const void *data, size_t length) {
  char head[32];
  snprintf(head, sizeof head, "%zx\r\n", length);
  return puts_to(fd, head) && put(fd, data, length) && puts_to(fd, "\r\n");
}

static int begin_chunks(int fd, const char *status, const char *type) {
  char text[1024];
  snprintf(text, sizeof text, "HTTP/1.1 %s\r\n%sContent-Type: %s\r\nTransfer-Encoding: chunked\r\n\r\n", status, headers, type);
  return puts_to(fd, text);
}

/** What is put into the container's own file is there after a restart too. */
static int is_spoilt(void) {
  char said[7] = "";
  FILE *file = fopen("/state", "r");
  if (!file) return 0;
  size_t length = fread(said, 1, 6, file);
  fclose(file);
  return length == 6 && strcmp(said, "spoilt") == 0;
}

/** 64 chunks of 8 KiB, evenly over the time. */
static int download(int fd, long lasts) {
  unsigned char part[8192];
  if (!begin_chunks(fd, "200 OK", "application/octet-stream")) return 0;
  for (unsigned n = 0; n < 64; n += 1) {
    for (unsigned i = 0; i < sizeof part; i += 1) part[i] = (unsigned char)(n * 31 + i * 7);
    if (!chunk(fd, part, sizeof part)) return 0;
    nap(lasts / 64);
  }
  return puts_to(fd, "0\r\n\r\n");
}

/** One event each 100 ms, and a last one that says so. */
static int events(int fd, long lasts) {
  char text[256];
  if (!begin_chunks(fd, "200 OK", "text/event-stream")) return 0;
  long end = now() + lasts;
  for (unsigned n = 0; now() < end; n += 1, nap(100)) {
    snprintf(text, sizeof text, "id: %u\ndata: %s %s\n\n", n, app, release);
    if (!chunk(fd, text, strlen(text))) return 0;
  }
  return chunk(fd, "event: end\ndata: end\n\n", 22) && puts_to(fd, "0\r\n\r\n");
}

static uint32_t roll(uint32_t x, int by) { return (x << by) | (x >> (32 - by)); }

/** SHA-1 of fewer than 120 bytes: what RFC 6455 wants of a handshake. */
static void sha1(const char *text, unsigned char out[20]) {
  uint32_t h[5] = {0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476, 0xC3D2E1F0}, w[80];
  unsigned char data[128] = {0};
  size_t length = strlen(text), blocks = (length + 8) / 64 + 1;
  memcpy(data, text, length);
  data[length] = 0x80;
  for (int i = 0; i < 4; i += 1) data[blocks * 64 - 1 - i] = (unsigned char)((length * 8) >> (8 * i));
  for (size_t b = 0; b < blocks; b += 1) {
    for (int i = 0; i < 16; i += 1) {
      const unsigned char *p = data + b * 64 + i * 4;
      w[i] = (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
    }
    for (int i = 16; i < 80; i += 1) w[i] = roll(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
    uint32_t a = h[0], c1 = h[1], c = h[2], d = h[3], e = h[4];
    for (int i = 0; i < 80; i += 1) {
      uint32_t f = i < 20 ? (c1 & c) | (~c1 & d) : i < 40 ? c1 ^ c ^ d : i < 60 ? (c1 & c) | (c1 & d) | (c & d) : c1 ^ c ^ d;
      uint32_t k = i < 20 ? 0x5A827999 : i < 40 ? 0x6ED9EBA1 : i < 60 ? 0x8F1BBCDC : 0xCA62C1D6;
      uint32_t t = roll(a, 5) + f + e + k + w[i];
      e = d, d = c, c = roll(c1, 30), c1 = a, a = t;
    }
    h[0] += a, h[1] += c1, h[2] += c, h[3] += d, h[4] += e;
  }
  for (int i = 0; i < 20; i += 1) out[i] = (unsigned char)(h[i / 4] >> (24 - 8 * (i % 4)));
}

static void base64(const unsigned char in[20], char out[29]) {
  const char *letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  unsigned char data[21] = {0};
  memcpy(data, in, 20);
  for (int i = 0; i < 7; i += 1) {
    uint32_t three = (uint32_t)data[i * 3] << 16 | (uint32_t)data[i * 3 + 1] << 8 | data[i * 3 + 2];
    for (int j = 0; j < 4; j += 1) out[i * 4 + j] = letters[(three >> (18 - 6 * j)) & 63];
  }
  out[27] = '=', out[28] = 0;
}

static int frame(int fd, unsigned char kind, const void *data, size_t length) {
  unsigned char text[128] = {(unsigned char)(0x80 | kind), (unsigned char)length};
  memcpy(text + 2, data, length);
  return put(fd, text, length + 2);
}

/** Exactly `length` bytes, or nothing. */
static int take(int fd, void *data, size_t length) {
  return length == 0 || recv(fd, data, length, MSG_WAITALL) == (ssize_t)length;
}

/** Sends each short text frame back, and one of its own each 100 ms; closes by itself with 1000. */
static void socket_of(int fd, const char *key, long lasts) {
  char text[512], accept[29];
  unsigned char digest[20];
  snprintf(text, sizeof text, "%.60s258EAFA5-E914-47DA-95CA-C5AB0DC85B11", key);
  sha1(text, digest);
  base64(digest, accept);
  char head[1024];
  snprintf(head, sizeof head, "HTTP/1.1 101 Switching Protocols\r\n%sUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n", headers, accept);
  if (!puts_to(fd, head)) return;
  struct timeval pause = {0, 100000};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &pause, sizeof pause);
  long end = now() + lasts, next = now();
  for (unsigned n = 0; now() < end;) {
    if (now() >= next) {
      snprintf(text, sizeof text, "tick %u %s %s", n, app, release);
      if (!frame(fd, 1, text, strlen(text))) return;
      n += 1;
      next += 100;
    }
    unsigned char in[132];
    ssize_t got = recv(fd, in, 1, 0);
    if (got == 0) return;
    if (got < 0) continue;
    if (!take(fd, in + 1, 1)) return;
    size_t length = in[1] & 127;
    if (!(in[1] & 128) || length > 120 || !take(fd, in + 2, 4 + length)) return;
    for (size_t i = 0; i < length; i += 1) in[6 + i] ^= in[2 + i % 4];
    if ((in[0] & 15) == 8) return;
    if (!frame(fd, 1, in + 6, length)) return;
  }
  frame(fd, 8, "\x03\xe8", 2);
  // The other side closes, as RFC 6455 has it; a reset could overtake what was sent.
  while (recv(fd, text, sizeof text, 0) > 0) continue;
}

/** A body without an end, as fast as it is read, or drop by drop. */
static int endless(int fd, const char *status, long pause) {
  char part[4096];
  memset(part, 'x', sizeof part);
  if (!begin_chunks(fd, status, "text/plain")) return 0;
  while (chunk(fd, part, pause ? 8 : sizeof part)) nap(pause);
  return 0;
}

/** When it was first asked, for its health and for a page: what comes after that does not hang on how fast a machine is. */
static long first_health, first_page;

static int health(int fd, long age) {
  // Asked once at least, whatever the machine does.
  if (!first_health && is("restart-loop")) alarm(1);
  if (!first_health) first_health = now();
  if (is_spoilt() || is("never-healthy") || is("restart-loop")) return answer(fd, "503 Service Unavailable", "", "not well");
  if (is("flapping") && age / 400 % 2) return answer(fd, "503 Service Unavailable", "", "not now");
  if (is("sick-later") && first_page && now() - first_page > 1000) return answer(fd, "503 Service Unavailable", "", "not any more");
  if (is("redirecting-health")) return answer(fd, "302 Found", "Location: /\r\n", "elsewhere");
  if (is("silent-health")) return nap(60000), 0;
  if (is("dripping-health")) return endless(fd, "200 OK", 100);
  if (is("huge-bad-health")) return endless(fd, "503 Service Unavailable", 0);
  if (is("huge-good-health")) return endless(fd, "200 OK", 0);
  return answer(fd, "200 OK", "", "well");
}

static long begun;

/** False when the connection is over. */
static int serve(int fd, char *request) {
  char path[256] = "/", key[128] = "", body[256];
  sscanf(request, "GET %255s", path);
  const char *found = strcasestr(request, "\r\nSec-WebSocket-Key:");
  if (found) sscanf(found + 20, " %127s", key);
  const char *wanted = strstr(path, "?for=");
  long lasts = wanted ? atol(wanted + 5) : 1000;
  if (strncmp(path, "/health", 7) == 0) return health(fd, now() - begun);
  if (is_spoilt()) return answer(fd, "503 Service Unavailable", "", "spoilt");
  if (!first_page) first_page = now();
  if (strncmp(path, "/download", 9) == 0) return download(fd, lasts);
  if (strncmp(path, "/events", 7) == 0) return events(fd, lasts);
  if (strncmp(path, "/socket", 7) == 0) return socket_of(fd, key, lasts), 0;
  snprintf(body, sizeof body, "bench release %s\n", release);
  return answer(fd, "200 OK", "", body);
}

static void *connection(void *argument) {
  int fd = (int)(intptr_t)argument;
  char request[8192];
  size_t length = 0;
  int yes = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  for (;;) {
    ssize_t got = recv(fd, request + length, sizeof request - 1 - length, 0);
    if (got <= 0) break;
    length += (size_t)got;
    request[length] = 0;
    if (!strstr(request, "\r\n\r\n")) {
      if (length == sizeof request - 1) break;
      continue;
    }
    // No client of the bench sends a body, or the next request before the answer.
    length = 0;
    if (!serve(fd, request)) break;
  }
  close(fd);
  return NULL;
}

static void leave(int number) {
  (void)number;
  _exit(0);
}

static void fall(int number) {
  (void)number;
  _exit(1);
}

static const char *setting(const char *name, const char *otherwise) {
  const char *value = getenv(name);
  return value ? value : otherwise;
}

int main(void) {
  app = setting("APP", "web");
  release = setting("RELEASE", "0");
  mode = setting("MODE", "good");
  begun = now();
  gethostname(container, sizeof container - 1);
  snprintf(headers, sizeof headers, "X-App: %.64s\r\nX-Release: %.32s\r\nX-Mode: %.32s\r\nX-Container: %s\r\n", app, release, mode, container);
  printf("%s release %s is %s\n", app, release, mode);
  fflush(stdout);
  // The kernel gives the first process of a container no signal that it does not ask for.
  if (!is("deaf")) signal(SIGTERM, leave);
  if (is("exits")) return 3;
  if (is("exits-zero")) return nap(300), 0;
  if (is("slow")) nap(2500);
  int listener = socket(AF_INET, SOCK_STREAM, 0), yes = 1;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(8080)};
  if (bind(listener, (struct sockaddr *)&any, sizeof any) != 0) return perror("bind"), 1;
  // "not-listening" has the port, and answers nobody.
  if (!is("not-listening") && listen(listener, 256) != 0) return perror("listen"), 1;
  pthread_attr_t small;
  pthread_attr_init(&small);
  pthread_attr_setdetachstate(&small, PTHREAD_CREATE_DETACHED);
  pthread_attr_setstacksize(&small, 128 * 1024);
  if (is("restart-loop")) signal(SIGALRM, fall);
  for (;;) {
    if (is("not-listening")) pause();
    int fd = accept(listener, NULL, NULL);
    if (fd < 0) continue;
    pthread_t thread;
    if (pthread_create(&thread, &small, connection, (void *)(intptr_t)fd) != 0) close(fd);
  }
}
