/* The yardstick of benches/run: handlers/bench.py written once more against httpd's own C API.
 *
 * Every handler does the work that its namesake in Python asks for and no more: the same bytes, the same flushes,
 * the same body in memory. A case is named in the configuration as `SetHandler bench-CASE`. */

#include "httpd.h"
#include "http_config.h"
#include "http_core.h"
#include "http_protocol.h"
#include "http_request.h"
#include "util_filter.h"
#include "util_script.h"
#include "apr_strings.h"
#include "apr_tables.h"

#include <stdlib.h>
#include <string.h>

#define BLOCK_SIZE (16 * 1024)
#define BLOCKS 64

static char block[BLOCK_SIZE];

static int hello(request_rec *r)
{
    ap_set_content_type(r, "text/plain");
    ap_rputs("hello", r);
    return OK;
}

static int hello_flush(request_rec *r)
{
    ap_set_content_type(r, "text/plain");
    ap_rputs("hello", r);
    ap_rflush(r);
    return OK;
}

static const char *text(const char *value)
{
    return value ? value : "None";
}

static int attributes(request_rec *r)
{
    apr_table_t *in = r->headers_in;
    const char *numbers =
        apr_psprintf(r->pool, "%d\n%d\n%d\n%d\n%" APR_OFF_T_FMT, r->status, r->proto_num, r->header_only,
                     apr_time_as_msec(r->request_time) > 0, r->bytes_sent);
    apr_table_setn(r->headers_out, "Cache-Control", "no-cache");
    apr_table_setn(r->headers_out, "ETag", "\"bench\"");
    apr_table_setn(r->headers_out, "Content-Language", "en");
    apr_table_setn(r->headers_out, "X-Bench", "attributes");
    ap_set_content_type(r, "text/plain");
    ap_rvputs(r, text(r->method), "\n", text(r->uri), "\n", text(r->args), "\n", text(r->protocol), "\n",
              text(r->hostname), "\n", text(r->filename), "\n", text(r->the_request), "\n", text(r->unparsed_uri),
              "\n", text(r->path_info), "\n", text(r->user), "\n", NULL);
    ap_rvputs(r, text(apr_table_get(in, "Host")), "\n", text(apr_table_get(in, "User-Agent")), "\n",
              text(apr_table_get(in, "Accept")), "\n", text(apr_table_get(in, "Accept-Language")), "\n",
              text(apr_table_get(in, "Cookie")), "\n", text(apr_table_get(in, "Referer")), "\n", numbers, NULL);
    return OK;
}

static int writes(request_rec *r)
{
    ap_set_content_type(r, "application/octet-stream");
    for (int count = 0; count < BLOCKS; count++) {
        if (ap_rwrite(block, BLOCK_SIZE, r) < 0) {
            return DONE;
        }
    }
    return OK;
}

static int writes_flush(request_rec *r)
{
    ap_set_content_type(r, "application/octet-stream");
    for (int count = 0; count < BLOCKS; count++) {
        if (ap_rwrite(block, BLOCK_SIZE, r) < 0 || ap_rflush(r) < 0) {
            return DONE;
        }
    }
    return OK;
}

/* sendfile(2) only where EnableSendfile allows it, as httpd's own handler of files does; else httpd maps the file. */
static int sendfile_(request_rec *r)
{
    core_dir_config *core = ap_get_core_module_config(r->per_dir_config);
    const char *path = apr_pstrcat(r->pool, ap_document_root(r), "/megabyte", NULL);
    apr_finfo_t info;
    apr_file_t *file;
    apr_size_t sent;
    apr_int32_t flags = APR_READ | (core->enable_sendfile == ENABLE_SENDFILE_ON ? APR_SENDFILE_ENABLED : 0);

    ap_set_content_type(r, "application/octet-stream");
    if (apr_stat(&info, path, APR_FINFO_SIZE, r->pool) != APR_SUCCESS
        || apr_file_open(&file, path, flags, APR_OS_DEFAULT, r->pool) != APR_SUCCESS) {
        return HTTP_NOT_FOUND;
    }
    return ap_send_fd(file, r, 0, info.size, &sent) == APR_SUCCESS ? OK : DONE;
}

/* The whole body in one allocation, as `req.read()` promises it. */
static int upload(request_rec *r)
{
    int refused = ap_setup_client_block(r, REQUEST_CHUNKED_ERROR);
    apr_off_t length = 0;
    long got;
    char *body;

    if (refused != OK) {
        return refused;
    }
    ap_set_content_type(r, "text/plain");
    if (!ap_should_client_block(r) || !(body = malloc(r->remaining))) {
        return HTTP_BAD_REQUEST;
    }
    apr_off_t announced = r->remaining;
    while (length < announced && (got = ap_get_client_block(r, body + length, announced - length)) > 0) {
        length += got;
    }
    free(body);
    ap_rprintf(r, "%" APR_OFF_T_FMT, length);
    return OK;
}

/* The five phases of `phases`; the first four see every request and answer for that one. */
static int is_phases(request_rec *r)
{
    return r->uri && strncmp(r->uri, "/phases/", 8) == 0;
}

static int phase_access(request_rec *r)
{
    if (!is_phases(r)) {
        return DECLINED;
    }
    return r->useragent_ip ? OK : HTTP_FORBIDDEN;
}

static int phase_authen(request_rec *r)
{
    if (!is_phases(r)) {
        return DECLINED;
    }
    r->user = apr_pstrdup(r->pool, "bench");
    return OK;
}

static int phase_authz(request_rec *r)
{
    if (!is_phases(r)) {
        return DECLINED;
    }
    return strcmp(r->user, "bench") == 0 ? OK : HTTP_FORBIDDEN;
}

static int phase_fixup(request_rec *r)
{
    if (!is_phases(r)) {
        return DECLINED;
    }
    apr_table_set(r->headers_out, "X-Bench", "fixup");
    return OK;
}

static int phases(request_rec *r)
{
    ap_set_content_type(r, "text/plain");
    ap_rputs(r->user, r);
    return OK;
}

/* Copies what passes into buckets of its own, and flushes where Python's filters do: at the end of each invocation. */
static apr_status_t copy(ap_filter_t *f, apr_bucket_brigade *in)
{
    apr_bucket_brigade *out = apr_brigade_create(f->r->pool, f->c->bucket_alloc);

    for (apr_bucket *b = APR_BRIGADE_FIRST(in); b != APR_BRIGADE_SENTINEL(in); b = APR_BUCKET_NEXT(b)) {
        const char *data;
        apr_size_t length;
        apr_status_t status;

        if (APR_BUCKET_IS_EOS(b)) {
            APR_BRIGADE_INSERT_TAIL(out, apr_bucket_eos_create(f->c->bucket_alloc));
            break;
        }
        if (APR_BUCKET_IS_METADATA(b)) {
            continue;
        }
        if ((status = apr_bucket_read(b, &data, &length, APR_BLOCK_READ)) != APR_SUCCESS) {
            return status;
        }
        APR_BRIGADE_INSERT_TAIL(out, apr_bucket_heap_create(data, length, NULL, f->c->bucket_alloc));
    }
    apr_brigade_cleanup(in);
    return ap_pass_brigade(f->next, out);
}

static const struct {
    const char *name;
    int (*answer)(request_rec *);
} cases[] = {
    {"bench-hello", hello},   {"bench-hello-flush", hello_flush}, {"bench-attributes", attributes},
    {"bench-writes", writes}, {"bench-writes-flush", writes_flush}, {"bench-sendfile", sendfile_},
    {"bench-upload", upload}, {"bench-phases", phases},         {NULL, NULL},
};

static int answer(request_rec *r)
{
    if (!r->handler || strncmp(r->handler, "bench-", 6) != 0) {
        return DECLINED;
    }
    for (int row = 0; cases[row].name; row++) {
        if (strcmp(r->handler, cases[row].name) == 0) {
            return cases[row].answer(r);
        }
    }
    return DECLINED;
}

static void register_hooks(apr_pool_t *pool)
{
    (void)pool;
    memset(block, 'x', sizeof(block));
    ap_hook_handler(answer, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_check_access(phase_access, NULL, NULL, APR_HOOK_MIDDLE, AP_AUTH_INTERNAL_PER_CONF);
    ap_hook_check_authn(phase_authen, NULL, NULL, APR_HOOK_MIDDLE, AP_AUTH_INTERNAL_PER_CONF);
    ap_hook_check_authz(phase_authz, NULL, NULL, APR_HOOK_MIDDLE, AP_AUTH_INTERNAL_PER_CONF);
    ap_hook_fixups(phase_fixup, NULL, NULL, APR_HOOK_MIDDLE);
    ap_register_output_filter("BENCH-COPY", copy, NULL, AP_FTYPE_RESOURCE);
}

AP_DECLARE_MODULE(bench) = {STANDARD20_MODULE_STUFF, NULL, NULL, NULL, NULL, NULL, register_hooks, 0};
