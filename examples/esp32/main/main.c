/* An ESP32 with an I2S microphone (INMP441) and an I2S amplifier (MAX98357A) talks to an agent. The protocol is in
   ../../device-c/session.c, which is the same on Linux; what to choose and why: docs/firmware.md.

     idf.py set-target esp32s3 && idf.py menuconfig && idf.py flash monitor */
#include <string.h>

#include "driver/gpio.h"
#include "driver/i2s_std.h"
#include "esp_crt_bundle.h"
#include "esp_event.h"
#include "esp_log.h"
#include "esp_netif.h"
#include "esp_random.h"
#include "esp_websocket_client.h"
#include "freertos/FreeRTOS.h"
#include "freertos/task.h"
#include "nvs_flash.h"
#include "protocol_examples_common.h"
#include "session.h"

#define GATEWAY "wss://voice.example.com"
#define HEADERS "X-API-Key: a key of its own for each device\r\n"
/* 60 ms ahead at most, 40 ms that are waited for, and a frame: 120 ms are 3840 bytes, and the ring has 4096. */
#define PARAMETERS                                                                                                       \
    "sample_rate=16000&output_sample_rate=16000&frame_ms=20&buffer_ms=60&resume_audio_ms=2000&transcript_mode=delta"     \
    "&events=final&methods=volume&identity=kitchen"

enum { RATE = 16000, FRAME = RATE / 50, LED = 2, SCK = 4, WS = 5, MICROPHONE = 6, LOUDSPEAKER = 7 };
enum { OPCODE_TEXT = 1, OPCODE_BINARY = 2, OPCODE_CLOSE = 8 };
/* What the task of the connection is told. */
enum { LOST = 1, MOVE = 2, ANSWER = 4 };

static const char TAG[] = "talk";
static struct session session = {.volume = 80, .state = "connecting"};
static struct ring ring;
static esp_websocket_client_handle_t client;
static TaskHandle_t keeper;
static volatile unsigned close_code;
static volatile bool drops_sound;
static i2s_chan_handle_t microphone, loudspeaker;

/* --- Sound: each direction has a task, which I2S paces */

static void record(void *unused) {
    static int32_t wide[FRAME];
    static int16_t samples[FRAME];
    for (;;) {
        size_t count = 0;
        if (i2s_channel_read(microphone, wide, sizeof wide, &count, 1000) != ESP_OK || count != sizeof wide) continue;
        for (int index = 0; index < FRAME; index++) samples[index] = (int16_t)(wide[index] >> 16);
        /* The gateway keeps the place of what is missing; waiting here would make all that follows late. */
        if (client && esp_websocket_client_is_connected(client))
            esp_websocket_client_send_bin(client, (const char *)samples, sizeof samples, pdMS_TO_TICKS(100));
    }
}

static void play(void *unused) {
    static int16_t samples[FRAME];
    static int32_t wide[FRAME];
    bool is_playing = false;
    int waited = 0;
    for (;;) {
        if (drops_sound) {
            ring_clear(&ring);
            drops_sound = false;
        }
        size_t there = ring.head - ring.tail, written;
        if (!is_playing && there && (there >= 2 * sizeof samples || ++waited > 2)) is_playing = true;
        if (is_playing && !ring_read(&ring, samples, sizeof samples, 0)) is_playing = false;
        if (!is_playing) memset(samples, 0, sizeof samples);
        if (is_playing) waited = 0;
        for (int index = 0; index < FRAME; index++) wide[index] = samples[index] * 65536 / 100 * (int)session.volume;
        i2s_channel_write(loudspeaker, wide, sizeof wide, &written, 1000);
    }
}

/* Slots of 32 bits: the INMP441 knows no others, and the MAX98357A takes all. */
static void open_sound(void) {
    i2s_chan_config_t channel = I2S_CHANNEL_DEFAULT_CONFIG(I2S_NUM_0, I2S_ROLE_MASTER);
    channel.dma_frame_num = FRAME;
    channel.auto_clear = true;
    ESP_ERROR_CHECK(i2s_new_channel(&channel, &loudspeaker, &microphone));
    i2s_std_config_t wires = {
        .clk_cfg = I2S_STD_CLK_DEFAULT_CONFIG(RATE),
        .slot_cfg = I2S_STD_PHILIPS_SLOT_DEFAULT_CONFIG(I2S_DATA_BIT_WIDTH_32BIT, I2S_SLOT_MODE_MONO),
        .gpio_cfg = {.mclk = I2S_GPIO_UNUSED, .bclk = SCK, .ws = WS, .dout = LOUDSPEAKER, .din = MICROPHONE},
    };
    ESP_ERROR_CHECK(i2s_channel_init_std_mode(loudspeaker, &wires));
    ESP_ERROR_CHECK(i2s_channel_init_std_mode(microphone, &wires));
    ESP_ERROR_CHECK(i2s_channel_enable(loudspeaker));
    ESP_ERROR_CHECK(i2s_channel_enable(microphone));
}

/* --- The lamp: on while the agent listens, breathing while it speaks, quick while it thinks, slow without a connection */

static void shine(void *unused) {
    for (unsigned tick = 0;; tick++) {
        int period = !strcmp(session.state, "listening") ? 0 : !strcmp(session.state, "thinking") ? 2
            : !strcmp(session.state, "speaking") ? 5 : 10;
        gpio_set_level(LED, period == 0 || tick % (2 * period) < (unsigned)period);
        vTaskDelay(pdMS_TO_TICKS(50));
    }
}

/* --- The connection */

static void heed(enum session_event event) {
    switch (event) {
    case SESSION_TEXT: ESP_LOGI(TAG, "%s", session.words); break;
    case SESSION_TROUBLE: ESP_LOGW(TAG, "%s", session.words); break;
    case SESSION_INTERRUPTED: drops_sound = true; break;
    /* This task must not send or close: the one that keeps the connection does. */
    case SESSION_VOLUME:
    case SESSION_ANSWER: xTaskNotify(keeper, ANSWER, eSetBits); break;
    case SESSION_MOVE: xTaskNotify(keeper, MOVE, eSetBits); break;
    case SESSION_STATE:
    case SESSION_NOTHING: break;
    }
}

static void happened(void *unused, esp_event_base_t base, int32_t event, void *details) {
    const esp_websocket_event_data_t *data = details;
    if (event == WEBSOCKET_EVENT_DATA && data->op_code == OPCODE_BINARY) ring_write(&ring, data->data_ptr, (size_t)data->data_len);
    if (event == WEBSOCKET_EVENT_DATA && data->op_code == OPCODE_TEXT)
        heed(session_take(&session, data->data_ptr, (size_t)data->data_len,
            data->fin && data->payload_offset + data->data_len >= data->payload_len));
    if (event == WEBSOCKET_EVENT_DATA && data->op_code == OPCODE_CLOSE && data->data_len >= 2)
        close_code = (unsigned)((uint8_t)data->data_ptr[0] << 8 | (uint8_t)data->data_ptr[1]);
    if (event == WEBSOCKET_EVENT_DISCONNECTED || event == WEBSOCKET_EVENT_CLOSED || event == WEBSOCKET_EVENT_ERROR)
        xTaskNotify(keeper, LOST, eSetBits);
}

/* One connection, from its beginning to its end. */
static void connect_once(void) {
    static char path[sizeof session.token + 512], uri[sizeof path + sizeof GATEWAY];
    session_path(&session, PARAMETERS, path, sizeof path);
    snprintf(uri, sizeof uri, "%s%s", GATEWAY, path);
    /* A ping after 10 s in which nothing came, and the connection is dead when nothing answers for 15 s. */
    esp_websocket_client_config_t wishes = {.uri = uri, .headers = HEADERS, .subprotocol = "voicegateway.v1",
        .buffer_size = 4096, .disable_auto_reconnect = true, .ping_interval_sec = 10, .pingpong_timeout_sec = 15,
        .network_timeout_ms = 5000, .crt_bundle_attach = esp_crt_bundle_attach};
    uint32_t news = 0;
    close_code = 0;
    xTaskNotifyWait(0, UINT32_MAX, &news, 0);
    client = esp_websocket_client_init(&wishes);
    if (!client) return;
    esp_websocket_register_events(client, WEBSOCKET_EVENT_ANY, happened, NULL);
    esp_websocket_client_start(client);
    for (news = 0; !(news & (LOST | MOVE));) {
        xTaskNotifyWait(0, UINT32_MAX, &news, portMAX_DELAY);
        if (news & ANSWER) esp_websocket_client_send_text(client, session.answer, (int)strlen(session.answer), portMAX_DELAY);
    }
    /* Not 1000, which would end the call. */
    if (news & MOVE) esp_websocket_client_close_with_code(client, 4000, NULL, 0, pdMS_TO_TICKS(1000));
    esp_websocket_client_handle_t old = client;
    client = NULL;
    vTaskDelay(pdMS_TO_TICKS(120)); /* whoever sends at the moment has finished */
    esp_websocket_client_destroy(old);
}

void app_main(void) {
    keeper = xTaskGetCurrentTaskHandle();
    ESP_ERROR_CHECK(nvs_flash_init());
    ESP_ERROR_CHECK(esp_netif_init());
    ESP_ERROR_CHECK(esp_event_loop_create_default());
    ESP_ERROR_CHECK(gpio_set_direction(LED, GPIO_MODE_OUTPUT));
    ESP_ERROR_CHECK(example_connect());
    open_sound();
    xTaskCreate(shine, "shine", 2048, NULL, 3, NULL);
    xTaskCreate(play, "play", 4096, NULL, 10, NULL);
    xTaskCreate(record, "record", 4096, NULL, 9, NULL);
    for (int delay = 0; delay >= 0; delay = session_lost(&session, close_code, esp_random())) {
        vTaskDelay(pdMS_TO_TICKS(delay));
        connect_once();
        ESP_LOGI(TAG, "connection lost (%u)", close_code);
    }
    ESP_LOGI(TAG, "the call is over; a reset begins another one");
}
