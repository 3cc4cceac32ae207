// Greets whoever the event names, and shows the two places where a handler can keep something: its own memory, which
// the instance has to itself, and `/tmp`, which all instances of an environment share.

#define _GNU_SOURCE

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "guesthouse.h"

static const char LAST[] = "/tmp/hello-last";

// How many events this instance has handled.
static unsigned count = 0;

// Whom the last greeting was for; NULL where nobody knows.
static char *read_last(void) {
    FILE *file = fopen(LAST, "r");
    if (file == NULL) return NULL;
    char *name = NULL;
    size_t room = 0;
    // Up to the end: a zero byte is in no file of text.
    if (getdelim(&name, &room, 0, file) < 0) {
        free(name);
        name = NULL;
    }
    fclose(file);
    return name;
}

static bool write_last(const char *name) {
    FILE *file = fopen(LAST, "w");
    if (file == NULL) return false;
    const bool written = fputs(name, file) >= 0;
    return fclose(file) == 0 && written;
}

char *handler(const char *event, const guesthouse_context *context) {
    const guesthouse_json json = guesthouse_json_event(event);
    if (json.at == NULL) return NULL;
    char *name = guesthouse_json_string(guesthouse_json_member(json, "name"));
    if (name == NULL) name = strdup("world");
    printf("greeting %s with %llu ms left\n", name, guesthouse_remaining_ms(context));

    char *last = read_last();
    if (!write_last(name)) {
        const int reason = errno;
        free(last);
        free(name);
        return guesthouse_error("FileError", "can't write `%s`: %s", LAST, strerror(reason));
    }

    char *greeting = NULL, *response = NULL;
    asprintf(&greeting, "Hello %s!", name);
    char *message = guesthouse_json_quote(greeting), *last_quoted = guesthouse_json_quote(last);
    asprintf(&response, "{\"message\":%s,\"count\":%u,\"last\":%s}", message, ++count, last_quoted);
    free(message);
    free(last_quoted);
    free(greeting);
    free(last);
    free(name);
    return response;
}
