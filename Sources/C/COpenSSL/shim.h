// libc names must belong to one module in debug and release alike, so this line comes first.
#pragma clang module import SwiftGlibc

#include <openssl/ssl.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <openssl/rand.h>

// What follows wraps macros that Swift cannot see; each function is the macro of the same name.

// Function-like macros around SSL_CTX_ctrl and SSL_ctrl.
static inline int copenssl_ctx_set_protocol_range(SSL_CTX *context, int lowest, int highest) {
  return SSL_CTX_set_min_proto_version(context, lowest) == 1 && SSL_CTX_set_max_proto_version(context, highest) == 1;
}
static inline int copenssl_ctx_set_groups(SSL_CTX *context, const char *names) {
  return (int)SSL_CTX_set1_groups_list(context, names);
}
static inline void copenssl_ctx_disable_session_cache(SSL_CTX *context) {
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
}
static inline int copenssl_set_server_name(SSL *ssl, const char *name) {
  return (int)SSL_set_tlsext_host_name(ssl, name);
}
static inline int copenssl_dtls_set_link_mtu(SSL *ssl, long bytes) { return (int)DTLS_set_link_mtu(ssl, bytes); }
// 1 and the time that is left, or 0 when no timer runs.
static inline int copenssl_dtls_get_timeout(SSL *ssl, struct timeval *left) { return (int)DTLSv1_get_timeout(ssl, left); }
// Above 0: retransmitted; 0: nothing was due; below 0: failed for good.
static inline int copenssl_dtls_handle_timeout(SSL *ssl) { return (int)DTLSv1_handle_timeout(ssl); }

// SSL_OP_BIT() is function-like, so the options built from it are not imported.
static inline uint64_t copenssl_dtls_options(void) {
  return SSL_OP_NO_QUERY_MTU | SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION;
}
static inline uint64_t copenssl_tls_options(void) { return SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION; }
static inline uint64_t copenssl_tls_server_options(void) {
  return copenssl_tls_options() | SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA;
}
// An idle connection keeps no buffers.
static inline void copenssl_ctx_release_buffers(SSL_CTX *context) { SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS); }

// Agrees to HTTP/1.1 when the client offers it; a client that offers only others is refused (RFC 7301 section 3.2).
static inline int copenssl_select_http1(
    SSL *ssl, const unsigned char **chosen, unsigned char *length, const unsigned char *offered, unsigned int count,
    void *unused) {
  static const unsigned char protocol[] = {8, 'h', 't', 't', 'p', '/', '1', '.', '1'};
  unsigned char *match = 0;
  (void)ssl, (void)unused;
  if (SSL_select_next_proto(&match, length, protocol, sizeof protocol, offered, count) != OPENSSL_NPN_NEGOTIATED)
    return SSL_TLSEXT_ERR_ALERT_FATAL;
  *chosen = match;
  return SSL_TLSEXT_ERR_OK;
}
static inline void copenssl_ctx_select_http1(SSL_CTX *context) {
  SSL_CTX_set_alpn_select_cb(context, copenssl_select_http1, 0);
}

// Names of a certificate, whose stacks are macros in C. Each writes UTF-8 and returns its length, or -1: there is none, there are
// several that could be meant, it does not fit, or it has a zero byte, with which one name would pass for another.
static inline int copenssl_copy_name(const unsigned char *name, int length, unsigned char *output, int room) {
  if (length < 1 || length > room) return -1;
  for (int index = 0; index < length; index++) {
    if (!name[index]) return -1;
    output[index] = name[index];
  }
  return length;
}
static inline int copenssl_common_name(X509 *certificate, unsigned char *output, int room) {
  X509_NAME *subject = X509_get_subject_name(certificate);
  int place = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
  if (place < 0 || X509_NAME_get_index_by_NID(subject, NID_commonName, place) >= 0) return -1;
  unsigned char *name = 0;
  int length = ASN1_STRING_to_UTF8(&name, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, place)));
  int copied = copenssl_copy_name(name, length, output, room);
  OPENSSL_free(name);
  return copied;
}
// The only subject alternative name of a type (GEN_DNS, GEN_URI; RFC 5280 section 4.2.1.6).
static inline int copenssl_alternative_name(X509 *certificate, int type, unsigned char *output, int room) {
  GENERAL_NAMES *names = (GENERAL_NAMES *)X509_get_ext_d2i(certificate, NID_subject_alt_name, 0, 0);
  int copied = -1, count = 0;
  for (int index = 0; names && index < sk_GENERAL_NAME_num(names); index++) {
    int found = 0;
    ASN1_STRING *value = (ASN1_STRING *)GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(names, index), &found);
    if (found != type) continue;
    count++;
    copied = copenssl_copy_name(ASN1_STRING_get0_data(value), ASN1_STRING_length(value), output, room);
  }
  GENERAL_NAMES_free(names);
  return count == 1 ? copied : -1;
}

// BIO macros.
static inline void copenssl_bio_set_retry_read(BIO *bio) { BIO_set_retry_read(bio); }
static inline void copenssl_bio_clear_retry_flags(BIO *bio) { BIO_clear_retry_flags(bio); }

// ERR_GET_REASON and friends are inline functions since 3.0, spelled here so that every version has them.
static inline const char *copenssl_reason(unsigned long code) { return ERR_reason_error_string(code); }

// HMAC-SHA1 of SRTP with the key hashed in once and nothing allocated for a packet. OpenSSL 3 calls the functions of a
// plain hash deprecated; its general ones make a context for each use.
#include <openssl/sha.h>
#include <string.h>
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wdeprecated-declarations"
/// The key has 20 bytes.
static inline void copenssl_hmac_sha1_prepare(SHA_CTX *inner, SHA_CTX *outer, const unsigned char *key) {
  unsigned char block[SHA_CBLOCK];
  memset(block, 0x36, sizeof block);
  for (int index = 0; index < 20; index++) block[index] ^= key[index];
  SHA1_Init(inner);
  SHA1_Update(inner, block, sizeof block);
  memset(block, 0x5C, sizeof block);
  for (int index = 0; index < 20; index++) block[index] ^= key[index];
  SHA1_Init(outer);
  SHA1_Update(outer, block, sizeof block);
  OPENSSL_cleanse(block, sizeof block);
}
/// Writes 20 bytes; the four of `suffix` follow the message.
static inline void copenssl_hmac_sha1(
    const SHA_CTX *inner, const SHA_CTX *outer, const void *message, size_t length, const void *suffix, void *digest) {
  SHA_CTX hash = *inner;
  SHA1_Update(&hash, message, length);
  SHA1_Update(&hash, suffix, 4);
  SHA1_Final((unsigned char *)digest, &hash);
  hash = *outer;
  SHA1_Update(&hash, digest, 20);
  SHA1_Final((unsigned char *)digest, &hash);
}
#pragma clang diagnostic pop
