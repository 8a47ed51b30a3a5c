/* What a small device has to know of a call: the words that matter to it, the token to come back with, and a ring of sound.
   No allocation, no operating system: talk.c uses it on Linux, ../esp32 on a microcontroller. */
#ifndef SESSION_H
#define SESSION_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a text message means to the device. */
enum session_event {
    SESSION_NOTHING,     /* more of the message is to come, or it is nothing for a device */
    SESSION_STATE,       /* `state` has changed: show it */
    SESSION_TEXT,        /* `words` are what somebody has said */
    SESSION_INTERRUPTED, /* drop what is queued for playback */
    SESSION_VOLUME,      /* the agent has set `volume`: send `answer` */
    SESSION_ANSWER,      /* the agent has called a method wrongly: send `answer` */
    SESSION_TROUBLE,     /* `words` say what is wrong */
    SESSION_MOVE,        /* the gateway goes: connect again with the token, then close this connection */
};

struct session {
    char token[2048];  /* of the call, to come back with; empty for a new one */
    char text[4096];   /* the message that comes; longer ones are passed over */
    size_t length;
    char state[16];    /* `connecting`, `listening`, `thinking`, `speaking`, … */
    char words[256];
    char answer[160];
    unsigned volume;   /* 0 to 100 */
    unsigned attempts; /* to connect, since it last worked */
    bool resumed;      /* the call has survived a connection */
    bool is_over;      /* do not connect again */
};

/* The path and query to connect to. `parameters` are as in docs/client-protocol.md. */
void session_path(const struct session *, const char *parameters, char *out, size_t size);

/* Takes a text message, or a piece of one. */
enum session_event session_take(struct session *, const char *piece, size_t count, bool is_last);

/* The connection has ended with this close code, 0 for none. Returns after how many ms to connect again; -1 for never. */
int session_lost(struct session *, unsigned code, unsigned random);

/* Sound that waits to be played. One thread writes and one reads. */
struct ring {
    uint8_t bytes[4096];
    volatile size_t head, tail; /* bytes that were ever written, and read */
    size_t overflowed;          /* bytes for which there was no room */
};

void ring_write(struct ring *, const void *bytes, size_t count);
/* Fills `bytes`; what is missing is `silence`. Returns how many bytes were there. */
size_t ring_read(struct ring *, void *bytes, size_t count, uint8_t silence);
void ring_clear(struct ring *);

#endif
