// libc names must belong to one module in debug and release alike, so this line comes first.
#pragma clang module import SwiftGlibc

#include <opus/opus.h>

// opus_encoder_ctl and opus_decoder_ctl are variadic, which Swift cannot call; each function is one request.
static inline int copus_encoder_set_bitrate(OpusEncoder *encoder, int bits_per_second) {
  return opus_encoder_ctl(encoder, OPUS_SET_BITRATE(bits_per_second));
}
static inline int copus_encoder_set_complexity(OpusEncoder *encoder, int complexity) {
  return opus_encoder_ctl(encoder, OPUS_SET_COMPLEXITY(complexity));
}
static inline int copus_encoder_set_inband_fec(OpusEncoder *encoder, int enabled) {
  return opus_encoder_ctl(encoder, OPUS_SET_INBAND_FEC(enabled));
}
static inline int copus_encoder_set_packet_loss(OpusEncoder *encoder, int percent) {
  return opus_encoder_ctl(encoder, OPUS_SET_PACKET_LOSS_PERC(percent));
}
static inline int copus_encoder_set_dtx(OpusEncoder *encoder, int enabled) {
  return opus_encoder_ctl(encoder, OPUS_SET_DTX(enabled));
}
static inline int copus_encoder_set_prediction_disabled(OpusEncoder *encoder, int disabled) {
  return opus_encoder_ctl(encoder, OPUS_SET_PREDICTION_DISABLED(disabled));
}
// A request of opus_private.h, which all versions know; 1002 is CELT alone, -1000 leaves the mode to the encoder.
static inline int copus_encoder_force_celt(OpusEncoder *encoder, int forced) {
  return opus_encoder_ctl(encoder, 11002, (opus_int32)(forced ? 1002 : OPUS_AUTO));
}
static inline int copus_encoder_reset(OpusEncoder *encoder) { return opus_encoder_ctl(encoder, OPUS_RESET_STATE); }
static inline int copus_decoder_reset(OpusDecoder *decoder) { return opus_decoder_ctl(decoder, OPUS_RESET_STATE); }
