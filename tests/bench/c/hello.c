// Greets whoever the event names.

#define _GNU_SOURCE

#include <stdio.h>
#include <stdlib.h>

#include "guesthouse.h"

char *handler(const char *event, const guesthouse_context *context) {
    (void)context;
    const guesthouse_json json = guesthouse_json_event(event);
    if (json.at == NULL) return NULL;
    char *name = guesthouse_json_string(guesthouse_json_member(json, "name"));
    if (name == NULL) return guesthouse_error("InvalidEvent", "the event has no `name`");
    char *message = NULL, *response = NULL;
    asprintf(&message, "Hello %s!", name);
    char *quoted = guesthouse_json_quote(message);
    asprintf(&response, "{\"message\":%s}", quoted);
    free(quoted);
    free(message);
    free(name);
    return response;
}
