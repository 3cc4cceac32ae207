// Does what the conformance tests ask of the guests of every language.

#define _GNU_SOURCE

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "guesthouse.h"

static unsigned count = 0;

// Text from `malloc`, as a response is.
__attribute__((format(printf, 1, 2))) static char *print(const char *format, ...) {
    char *text = NULL;
    va_list arguments;
    va_start(arguments, format);
    if (vasprintf(&text, format, arguments) < 0) abort();
    va_end(arguments);
    return text;
}

static char *quoted_and_freed(char *text) {
    char *quoted = guesthouse_json_quote(text);
    free(text);
    return quoted;
}

static uint64_t now_ms(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static char *echo(guesthouse_json event) {
    const guesthouse_json value = guesthouse_json_member(event, "value");
    return value.at == NULL ? strdup("null") : strndup(value.at, value.length);
}

static char *print_lines(int lines) {
    for (int line = 1; line <= lines; line++) {
        printf("out %d\n", line);
        fprintf(stderr, "err %d\n", line);
    }
    return strdup("null");
}

static char *write_file(const char *path, const char *text) {
    FILE *file = fopen(path, "w");
    if (file == NULL) return guesthouse_error("FileError", "can't write `%s`", path);
    fputs(text, file);
    fclose(file);
    return strdup("null");
}

static char *read_file(const char *path) {
    FILE *file = fopen(path, "r");
    if (file == NULL) return strdup("null");
    char *text = NULL;
    size_t room = 0;
    if (getdelim(&text, &room, 0, file) < 0) {
        free(text);
        text = strdup("");
    }
    fclose(file);
    return quoted_and_freed(text);
}

static char *sleep_for(useconds_t ms) {
    const uint64_t start = now_ms(CLOCK_MONOTONIC);
    usleep(ms * 1000);
    return print("%llu", now_ms(CLOCK_MONOTONIC) - start);
}

static char *draw(void) {
    char numbers[8 * 12] = "";
    for (int i = 0; i < 8; i++) sprintf(numbers + strlen(numbers), "%d ", rand());
    unsigned char bytes[16];
    char hex[2 * sizeof bytes + 1];
    if (getentropy(bytes, sizeof bytes) != 0) return guesthouse_error(NULL, "there is no randomness");
    for (size_t i = 0; i < sizeof bytes; i++) sprintf(hex + 2 * i, "%02x", bytes[i]);
    return print("{\"default\":\"%s\",\"secure\":\"%s\"}", numbers, hex);
}

static char *describe(const guesthouse_context *context) {
    const struct {
        const char *name, *text;
    } texts[] = {
        {"request_id", context->request_id},
        {"function_name", context->function_name},
        {"function_version", context->function_version},
        {"invoked_function_arn", context->invoked_function_arn},
        {"log_group_name", context->log_group_name},
        {"log_stream_name", context->log_stream_name},
        {"trace_id", context->trace_id},
        {"tenant_id", context->tenant_id},
        {"identity_id", context->identity_id},
        {"identity_pool_id", context->identity_pool_id},
    };
    guesthouse_json custom = {NULL, 0};
    if (context->client_context != NULL) {
        custom = guesthouse_json_member(guesthouse_json_read(context->client_context), "custom");
    }
    char *response = print("{\"memory_limit_mib\":%u,\"deadline_ms\":%llu,\"custom\":%.*s", context->memory_limit_mib,
                         context->deadline_ms, custom.at == NULL ? 4 : (int)custom.length,
                         custom.at == NULL ? "null" : custom.at);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        char *quoted = guesthouse_json_quote(texts[i].text);
        char *longer = print("%s,\"%s\":%s", response, texts[i].name, quoted);
        free(quoted);
        free(response);
        response = longer;
    }
    char *whole = print("%s}", response);
    free(response);
    return whole;
}

static char *response(const char *what, guesthouse_json event, const guesthouse_context *context) {
    char *name = guesthouse_json_string(guesthouse_json_member(event, "name"));
    char *text = guesthouse_json_string(guesthouse_json_member(event, "text"));
    char *path = print("/tmp/%s", name == NULL ? "" : name);
    char *response = NULL;
    if (strcmp(what, "echo") == 0) {
        response = echo(event);
    } else if (strcmp(what, "fail typed") == 0) {
        response = guesthouse_error("OrderNotFound", "no such order");
    } else if (strcmp(what, "fail untyped") == 0) {
        response = guesthouse_error(NULL, "something went wrong");
    } else if (strcmp(what, "log") == 0) {
        response = print_lines((int)guesthouse_json_number(guesthouse_json_member(event, "lines"), 0));
    } else if (strcmp(what, "count") == 0) {
        response = print("%u", ++count);
    } else if (strcmp(what, "write") == 0) {
        response = write_file(path, text == NULL ? "" : text);
    } else if (strcmp(what, "read") == 0) {
        response = read_file(path);
    } else if (strcmp(what, "env") == 0) {
        response = guesthouse_json_quote(name == NULL ? NULL : getenv(name));
    } else if (strcmp(what, "now") == 0) {
        response = print("%llu", now_ms(CLOCK_REALTIME));
    } else if (strcmp(what, "sleep") == 0) {
        response = sleep_for((useconds_t)guesthouse_json_number(guesthouse_json_member(event, "ms"), 0));
    } else if (strcmp(what, "random") == 0) {
        response = draw();
    } else if (strcmp(what, "remaining") == 0) {
        response = print("%llu", guesthouse_remaining_ms(context));
    } else if (strcmp(what, "context") == 0) {
        response = describe(context);
    } else {
        response = guesthouse_error(NULL, "no such behaviour");
    }
    free(name);
    free(text);
    free(path);
    return response;
}

char *handler(const char *event, const guesthouse_context *context) {
    const guesthouse_json json = guesthouse_json_event(event);
    if (json.at == NULL) return NULL;
    char *what = guesthouse_json_string(guesthouse_json_member(json, "do"));
    char *returned = response(what == NULL ? "" : what, json, context);
    free(what);
    return returned;
}
