/* trace.h - what the parts of a traced server share. tests/tools/trace links
 * trace.c, and one or two of the others, into a chapter's server. The linker's
 * --wrap=recv turns the server's recv into __wrap_recv, and __real_recv is
 * recv.
 *
 * The log has one line for each call. It begins with the address behind the
 * call, "0x4011d6 ", from which tests/tools/trace finds the source line, or
 * with function, file and line, "@conn_fill server.c 153 ". */
#ifndef TRACE_H
#define TRACE_H

/* Append to the line; as printf. */
void trace_put(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The result of a call. error: its errno. */
void trace_result(long rc, int error);

/* The same, where it is a count or -errno. */
void trace_answer(long res);

/* The line is complete: into the log, in one write(2). */
void trace_end(void);

/* A call that may have waited has returned: log what the client did meanwhile.
 * Before the line of that call is begun. */
void trace_news(void);

/* The socket that was announced; -1: none yet. */
int trace_listener(void);

#endif
