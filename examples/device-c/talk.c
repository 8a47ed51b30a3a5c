/* Talks to an agent from an embedded Linux box, with a ring of 4 KB for the agent's sound and a read buffer of 4 KB:

     cc -O2 talk.c session.c -lwebsockets -o talk
     arecord -q -t raw -f S16_LE -r 16000 | KEY=… ./talk voice.example.com 443 | aplay -q -t raw -f S16_LE -r 16000

   `./talk HOST PORT mulaw` is telephone quality at a quarter of the bytes (arecord and aplay then have -r 8000). Any other
   argument is more parameters (`room=kitchen&agent=clerk`). What happens is written to stderr. */
#include <fcntl.h>
#include <libwebsockets.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "session.h"

enum { FRAME_MS = 20, WAIT_FRAMES = 2, MAX_SAMPLES = 16000 * FRAME_MS / 1000 };

/* How it is dimensioned: what the gateway may send ahead (buffer_ms), and what is waited for before anything is played
   (WAIT_FRAMES), have to fit into the ring together, with a frame to spare: 60 + 40 + 20 ms at 16 kHz are 3840 bytes. */
static const char PARAMETERS[] =
    "frame_ms=20&buffer_ms=60&resume_audio_ms=2000&events=extended&transcript_mode=delta&methods=volume&identity=device";

static struct session session = {.volume = 100, .state = "connecting"};
static struct ring ring;
static bool is_mulaw, has_answer, is_leaving, has_room;
static int samples_per_frame = MAX_SAMPLES;
static const char *host, *more = "";
static int port;
static struct lws_context *context;
static struct lws *connection; /* NULL while there is none */
static lws_sorted_usec_list_t ticking, connecting;
static unsigned close_code;

/* A message on its way to the gateway, with the room in front that libwebsockets wants. */
static struct { unsigned char room[LWS_PRE], bytes[MAX_SAMPLES * 2]; size_t count; } microphone;

/* --- Telephone sound (ITU-T G.711) */

static uint8_t mulaw_of(int16_t sample) {
    int sign = sample < 0 ? 0x80 : 0, value = (sample < 0 ? -(int)sample : sample) + 132, exponent = 7;
    if (value > 32767) value = 32767;
    while (exponent > 0 && !(value & (0x80 << exponent))) exponent--;
    return (uint8_t)~(sign | exponent << 4 | ((value >> (exponent + 3)) & 15));
}

static int16_t sample_of(uint8_t mulaw) {
    mulaw = (uint8_t)~mulaw;
    int value = ((((mulaw & 15) << 3) + 132) << (mulaw >> 4 & 7)) - 132;
    return (int16_t)(mulaw & 0x80 ? -value : value);
}

/* --- Sound in and out, 20 ms at a time */

static void record(void) {
    static int16_t samples[MAX_SAMPLES];
    static size_t filled; /* bytes: a pipe gives what it has */
    size_t wanted = (size_t)samples_per_frame * 2;
    ssize_t got = read(STDIN_FILENO, (char *)samples + filled, wanted - filled);
    if (got > 0) filled += (size_t)got;
    if (filled < wanted) return;
    filled = 0;
    /* While there is no connection nobody is told anything; the gateway has said since when (`session`). */
    if (!connection || !has_room) return;
    if (is_mulaw)
        for (int index = 0; index < samples_per_frame; index++) microphone.bytes[index] = mulaw_of(samples[index]);
    else
        memcpy(microphone.bytes, samples, wanted);
    microphone.count = is_mulaw ? wanted / 2 : wanted;
    lws_callback_on_writable(connection);
}

static void play(void) {
    static bool is_playing;
    static int waited;
    static size_t told;
    uint8_t bytes[MAX_SAMPLES * 2];
    int16_t samples[MAX_SAMPLES];
    size_t size = (size_t)samples_per_frame * (is_mulaw ? 1 : 2), there = ring.head - ring.tail;
    /* A little is waited for, so that jitter of the network makes no holes; the end of a word is not held back. */
    if (!is_playing && there && (there >= WAIT_FRAMES * size || ++waited > WAIT_FRAMES)) is_playing = true;
    if (is_playing && !ring_read(&ring, bytes, size, is_mulaw ? 0xFF : 0)) is_playing = false;
    if (!is_playing) memset(bytes, is_mulaw ? 0xFF : 0, size);
    if (is_playing) waited = 0;
    for (int index = 0; index < samples_per_frame; index++) {
        int sample = is_mulaw ? sample_of(bytes[index]) : (int16_t)(bytes[2 * index] | bytes[2 * index + 1] << 8);
        samples[index] = (int16_t)(sample * (int)session.volume / 100);
    }
    if (write(STDOUT_FILENO, samples, (size_t)samples_per_frame * 2) < 0) session.is_over = true;
    if (ring.overflowed != told) fprintf(stderr, "overflow %zu\n", told = ring.overflowed);
}

static void tick(lws_sorted_usec_list_t *timer) {
    static lws_usec_t due;
    lws_usec_t now = lws_now_usecs();
    for (due = due && now - due < LWS_US_PER_SEC ? due : now; due <= now; due += FRAME_MS * LWS_US_PER_MS) {
        record();
        play();
    }
    lws_sul_schedule(context, 0, timer, tick, due - now);
}

/* --- The connection */

static void connect_again(lws_sorted_usec_list_t *timer) {
    (void)timer;
    /* A ping after 10 s of silence, and 5 s later the connection is taken for dead: a network that is gone says nothing. */
    static const lws_retry_bo_t duty = {.secs_since_valid_ping = 10, .secs_since_valid_hangup = 15};
    static char path[sizeof session.token + 640], parameters[512];
    const char *format = is_mulaw ? "encoding=mulaw&sample_rate=8000&output_encoding=mulaw&output_sample_rate=8000&"
                                  : "sample_rate=16000&output_sample_rate=16000&";
    snprintf(parameters, sizeof parameters, "%s%s&%s", format, PARAMETERS, more);
    session_path(&session, parameters, path, sizeof path);
    struct lws_client_connect_info to = {.context = context, .address = host, .host = host, .origin = NULL, .port = port,
        .path = path, .protocol = "voicegateway.v1", .retry_and_idle_policy = &duty, .pwsi = &connection,
        .ssl_connection = port == 443 ? LCCSCF_USE_SSL : 0};
    close_code = 0;
    is_leaving = has_answer = has_room = false;
    microphone.count = 0;
    lws_client_connect_via_info(&to); /* a failure is told by the callback */
}

static void lost(const char *why) {
    connection = NULL;
    int delay = session_lost(&session, close_code, (unsigned)rand());
    fprintf(stderr, "lost %u %s\n", close_code, why ? why : "");
    if (delay >= 0) lws_sul_schedule(context, 0, &connecting, connect_again, delay * LWS_US_PER_MS);
}

static void heed(enum session_event event) {
    switch (event) {
    case SESSION_STATE: fprintf(stderr, "state %s\n", session.state); break; /* light a lamp */
    case SESSION_TEXT: fprintf(stderr, "words %s\n", session.words); break;
    case SESSION_TROUBLE: fprintf(stderr, "trouble %s\n", session.words); break;
    case SESSION_INTERRUPTED:
        ring_clear(&ring);
        fprintf(stderr, "interrupted\n");
        break;
    case SESSION_VOLUME: fprintf(stderr, "volume %u\n", session.volume); /* falls through */
    case SESSION_ANSWER: has_answer = true; break;
    case SESSION_MOVE: is_leaving = true; break;
    case SESSION_NOTHING: return;
    }
    if (connection) lws_callback_on_writable(connection);
}

static int speak(struct lws *socket) {
    static unsigned char text[LWS_PRE + sizeof session.answer];
    if (is_leaving) {
        /* Not 1000, which would end the call. */
        lws_close_reason(socket, 4000, NULL, 0);
        return -1;
    }
    if (has_answer) {
        size_t size = strlen(session.answer);
        memcpy(text + LWS_PRE, session.answer, size);
        has_answer = false;
        if (lws_write(socket, text + LWS_PRE, size, LWS_WRITE_TEXT) < 0) return -1;
        lws_callback_on_writable(socket);
    } else if (microphone.count) {
        size_t size = microphone.count;
        microphone.count = 0;
        if (lws_write(socket, microphone.bytes, size, LWS_WRITE_BINARY) < 0) return -1;
    }
    return 0;
}

static int call(struct lws *socket, enum lws_callback_reasons reason, void *user, void *in, size_t length) {
    (void)user;
    switch (reason) {
    case LWS_CALLBACK_CLIENT_APPEND_HANDSHAKE_HEADER: {
        unsigned char **at = in, *end = *at + length;
        const char *key = getenv("KEY");
        const unsigned char *name = (const unsigned char *)"x-api-key:";
        return key && lws_add_http_header_by_name(socket, name, (const unsigned char *)key, (int)strlen(key), at, end) ? -1 : 0;
    }
    case LWS_CALLBACK_CLIENT_ESTABLISHED: has_room = true; break;
    case LWS_CALLBACK_CLIENT_RECEIVE:
        if (lws_frame_is_binary(socket)) {
            ring_write(&ring, in, length);
        } else {
            bool is_last = lws_is_final_fragment(socket) && !lws_remaining_packet_payload(socket);
            bool had_resumed = session.resumed;
            heed(session_take(&session, in, length, is_last));
            if (session.resumed && !had_resumed) fprintf(stderr, "resumed\n");
            session.resumed = false;
        }
        break;
    case LWS_CALLBACK_CLIENT_WRITEABLE: return speak(socket);
    case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE:
        if (length >= 2) close_code = (unsigned)((uint8_t *)in)[0] << 8 | ((uint8_t *)in)[1];
        break;
    case LWS_CALLBACK_CLIENT_CONNECTION_ERROR: lost(in); break;
    case LWS_CALLBACK_CLIENT_CLOSED: lost(NULL); break;
    default: break;
    }
    return 0;
}

int main(int count, char **arguments) {
    if (count < 3) return fprintf(stderr, "usage: %s HOST PORT [mulaw] [PARAMETERS]\n", arguments[0]), 2;
    host = arguments[1];
    port = atoi(arguments[2]);
    for (int index = 3; index < count; index++)
        if (strcmp(arguments[index], "mulaw")) more = arguments[index];
        else is_mulaw = true;
    if (is_mulaw) samples_per_frame = MAX_SAMPLES / 2;
    fcntl(STDIN_FILENO, F_SETFL, O_NONBLOCK);
    lws_set_log_level(LLL_ERR, NULL);
    struct lws_protocols protocols[] = {{"voicegateway.v1", call, 0, 4096, 0, NULL, 0}, {NULL, NULL, 0, 0, 0, NULL, 0}};
    struct lws_context_creation_info information = {.port = CONTEXT_PORT_NO_LISTEN, .protocols = protocols,
        .options = LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT, .pt_serv_buf_size = 4096};
    context = lws_create_context(&information);
    if (!context) return 1;
    srand((unsigned)lws_now_usecs());
    connect_again(NULL);
    tick(&ticking);
    while (!session.is_over && lws_service(context, 0) >= 0) {}
    lws_context_destroy(context);
    return 0;
}
