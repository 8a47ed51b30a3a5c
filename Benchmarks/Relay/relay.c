// What it costs to move the packets of talking sessions and do nothing with them: the part of a gateway's work that no
// program gets round while a session has a TCP connection and a UDP socket of its own.
//
// One epoll loop. For each session a message of 20 ms of PCM comes over TCP, 50 a second, and 42 of them (as many as DTX
// lets through) leave as a datagram of an Opus packet's size; each datagram that comes leaves as a message. A second
// process is both far ends: it sends the messages, each session at its own time within the 20 ms, and passes the datagrams
// of a session on to its neighbour, from one port, as a room server does.
//
// Arguments: sessions (even), seconds, core of the relay, core of the far ends. Prints the relay's CPU time as JSON.

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    frames_a_second = 50,
    // Of 25 frames so many are silence that is not sent.
    silent_of_25 = 4,
    // WebSocket header and 20 ms of 16 bits at 16 kHz, masked, and at 24 kHz.
    message_up = 8 + 640,
    message_down = 4 + 960,
    // RTP with extensions, 53 bytes of Opus, the tag of AES-GCM.
    datagram = 12 + 8 + 53 + 16,
    most_sessions = 4096,
    events_a_turn = 256,
    warm_up_seconds = 1,
};

struct session {
    int tcp, udp;
    unsigned frames;
    size_t held;
};

static struct session sessions[most_sessions];
static int count;
static char buffer[1 << 16];

static int check(int result, const char *what) {
    if (result < 0) {
        perror(what);
        exit(1);
    }
    return result;
}

static void pin(int core) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(core, &set);
    check(sched_setaffinity(0, sizeof set, &set), "sched_setaffinity");
}

static double cpu_milliseconds(void) {
    struct timespec time;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return time.tv_sec * 1e3 + time.tv_nsec / 1e6;
}

static int64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * INT64_C(1000000000) + time.tv_nsec;
}

static struct sockaddr_in loopback(int port) {
    return (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

// A socket of that type at a port of the kernel's choice, which `address` names afterwards.
static int bound(int type, struct sockaddr_in *address) {
    int descriptor = check(socket(AF_INET, type | SOCK_NONBLOCK, 0), "socket");
    socklen_t length = sizeof *address;
    *address = loopback(0);
    check(bind(descriptor, (struct sockaddr *)address, length), "bind");
    check(getsockname(descriptor, (struct sockaddr *)address, &length), "getsockname");
    return descriptor;
}

static void watch(int queue, int descriptor, uint64_t name) {
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = name};
    check(epoll_ctl(queue, EPOLL_CTL_ADD, descriptor, &event), "epoll_ctl");
}

static void without_delay(int tcp) {
    int one = 1;
    check(setsockopt(tcp, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one), "TCP_NODELAY");
    check(fcntl(tcp, F_SETFL, O_NONBLOCK), "O_NONBLOCK");
}

// The two kinds of descriptors of a session.
#define TCP_OF(index) ((uint64_t)(index))
#define UDP_OF(index) ((uint64_t)(index) | UINT64_C(1) << 32)
#define IS_UDP(name) ((name) >> 32 == 1)
#define TIMER (UINT64_C(2) << 32)

// MARK: The relay

static void send_up(struct session *session, const struct sockaddr_in *room) {
    if (session->frames++ % 25 < silent_of_25) return;
    sendto(session->udp, buffer, datagram, 0, (const struct sockaddr *)room, sizeof *room);
}

static void relay(int listener, const struct sockaddr_in *room, int seconds) {
    int queue = check(epoll_create1(0), "epoll_create1");
    for (int i = 0; i < count; i++) {
        while ((sessions[i].tcp = accept(listener, NULL, NULL)) < 0) {
            if (errno != EAGAIN) check(-1, "accept");
            usleep(1000);
        }
        without_delay(sessions[i].tcp);
        watch(queue, sessions[i].tcp, TCP_OF(i));
        watch(queue, sessions[i].udp, UDP_OF(i));
    }
    long up = 0, down = 0, turns = 0;
    double used = 0;
    int64_t begin = now(), measured = 0, end = begin + (warm_up_seconds + seconds) * INT64_C(1000000000);
    while (now() < end) {
        struct epoll_event events[events_a_turn];
        int ready = epoll_wait(queue, events, events_a_turn, 100);
        if (!measured && now() >= begin + warm_up_seconds * INT64_C(1000000000)) {
            measured = now();
            used = cpu_milliseconds();
            up = down = turns = 0;
        }
        turns++;
        for (int i = 0; i < ready; i++) {
            struct session *session = &sessions[(uint32_t)events[i].data.u64];
            if (IS_UDP(events[i].data.u64)) {
                if (recv(session->udp, buffer, sizeof buffer, 0) < 0) continue;
                if (write(session->tcp, buffer, message_down) != message_down) check(-1, "the client does not read");
                down++;
                continue;
            }
            ssize_t length = read(session->tcp, buffer, sizeof buffer);
            if (length <= 0) check(-1, "the client has gone");
            // Messages may come in pieces, and several at once.
            for (session->held += length; session->held >= message_up; session->held -= message_up) {
                send_up(session, room);
                up++;
            }
        }
    }
    double milliseconds = cpu_milliseconds() - used, measured_seconds = (now() - measured) / 1e9;
    double each = count * measured_seconds;
    printf("{\"sessions\": %d, \"cpu_ms\": %.3f, \"messages_per_second\": %.2f, \"packets_per_second\": %.2f, "
           "\"turns_per_second\": %.2f}\n",
           count, milliseconds / each, up / each, down / each, turns / each);
}

// MARK: The far ends

static void far_ends(const struct sockaddr_in *gateway, int room, const struct sockaddr_in *ports) {
    static int index_of_port[1 << 16];
    int queue = check(epoll_create1(0), "epoll_create1");
    int timer = check(timerfd_create(CLOCK_MONOTONIC, 0), "timerfd_create");
    for (int i = 0; i < count; i++) {
        sessions[i].tcp = check(socket(AF_INET, SOCK_STREAM, 0), "socket");
        check(connect(sessions[i].tcp, (const struct sockaddr *)gateway, sizeof *gateway), "connect");
        without_delay(sessions[i].tcp);
        watch(queue, sessions[i].tcp, TCP_OF(i));
        index_of_port[ntohs(ports[i].sin_port)] = i;
    }
    watch(queue, room, UDP_OF(0));
    watch(queue, timer, TIMER);
    long step = 1000000000L / frames_a_second / count;
    struct itimerspec rhythm = {.it_interval.tv_nsec = step, .it_value.tv_nsec = step};
    check(timerfd_settime(timer, 0, &rhythm, NULL), "timerfd_settime");
    for (int next = 0;;) {
        struct epoll_event events[events_a_turn];
        int ready = epoll_wait(queue, events, events_a_turn, -1);
        for (int i = 0; i < ready; i++) {
            uint64_t name = events[i].data.u64, expired;
            if (name == TIMER) {
                if (read(timer, &expired, sizeof expired) != sizeof expired) continue;
                for (; expired > 0; expired--, next = (next + 1) % count) {
                    // Who cannot take it has ended.
                    if (write(sessions[next].tcp, buffer, message_up) < 0 && errno != EAGAIN) exit(0);
                }
            } else if (IS_UDP(name)) {
                struct sockaddr_in from;
                socklen_t length = sizeof from;
                ssize_t size = recvfrom(room, buffer, sizeof buffer, 0, (struct sockaddr *)&from, &length);
                if (size < 0) continue;
                const struct sockaddr_in *other = &ports[index_of_port[ntohs(from.sin_port)] ^ 1];
                sendto(room, buffer, size, 0, (const struct sockaddr *)other, sizeof *other);
            } else if (read(sessions[(uint32_t)name].tcp, buffer, sizeof buffer) == 0) {
                exit(0);
            }
        }
    }
}

int main(int argument_count, char **arguments) {
    if (argument_count != 5 || (count = atoi(arguments[1])) < 2 || count > most_sessions || count % 2) {
        fprintf(stderr, "usage: %s SESSIONS SECONDS CORE OTHER_CORE   (2 to %d sessions, an even number)\n",
                arguments[0], most_sessions);
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    struct sockaddr_in gateway, room;
    static struct sockaddr_in ports[most_sessions];
    int listener = bound(SOCK_STREAM, &gateway), room_socket = bound(SOCK_DGRAM, &room);
    check(listen(listener, most_sessions), "listen");
    for (int i = 0; i < count; i++) sessions[i].udp = bound(SOCK_DGRAM, &ports[i]);
    pid_t child = check(fork(), "fork");
    if (child == 0) {
        pin(atoi(arguments[4]));
        for (int i = 0; i < count; i++) close(sessions[i].udp);
        close(listener);
        far_ends(&gateway, room_socket, ports);
    }
    close(room_socket);
    pin(atoi(arguments[3]));
    relay(listener, &room, atoi(arguments[2]));
    kill(child, SIGTERM);
    wait(NULL);
    return 0;
}
