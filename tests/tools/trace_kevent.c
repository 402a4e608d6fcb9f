/* trace_kevent.c - for chapter 03: logs each kevent when it has returned. */
#include "trace.h"

#include <sys/types.h>

#include <sys/event.h>

#include <errno.h>
#include <string.h>
#include <time.h>

/* What kevent() takes: "fd 5: READ". */
static void
put_what(const struct kevent *k)
{
    const char *form = k->filter == EVFILT_TIMER ? "timer %ld: " : "fd %ld: ";
    trace_put(form, (long)k->ident);
    trace_put("%s", k->filter == EVFILT_READ    ? "READ"
                    : k->filter == EVFILT_WRITE ? "WRITE"
                    : k->filter == EVFILT_TIMER ? "TIMER"
                                                : "?");
}

static void
put_flags(unsigned int flags)
{
    static const struct {
        unsigned int flag;
        const char *name;
    } all[] = {{EV_ADD, "ADD"}, {EV_ENABLE, "ENABLE"}, {EV_DISABLE, "DISABLE"},
        {EV_DELETE, "DELETE"}, {EV_ONESHOT, "ONESHOT"}, {EV_CLEAR, "CLEAR"}};
    const char *between = ", ";
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        if ((flags & all[i].flag) == 0) continue;
        trace_put("%s%s", between, all[i].name);
        between = "|";
    }
}

/* An event: what it says besides its name. */
static void
put_news(const struct kevent *k)
{
    const char *unit = (int)k->ident == trace_listener() ? "waiting" : "bytes";
    if (k->flags & EV_ERROR)
        trace_put(", EV_ERROR: %s", strerror((int)k->data));
    else
        trace_put(", %ld %s", (long)k->data, unit);
    if (k->flags & EV_EOF) trace_put(", EV_EOF");
}

static void
put_changes(const struct kevent *changes, int count)
{
    for (int i = 0; i < count; i++) {
        trace_put(", [");
        put_what(&changes[i]);
        put_flags(changes[i].flags);
        trace_put("]");
    }
}

static void
put_events(const struct kevent *events, int count)
{
    for (int i = 0; i < count; i++) {
        trace_put(" [");
        put_what(&events[i]);
        put_news(&events[i]);
        trace_put("]");
    }
}

int __real_kevent(int kq, const struct kevent *c, int nc, struct kevent *e,
    int ne, const struct timespec *t);
int __wrap_kevent(int kq, const struct kevent *c, int nc, struct kevent *e,
    int ne, const struct timespec *t);

int
__wrap_kevent(int kq, const struct kevent *c, int nc, struct kevent *e, int ne,
    const struct timespec *t)
{
    int rc = __real_kevent(kq, c, nc, e, ne, t), error = errno;
    trace_news();
    trace_put("%p kevent(kq", __builtin_return_address(0));
    if (nc == 0) trace_put(", []");
    put_changes(c, nc);
    if (t == NULL)
        trace_put(", wait)");
    else
        trace_put(", at most %ld s)", (long)t->tv_sec);
    trace_result(rc, error);
    put_events(e, rc);
    trace_end();
    errno = error;
    return rc;
}
