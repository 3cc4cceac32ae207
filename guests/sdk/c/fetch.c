// `guesthouse_fetch`: one HTTP request over `wasi:http`. A guest that does not call it imports nothing of this.

#define _GNU_SOURCE

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "guesthouse.h"
#include "wasi_http.h"

// The most that is asked of the host at once, in either direction.
#define PIECE 32768

// What is open during one call. Zero is none. A child is to be dropped before its parent.
typedef struct {
    int32_t timer, request, outgoing_body, output, future, incoming, incoming_body, input;
    guesthouse_response *response;
} exchange;

// The cases of `error-code`, in the order of WIT.
static const char *const CODES[] = {
    "DNS-timeout", "DNS-error", "destination-not-found", "destination-unavailable", "destination-IP-prohibited",
    "destination-IP-unroutable", "connection-refused", "connection-terminated", "connection-timeout",
    "connection-read-timeout", "connection-write-timeout", "connection-limit-reached", "TLS-protocol-error",
    "TLS-certificate-error", "TLS-alert-received", "HTTP-request-denied", "HTTP-request-length-required",
    "HTTP-request-body-size", "HTTP-request-method-invalid", "HTTP-request-URI-invalid", "HTTP-request-URI-too-long",
    "HTTP-request-header-section-size", "HTTP-request-header-size", "HTTP-request-trailer-section-size",
    "HTTP-request-trailer-size", "HTTP-response-incomplete", "HTTP-response-header-section-size",
    "HTTP-response-header-size", "HTTP-response-body-size", "HTTP-response-trailer-section-size",
    "HTTP-response-trailer-size", "HTTP-response-transfer-coding", "HTTP-response-content-coding",
    "HTTP-response-timeout", "HTTP-upgrade-failed", "HTTP-protocol-error", "loop-detected", "configuration-error",
    "internal-error",
};
#define DNS_ERROR 1
#define REQUEST_DENIED 15
#define INTERNAL_ERROR 38

// Sets the error. Returns false, for `return failed(…)`.
static bool failed(exchange *exchange, const char *error, const char *text) {
    exchange->response->error = error;
    exchange->response->error_text = strdup(text);
    if (exchange->response->error_text == NULL) abort();
    return false;
}

static bool failed_by_code(exchange *exchange, const error_code *error) {
    const uint8_t code = error->code;
    const char *name = code < sizeof CODES / sizeof *CODES ? CODES[code] : "internal-error";
    if (code == REQUEST_DENIED)
        return failed(exchange, name, "HTTP-request-denied: no rule of network.allow grants it");
    // Both have an optional text in the same place.
    if ((code == INTERNAL_ERROR || code == DNS_ERROR) && error->there) {
        char *text = NULL;
        if (asprintf(&text, "%s: %.*s", name, (int)error->length, error->text) < 0) abort();
        free(error->text);
        failed(exchange, name, text);
        free(text);
        return false;
    }
    return failed(exchange, name, name);
}

// Waits for the pollable, which it drops. False where the request's time is over.
static bool wait_for(exchange *exchange, int32_t pollable) {
    const int32_t pollables[] = {pollable, exchange->timer};
    wasi_list ready = {0};
    poll_list(pollables, exchange->timer == 0 ? 1 : 2, &ready);
    bool in_time = false;
    for (uint32_t at = 0; at < ready.length; at++) in_time |= ((const uint32_t *)(void *)ready.at)[at] == 0;
    free(ready.at);
    drop_pollable(pollable);
    return in_time || failed(exchange, "timeout", "timeout: the request took longer than its timeout_ms");
}

// Headers that describe the connection or the body's length. The host sets them, and refuses them from a guest.
static bool is_own(const char *name) {
    static const char *const OWN[] = {"content-length", "host", "connection", "keep-alive", "transfer-encoding"};
    for (size_t at = 0; at < sizeof OWN / sizeof *OWN; at++) {
        if (strcasecmp(name, OWN[at]) == 0) return true;
    }
    return false;
}

static wasi_list list(const char *text) { return (wasi_list){(char *)text, strlen(text)}; }

// Makes the request's headers. Zero where the host refuses them.
static int32_t make_fields(const guesthouse_request *request, const char *method) {
    wasi_field *fields = calloc(request->header_count + 1, sizeof *fields);
    if (fields == NULL) abort();
    uint32_t count = 0;
    for (size_t at = 0; at < request->header_count; at++) {
        const guesthouse_header *header = &request->headers[at];
        if (!is_own(header->name)) fields[count++] = (wasi_field){list(header->name), list(header->value)};
    }
    char length[24];
    snprintf(length, sizeof length, "%zu", request->body_length);
    const bool expects_body = strcmp(method, "POST") == 0 || strcmp(method, "PUT") == 0 || strcmp(method, "PATCH") == 0;
    if (request->body_length > 0 || expects_body) fields[count++] = (wasi_field){list("content-length"), list(length)};
    handle_result made = {0};
    fields_from_list(fields, count, &made);
    free(fields);
    return made.is_error ? 0 : made.handle;
}

// `method` in WIT is a variant of the usual ones in this order, and then any text.
static bool put_method(int32_t request, const char *method) {
    static const char *const METHODS[] = {"GET",     "HEAD",    "POST",  "PUT",  "DELETE",
                                          "CONNECT", "OPTIONS", "TRACE", "PATCH"};
    int32_t at = 0;
    while (at < 9 && strcmp(METHODS[at], method) != 0) at++;
    return set_method(request, at, method, strlen(method)) == 0;
}

// Splits the URL: the scheme, then the host up to the path, then the path and query up to the fragment.
static bool put_url(exchange *exchange, const char *url) {
    const bool https = strncasecmp(url, "https://", 8) == 0;
    if (!https && strncasecmp(url, "http://", 7) != 0) {
        return failed(exchange, "HTTP-request-URI-invalid", "the URL begins neither with http:// nor with https://");
    }
    const char *authority = url + (https ? 8 : 7);
    const size_t authority_length = strcspn(authority, "/?#");
    const char *path = authority + authority_length;
    char *whole_path = NULL;
    if (asprintf(&whole_path, "%s%.*s", *path == '/' ? "" : "/", (int)strcspn(path, "#"), path) < 0) abort();
    const bool taken = authority_length > 0 && set_scheme(exchange->request, 1, https, NULL, 0) == 0 &&
                       set_authority(exchange->request, 1, authority, authority_length) == 0 &&
                       set_path(exchange->request, 1, whole_path, strlen(whole_path)) == 0;
    free(whole_path);
    return taken || failed(exchange, "HTTP-request-URI-invalid", "the URL's host or path is not valid");
}

// Sends the head. What is made of the request belongs to the host then.
static bool send_head(exchange *exchange, const guesthouse_request *request) {
    const char *method = request->method == NULL ? "GET" : request->method;
    const int32_t fields = make_fields(request, method);
    if (fields == 0) return failed(exchange, "HTTP-request-header-size", "a header is not valid, or they are too long");
    exchange->request = new_request(fields);
    if (!put_method(exchange->request, method)) {
        return failed(exchange, "HTTP-request-method-invalid", "the method is not valid");
    }
    if (!put_url(exchange, request->url)) return false;
    handle_result made = {0};
    request_body(exchange->request, &made);
    if (made.is_error) return failed(exchange, "internal-error", "the request has no body");
    exchange->outgoing_body = made.handle;
    body_write(exchange->outgoing_body, &made);
    if (made.is_error) return failed(exchange, "internal-error", "the request's body has no stream");
    exchange->output = made.handle;
    http_result sent = {0};
    const int32_t own = exchange->request;
    exchange->request = 0;
    handle_request(own, 0, 0, &sent);
    if (sent.is_error) return failed_by_code(exchange, &sent.error);
    exchange->future = sent.handle;
    return true;
}

// Sends the body. Where the server stops reading, its response says why: that is no error here. False after the
// timeout.
static bool send_body(exchange *exchange, const char *body, size_t length) {
    bool open = true;
    while (open && length > 0) {
        if (!wait_for(exchange, output_subscribe(exchange->output))) return false;
        room_result room = {0};
        check_write(exchange->output, &room);
        if (room.is_error) {
            if (!room.closed) drop_error(room.error);
            break;
        }
        uint32_t piece = length < PIECE ? length : PIECE;
        if (room.bytes < piece) piece = room.bytes;
        stream_result written = {0};
        stream_write(exchange->output, body, piece, &written);
        if (written.is_error && !written.closed) drop_error(written.error);
        open = !written.is_error;
        body += piece;
        length -= piece;
    }
    drop_output(exchange->output);
    exchange->output = 0;
    const int32_t own = exchange->outgoing_body;
    exchange->outgoing_body = 0;
    if (!open || length > 0) {
        drop_outgoing_body(own);
        return true;
    }
    http_result finished = {0};
    finish_body(own, 0, 0, &finished);
    return true;
}

// The field's value as a text: what follows a zero byte in it is cut off, as in C.
static const char *owned_text(wasi_list list) {
    char *text = realloc(list.at, list.length + 1);
    if (text == NULL) abort();
    text[list.length] = 0;
    return text;
}

static void take_headers(guesthouse_response *response, int32_t fields) {
    wasi_list entries = {0};
    fields_entries(fields, &entries);
    drop_fields(fields);
    const wasi_field *field = (const wasi_field *)(void *)entries.at;
    response->headers = calloc(entries.length + 1, sizeof *response->headers);
    if (response->headers == NULL) abort();
    for (; response->header_count < entries.length; field++) {
        response->headers[response->header_count++] =
            (guesthouse_header){owned_text(field->name), owned_text(field->value)};
    }
    free(entries.at);
}

static bool receive_head(exchange *exchange) {
    if (!wait_for(exchange, future_subscribe(exchange->future))) return false;
    future_result got = {0};
    future_get(exchange->future, &got);
    if (!got.there || got.taken) return failed(exchange, "internal-error", "the host has no response");
    if (got.value.is_error) return failed_by_code(exchange, &got.value.error);
    exchange->incoming = got.value.handle;
    exchange->response->status = response_status(exchange->incoming);
    take_headers(exchange->response, response_headers(exchange->incoming));
    handle_result made = {0};
    response_consume(exchange->incoming, &made);
    if (made.is_error) return failed(exchange, "internal-error", "the response has no body");
    exchange->incoming_body = made.handle;
    body_stream(exchange->incoming_body, &made);
    if (made.is_error) return failed(exchange, "internal-error", "the response's body has no stream");
    exchange->input = made.handle;
    return true;
}

// Adds bytes to the body, whose memory doubles, so that a long one is not copied for each piece.
static bool add(exchange *exchange, const char *bytes, size_t length, size_t limit, size_t *capacity) {
    guesthouse_response *response = exchange->response;
    const size_t most = limit == 0 ? SIZE_MAX - 1 : limit;
    if (length > most - response->body_length) {
        return failed(exchange, "HTTP-response-body-size", "the response's body is longer than body_limit");
    }
    const size_t needed = response->body_length + length + 1;
    if (needed > *capacity) {
        const size_t wanted = needed > *capacity * 2 ? needed : *capacity * 2;
        char *grown = realloc(response->body, wanted);
        if (grown == NULL) {
            return failed(exchange, "HTTP-response-body-size", "the response's body is longer than the memory holds");
        }
        response->body = grown;
        *capacity = wanted;
    }
    if (length > 0) memcpy(response->body + response->body_length, bytes, length);
    response->body_length += length;
    response->body[response->body_length] = 0;
    return true;
}

static bool receive_body(exchange *exchange, size_t limit) {
    size_t capacity = 0;
    bool going_on = add(exchange, NULL, 0, limit, &capacity);
    while (going_on) {
        stream_result got = {0};
        stream_read(exchange->input, PIECE, &got);
        if (!got.is_error) {
            const bool empty = got.bytes.length == 0;
            going_on = add(exchange, got.bytes.at, got.bytes.length, limit, &capacity);
            free(got.bytes.at);
            if (going_on && empty) going_on = wait_for(exchange, input_subscribe(exchange->input));
            continue;
        }
        if (got.closed) return true;
        optional_error error = {0};
        http_error_code(got.error, &error);
        drop_error(got.error);
        if (error.there) return failed_by_code(exchange, &error.error);
        return failed(exchange, "HTTP-response-incomplete", "the response's body ended before its end");
    }
    return false;
}

#define DROP(handle, drop) \
    if (handle != 0) drop(handle)

static void close_exchange(exchange *open) {
    DROP(open->input, drop_input);
    DROP(open->incoming_body, drop_incoming_body);
    DROP(open->incoming, drop_response);
    DROP(open->future, drop_future);
    DROP(open->output, drop_output);
    DROP(open->outgoing_body, drop_outgoing_body);
    DROP(open->request, drop_request);
    DROP(open->timer, drop_pollable);
}

bool guesthouse_fetch(const guesthouse_request *request, guesthouse_response *response) {
    *response = (guesthouse_response){0};
    exchange open = {.response = response};
    if (request->timeout_ms > 0) {
        const uint64_t most = UINT64_MAX / 1000000;
        open.timer = subscribe_duration((request->timeout_ms < most ? request->timeout_ms : most) * 1000000);
    }
    const bool done = send_head(&open, request) && send_body(&open, request->body, request->body_length) &&
                      receive_head(&open) && receive_body(&open, request->body_limit);
    close_exchange(&open);
    return done;
}

void guesthouse_response_free(guesthouse_response *response) {
    for (size_t at = 0; at < response->header_count; at++) {
        free((char *)response->headers[at].name);
        free((char *)response->headers[at].value);
    }
    free(response->headers);
    free(response->body);
    free(response->error_text);
    *response = (guesthouse_response){0};
}

const char *guesthouse_response_header(const guesthouse_response *response, const char *name) {
    for (size_t at = 0; at < response->header_count; at++) {
        if (strcasecmp(response->headers[at].name, name) == 0) return response->headers[at].value;
    }
    return NULL;
}
