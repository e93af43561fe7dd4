/* A content handler that reads the request's body as its query says, and shows what each read gave: letters for the mode
 * (r READBYTES, g GETLINE, s SPECULATIVE, e EATCRLF, x EXHAUSTIVE; capitals do not wait), each with a number of bytes. */

#include "httpd.h"
#include "http_config.h"
#include "http_protocol.h"
#include "util_filter.h"
#include "apr_lib.h"
#include "apr_strings.h"

static ap_input_mode_t mode_of(char letter)
{
    switch (apr_tolower(letter)) {
    case 'g':
        return AP_MODE_GETLINE;
    case 's':
        return AP_MODE_SPECULATIVE;
    case 'e':
        return AP_MODE_EATCRLF;
    case 'x':
        return AP_MODE_EXHAUSTIVE;
    default:
        return AP_MODE_READBYTES;
    }
}

static void show(request_rec *r, apr_bucket_brigade *bb, apr_status_t rv)
{
    apr_bucket *b;
    int ended = 0;

    for (b = APR_BRIGADE_FIRST(bb); b != APR_BRIGADE_SENTINEL(bb); b = APR_BUCKET_NEXT(b)) {
        const char *data;
        apr_size_t length;

        if (APR_BUCKET_IS_EOS(b)) {
            ended = 1;
        }
        else if (!APR_BUCKET_IS_METADATA(b)) {
            if (apr_bucket_read(b, &data, &length, APR_BLOCK_READ) == APR_SUCCESS) {
                ap_rwrite(data, (int)length, r);
            }
        }
    }
    ap_rprintf(r, "|%s%s\n", ended ? "end" : "", rv == APR_SUCCESS ? "" : APR_STATUS_IS_EAGAIN(rv) ? "again" : "failed");
}

static int handler(request_rec *r)
{
    apr_bucket_brigade *bb;
    char *steps, *step, *state;

    if (!r->handler || strcmp(r->handler, "read-modes") || !r->args) {
        return DECLINED;
    }
    bb = apr_brigade_create(r->pool, r->connection->bucket_alloc);
    steps = apr_pstrdup(r->pool, r->args);
    ap_set_content_type(r, "text/plain");
    for (step = apr_strtok(steps, ",", &state); step; step = apr_strtok(NULL, ",", &state)) {
        apr_read_type_e block = apr_isupper(*step) ? APR_NONBLOCK_READ : APR_BLOCK_READ;
        apr_status_t rv = ap_get_brigade(r->input_filters, bb, mode_of(*step), block, atoi(step + 1));

        show(r, bb, rv);
        ap_rflush(r);
        apr_brigade_cleanup(bb);
    }
    return OK;
}

static void hooks(apr_pool_t *p)
{
    ap_hook_handler(handler, NULL, NULL, APR_HOOK_MIDDLE);
}

module AP_MODULE_DECLARE_DATA read_modes_module = {STANDARD20_MODULE_STUFF, NULL, NULL, NULL, NULL, NULL, hooks};
