// Does what the conformance tests of the network ask of the guests of every language.

#define _GNU_SOURCE

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "guesthouse.h"

static uint64_t now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

// Takes the event's headers of these names: the SDK's JSON can look members up, but not list them.
static size_t read_headers(guesthouse_json event, guesthouse_header *headers, size_t most) {
    static const char *const NAMES[] = {"accept", "content-type", "user-agent", "x-test", "authorization"};
    const guesthouse_json given = guesthouse_json_member(event, "headers");
    size_t count = 0;
    for (size_t at = 0; at < sizeof NAMES / sizeof *NAMES && count < most; at++) {
        char *value = guesthouse_json_string(guesthouse_json_member(given, NAMES[at]));
        if (value != NULL) headers[count++] = (guesthouse_header){NAMES[at], value};
    }
    return count;
}

static void print_response(FILE *out, const guesthouse_response *response, const char *op) {
    fprintf(out, "{\"status\":%d,\"length\":%zu", response->status, response->body_length);
    if (strcmp(op, "download") != 0) {
        char *body = guesthouse_json_quote(response->body);
        fprintf(out, ",\"body\":%s", body);
        free(body);
    }
    fputs(",\"headers\":{", out);
    for (size_t at = 0; at < response->header_count; at++) {
        char *name = guesthouse_json_quote(response->headers[at].name);
        char *value = guesthouse_json_quote(response->headers[at].value);
        fprintf(out, "%s%s:%s", at == 0 ? "" : ",", name, value);
        free(name);
        free(value);
    }
    fputs("}}", out);
}

static void print_error(FILE *out, const guesthouse_response *response, uint64_t elapsed_ms) {
    char *kind = guesthouse_json_quote(response->error);
    char *message = guesthouse_json_quote(response->error_text);
    fprintf(out, "{\"error\":{\"kind\":%s,\"message\":%s},\"elapsed_ms\":%llu}", kind, message,
            (unsigned long long)elapsed_ms);
    free(kind);
    free(message);
}

char *handler(const char *text, const guesthouse_context *context) {
    (void)context;
    const guesthouse_json event = guesthouse_json_event(text);
    if (event.at == NULL) return NULL;
    char *op = guesthouse_json_string(guesthouse_json_member(event, "op"));
    char *url = guesthouse_json_string(guesthouse_json_member(event, "url"));
    if (op == NULL || url == NULL) return guesthouse_error("InvalidEvent", "`op` and `url` are needed");
    guesthouse_header headers[8];
    guesthouse_request request = {
        .url = url,
        .method = strcmp(op, "post") == 0 ? "POST" : "GET",
        .headers = headers,
        .header_count = read_headers(event, headers, 8),
        .timeout_ms = (uint64_t)guesthouse_json_number(guesthouse_json_member(event, "timeout_ms"), 0),
        .body_limit = (size_t)guesthouse_json_number(guesthouse_json_member(event, "limit"), 0),
    };
    char *body = guesthouse_json_string(guesthouse_json_member(event, "body"));
    if (body != NULL) {
        request.body_length = strlen(body);
    } else {
        request.body_length = (size_t)guesthouse_json_number(guesthouse_json_member(event, "size"), 0);
        body = malloc(request.body_length + 1);
        if (body == NULL) abort();
        memset(body, 'z', request.body_length);
    }
    request.body = body;
    const uint64_t started = now_ms();
    guesthouse_response response;
    const bool done = guesthouse_fetch(&request, &response);
    char *result = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&result, &length);
    if (out == NULL) abort();
    if (done) {
        print_response(out, &response, op);
    } else {
        print_error(out, &response, now_ms() - started);
    }
    fclose(out);
    guesthouse_response_free(&response);
    for (size_t at = 0; at < request.header_count; at++) free((char *)headers[at].value);
    free(body);
    free(url);
    free(op);
    return result;
}
