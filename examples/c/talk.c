/* Types to the agent and prints what happens: cc talk.c -lwebsockets && ./a.out */
#include <libwebsockets.h>
#include <stdio.h>
#include <stdlib.h>

static int call(struct lws *socket, enum lws_callback_reasons reason, void *user, void *in, size_t length) {
    static unsigned char hello[LWS_PRE + 64] = {[LWS_PRE] = '{'};
    if (reason == LWS_CALLBACK_CLIENT_ESTABLISHED) lws_callback_on_writable(socket);
    if (reason == LWS_CALLBACK_CLIENT_WRITEABLE) { /* sound goes the same way, as LWS_WRITE_BINARY */
        int size = sprintf((char *)hello + LWS_PRE, "{\"type\":\"text\",\"data\":\"hello\"}");
        lws_write(socket, hello + LWS_PRE, size, LWS_WRITE_TEXT);
    }
    if (reason == LWS_CALLBACK_CLIENT_RECEIVE && lws_frame_is_binary(socket)) exit(puts("the agent speaks") < 0);
    if (reason == LWS_CALLBACK_CLIENT_RECEIVE) printf("%.*s\n", (int)length, (char *)in);
    if (reason == LWS_CALLBACK_CLIENT_CONNECTION_ERROR || reason == LWS_CALLBACK_CLIENT_CLOSED) exit(1);
    return 0;
}

int main(void) {
    struct lws_protocols protocols[] = {{"voicegateway.v1", call, 0, 4096}, {0}};
    struct lws_context_creation_info information = {.port = CONTEXT_PORT_NO_LISTEN, .protocols = protocols};
    struct lws_context *context = lws_create_context(&information);
    struct lws_client_connect_info to = {context, "127.0.0.1", 3000, .path = "/ws", .host = "127.0.0.1", .protocol = "voicegateway.v1"};
    for (lws_client_connect_via_info(&to); lws_service(context, 0) >= 0;) {}
}
