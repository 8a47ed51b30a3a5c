#include "session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- JSON: the members of the outermost object of a message, which the gateway writes without mistakes. */

static const char *skip_string(const char *at) {
    for (at++; *at && *at != '"'; at++)
        if (*at == '\\' && at[1]) at++;
    return *at ? at + 1 : at;
}

/* The value of a member, or NULL. */
static const char *member(const char *json, const char *name) {
    size_t size = strlen(name);
    int depth = 0;
    for (const char *at = json; *at;) {
        if (*at == '"') {
            const char *end = skip_string(at);
            if (depth == 1 && *end == ':' && (size_t)(end - at) == size + 2 && !memcmp(at + 1, name, size)) return end + 1;
            at = end;
            continue;
        }
        if (*at == '{' || *at == '[') depth++;
        if (*at == '}' || *at == ']') depth--;
        at++;
    }
    return NULL;
}

/* A string without its escapes (of \u only the sign that there was one), cut where `out` is full. False if there is none. */
static bool copy(const char *json, const char *name, char *out, size_t size) {
    const char *at = member(json, name);
    size_t length = 0;
    out[0] = 0;
    if (!at || *at != '"') return false;
    for (at++; *at && *at != '"' && length + 1 < size; at++) {
        char sign = *at;
        if (sign == '\\') {
            sign = *++at;
            if (!sign) break;
            if (sign == 'n') sign = '\n';
            if (sign == 'u') sign = '?', at += strnlen(at, 5) - 1;
        }
        out[length++] = sign;
    }
    out[length] = 0;
    return *at == '"';
}

/* --- The call */

void session_path(const struct session *session, const char *parameters, char *out, size_t size) {
    bool returns = session->token[0] != 0;
    snprintf(out, size, "/ws?%s%s%s", parameters, returns ? "&session=" : "", session->token);
}

static enum session_event answer(struct session *session, const char *text) {
    char id[65], method[16], payload[8], *end;
    copy(text, "id", id, sizeof id);
    copy(text, "method", method, sizeof method);
    copy(text, "payload", payload, sizeof payload);
    if (strpbrk(id, "\"\\")) return SESSION_NOTHING; /* nobody has such ids, and this one would have to be escaped */
    unsigned long volume = strtoul(payload, &end, 10);
    bool is_good = !strcmp(method, "volume") && end != payload && !*end && volume <= 100;
    if (is_good) session->volume = (unsigned)volume;
    snprintf(session->answer, sizeof session->answer, "{\"type\":\"rpc_%s\",\"id\":\"%s\"%s}",
        is_good ? "result" : "error", id, is_good ? "" : ",\"message\":\"volume is 0 to 100\"");
    return is_good ? SESSION_VOLUME : SESSION_ANSWER;
}

static enum session_event understand(struct session *session, const char *text) {
    char type[32];
    if (!copy(text, "type", type, sizeof type)) return SESSION_NOTHING;
    if (!strcmp(type, "session")) {
        const char *resumed = member(text, "resumed");
        session->attempts = 0;
        session->resumed = resumed && *resumed == 't';
        /* Half a token is none. */
        if (!copy(text, "resume_token", session->token, sizeof session->token)) session->token[0] = 0;
        return SESSION_NOTHING;
    }
    if (!strcmp(type, "agent_state")) {
        copy(text, "state", session->state, sizeof session->state);
        return SESSION_STATE;
    }
    if (!strcmp(type, "transcript")) {
        if (!copy(text, "delta", session->words, sizeof session->words))
            copy(text, "content", session->words, sizeof session->words);
        return SESSION_TEXT;
    }
    if (!strcmp(type, "interrupted")) return SESSION_INTERRUPTED;
    if (!strcmp(type, "rpc")) return answer(session, text);
    if (!strcmp(type, "move")) {
        copy(text, "resume_token", session->token, sizeof session->token);
        return SESSION_MOVE;
    }
    if (!strcmp(type, "error") || !strcmp(type, "closing") || !strcmp(type, "warning")) {
        copy(text, "message", session->words, sizeof session->words);
        return SESSION_TROUBLE;
    }
    return SESSION_NOTHING;
}

enum session_event session_take(struct session *session, const char *piece, size_t count, bool is_last) {
    size_t room = sizeof session->text - session->length;
    /* A message that is too long fills the buffer to its end, and stays so until its own. */
    memcpy(session->text + session->length, piece, count < room ? count : room);
    session->length += count < room ? count : room;
    if (!is_last) return SESSION_NOTHING;
    bool is_whole = session->length < sizeof session->text;
    if (is_whole) session->text[session->length] = 0;
    session->length = 0;
    return is_whole ? understand(session, session->text) : SESSION_NOTHING;
}

int session_lost(struct session *session, unsigned code, unsigned random) {
    session->length = 0;
    strcpy(session->state, "connecting");
    /* The call is over, the parameters or the key are wrong, or somebody else goes on with it. */
    static const unsigned final[] = {1000, 1002, 1003, 1007, 1008, 1009, 4400, 4401, 4403, 4408, 4409, 4504};
    for (size_t index = 0; index < sizeof final / sizeof *final; index++)
        if (code == final[index]) session->is_over = true;
    if (session->is_over) return -1;
    /* There is no such call any more: the next one is new. */
    if (code == 4410) session->token[0] = 0;
    /* 250 ms, 500 ms, … 8 s, and up to half as much again, so that a thousand devices do not come back at once. */
    unsigned delay = 250u << (session->attempts < 5 ? session->attempts : 5);
    session->attempts++;
    return (int)(delay + random % (delay / 2));
}

/* --- The ring */

void ring_write(struct ring *ring, const void *bytes, size_t count) {
    size_t room = sizeof ring->bytes - (ring->head - ring->tail);
    if (count > room) {
        ring->overflowed += count - room;
        count = room;
    }
    for (size_t index = 0; index < count; index++)
        ring->bytes[(ring->head + index) % sizeof ring->bytes] = ((const uint8_t *)bytes)[index];
    ring->head += count;
}

size_t ring_read(struct ring *ring, void *bytes, size_t count, uint8_t silence) {
    size_t there = ring->head - ring->tail;
    if (there > count) there = count;
    for (size_t index = 0; index < there; index++)
        ((uint8_t *)bytes)[index] = ring->bytes[(ring->tail + index) % sizeof ring->bytes];
    memset((uint8_t *)bytes + there, silence, count - there);
    ring->tail += there;
    return there;
}

void ring_clear(struct ring *ring) { ring->tail = ring->head; }
