/* sys/event.h - what BSD and macOS have in <sys/event.h>, for Linux.
 *
 * Not part of the lesson; need not be read. ../kqueue.c implements it, and says
 * there what it cannot do. The values are FreeBSD's; on macOS, EVFILT_USER and
 * the units of a timer have others. */

#ifndef COMPAT_SYS_EVENT_H
#define COMPAT_SYS_EVENT_H

#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#define EVFILT_READ (-1)
#define EVFILT_WRITE (-2)
#define EVFILT_TIMER (-7)
#define EVFILT_USER (-11)

struct kevent {
    uintptr_t ident;      /* a descriptor, or any number: timer, user */
    short filter;         /* EVFILT_ */
    unsigned short flags; /* EV_ */
    unsigned int fflags;  /* NOTE_, or a socket's error */
    int64_t data;         /* bytes, connections, expirations or an errno */
    void *udata;          /* the caller's, handed back as it is */
};

#define EV_SET(kevp, a, b, c, d, e, f)                  \
    (*(kevp) = (struct kevent){.ident = (uintptr_t)(a), \
         .filter = (short)(b),                          \
         .flags = (unsigned short)(c),                  \
         .fflags = (unsigned int)(d),                   \
         .data = (int64_t)(e),                          \
         .udata = (f)})

/* What to do with the event. */
#define EV_ADD 0x0001
#define EV_DELETE 0x0002
#define EV_ENABLE 0x0004
#define EV_DISABLE 0x0008

/* How it behaves. */
#define EV_ONESHOT 0x0010  /* deleted when it is returned */
#define EV_CLEAR 0x0020    /* returned again only when something new comes */
#define EV_RECEIPT 0x0040  /* answer this change with an EV_ERROR entry */
#define EV_DISPATCH 0x0080 /* disabled when it is returned */

/* Only in answers. */
#define EV_ERROR 0x4000
#define EV_EOF 0x8000

/* EVFILT_READ and EVFILT_WRITE. Refused here with EINVAL. */
#define NOTE_LOWAT 0x00000001

/* EVFILT_TIMER: the unit of data; milliseconds without any. */
#define NOTE_SECONDS 0x00000001
#define NOTE_MSECONDS 0x00000002
#define NOTE_USECONDS 0x00000004
#define NOTE_NSECONDS 0x00000008

/* EVFILT_USER: the upper two bits say what happens to the lower 24. */
#define NOTE_FFNOP 0x00000000U
#define NOTE_FFAND 0x40000000U
#define NOTE_FFOR 0x80000000U
#define NOTE_FFCOPY 0xc0000000U
#define NOTE_FFCTRLMASK 0xc0000000U
#define NOTE_FFLAGSMASK 0x00ffffffU
#define NOTE_TRIGGER 0x01000000U

int kqueue(void);
int kevent(int kq, const struct kevent *changelist, int nchanges,
    struct kevent *eventlist, int nevents, const struct timespec *timeout);

#endif
