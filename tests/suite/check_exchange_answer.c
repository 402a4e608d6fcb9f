/* check_exchange_answer.c - what is built in, bodies, limits, and answers that
 * are taken back. */
#include "check_exchange.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

/* ---- Answers ------------------------------------------------------------ */

static const struct exchanged exchanged[] = {
    {TEXT(GET("/hello")), TEXT(HELLO), false},
    {TEXT("\r\n" GET("/hello") GET("/hello")), TEXT(HELLO HELLO), false},
    {TEXT(GET("/") GET("/nope")),
        TEXT(ANSWER("200 OK", "text/html; charset=utf-8", LENGTH("7"),
            KEEP) "<p>page" NOT_FOUND),
        false},
    {TEXT(HEAD("/hello") HEAD("/nope") GET("/hello")),
        TEXT(ANSWER("200 OK", "text/plain", LENGTH("13"), KEEP) ANSWER(
            "404 Not Found", "text/plain", LENGTH("14"), KEEP) HELLO),
        false},
    {TEXT("GET /hello HTTP/1.0\r\n\r\n" GET("/hello")),
        TEXT(ANSWER(
            "200 OK", "text/plain", LENGTH("13"), "close") "Hello, world\n"),
        true},
    {TEXT("GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"), TEXT(HELLO),
        false},
    {TEXT(POST("/hello", "") GET("/hello")),
        TEXT(ANSWER("405 Method Not Allowed", "text/plain",
            LENGTH("23") "Allow: GET, HEAD\r\n",
            KEEP) "405 Method Not Allowed\n" HELLO),
        false},
    {TEXT(POST("/echo", "") GET("/hello")), TEXT(ECHO("0") HELLO), false},
    {TEXT(POST("/echo", LENGTH("5")) "GET /" GET("/hello")),
        TEXT(ECHO("5") "GET /" HELLO), false},
    {TEXT(POST("/echo", LENGTH("1")) "a" POST("/echo", LENGTH("2")) "bc"),
        TEXT(ECHO("1") "a" ECHO("2") "bc"), false},
    {TEXT(POST("/echo", LENGTH("2")) "bc"
                                     "GET  /" GET("/hello")),
        TEXT(ECHO("2") "bc" BAD), true},
    {TEXT(POST("/nope", LENGTH("5")) "GET /" GET("/hello")),
        TEXT(NOT_FOUND HELLO), false},
    {TEXT(POST("/nope", CHUNKED) "5\r\nGET /\r\n0\r\nA: b\r\n\r\n" GET(
         "/hello")),
        TEXT(NOT_FOUND HELLO), false},
    {TEXT(POST("/echo", CHUNKED) "0\r\n\r\n" GET("/hello")),
        TEXT(ECHO_CHUNKED "0\r\n\r\n" HELLO), false},
    {TEXT(POST("/echo", CHUNKED) "1\r\nx\r\n01;a=b\r\ny\r\n0\r\n\r\n" GET(
         "/hello")),
        TEXT(ECHO_CHUNKED "1\r\nx\r\n1\r\ny\r\n0\r\n\r\n" HELLO), false},
    {TEXT(POST("/nope", LENGTH("1048577")) GET("/hello")), TEXT(TOO_LARGE),
        true},
    {TEXT(POST("/nope", EXPECT LENGTH("5")) GET("/hello")),
        TEXT(ANSWER("404 Not Found", "text/plain", LENGTH("14"),
            "close") "404 Not Found\n"),
        true},
    {TEXT("GET /hello HTTP/1.1\r\nHost: a\r\nIf-None-Match: *\r\n\r\n" GET(
         "/hello")),
        TEXT("HTTP/1.1 304 Not Modified\r\n"
             "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
             "Connection: keep-alive\r\n\r\n" HELLO),
        false},
    {TEXT("GET /\r\n" GET("/hello")), TEXT(BAD), true},
    {TEXT(GET("/hello") "GET  /\r\n" GET("/hello")), TEXT(HELLO BAD), true},
};

START_TEST(test_answers)
{
    assert_all_ways(&exchanged[_i]);
}
END_TEST

/* Answers leave together, as many as there is room for. */
START_TEST(test_pipeline)
{
    size_t len = 0, many = 1000, one = sizeof(HELLO) - 1;
    for (size_t i = 0; i < many; i++)
        len += build(wire + len, GET("/hello"), 0, "");
    run(wire, len, ALL, ALL, ALL);
    ck_assert_uint_eq(got_len, many * one);
    for (size_t i = 0; i < many; i++)
        ck_assert_mem_eq(got + i * one, HELLO, one);
    ck_assert_int_lt(client.takes, 10);
    ck_assert_uint_eq(stats.requests, many);
    ck_assert_uint_eq(stats.received, len);
    ck_assert_uint_eq(stats.sent, got_len);
}
END_TEST

/* The longest head is taken, with a body behind it; a byte more is not. */
START_TEST(test_head_limit)
{
    static char text[ROOM];
    size_t fixed = sizeof(POST("/echo", LENGTH("3") "A: \r\n")) - 1;
    for (size_t over = 0; over <= 1; over++) {
        build(text, POST("/echo", LENGTH("3")), 0, "");
        size_t len = build(text + fixed - 7,
            "A: ", HTTP_HEAD_MAX - fixed + over, "\r\n\r\nabc" GET("/hello"));
        len += fixed - 7;
        for (size_t cut = 8100; cut < 8200; cut++) {
            run(text, len, cut, ALL, ALL);
            if (over == 0) assert_got(TEXT(ECHO("3") "abc" HELLO));
            if (over == 1) ck_assert_mem_eq(got, "HTTP/1.1 431", 12);
            assert_ended(over == 1);
        }
    }
}
END_TEST

/* All 64 fields, and one above. */
START_TEST(test_fields_limit)
{
    for (int fields = HTTP_FIELDS_MAX; fields <= HTTP_FIELDS_MAX + 1;
         fields++) {
        size_t len = build(wire, "GET /hello HTTP/1.1\r\nHost: a\r\n", 0, "");
        for (int i = 1; i < fields; i++)
            len += build(wire + len, "A: b\r\n", 0, "");
        len += build(wire + len, "\r\n", 0, "");
        run(wire, len, ALL, ALL, ALL);
        if (fields == HTTP_FIELDS_MAX)
            assert_got(TEXT(HELLO));
        else
            ck_assert_mem_eq(got, "HTTP/1.1 431", 12);
    }
}
END_TEST

/* ---- Bodies ------------------------------------------------------------- */

/* Any bytes, any pieces, and requests before and after. */
START_TEST(test_echo_counted)
{
    static char head[ROOM], answer[MANY];
    uint32_t seed = (uint32_t)_i;
    size_t body = dice(&seed) % 300000;
    snprintf(head, sizeof head,
        GET("/hello") "POST /echo HTTP/1.1\r\n"
                      "Host: a\r\nContent-Length: %zu\r\n\r\n",
        body);
    size_t len = build(wire, head, 0, "");
    random_body(wire + len, body, &seed);
    snprintf(head, sizeof head,
        HELLO ANSWER("200 OK", "application/octet-stream",
            "Content-Length: %zu\r\n", KEEP),
        body);
    size_t out = build(answer, head, 0, "");
    memcpy(answer + out, wire + len, body);
    len += body + build(wire + len + body, GET("/nope"), 0, "");
    out += body + build(answer + out + body, NOT_FOUND, 0, "");
    run(wire, len, dice(&seed) % 300, dice(&seed) % 20000 + 1,
        dice(&seed) % 70000 + 1);
    assert_got(answer, out);
    assert_ended(false);
}
END_TEST

/* What the client makes of an answer in chunks, which lies at `at`: its body,
 * in its place. Result: where the next answer begins. */
static size_t
decode(size_t at, size_t *body)
{
    struct http_chunked c;
    http_chunked_init(&c);
    *body = 0;
    for (size_t from = at; !c.done && at < got_len;) {
        struct http_slice data;
        ssize_t n = http_chunked_decode(&c, got + at, got_len - at, &data);
        ck_assert_int_gt(n, 0);
        if (data.len > 0) memmove(got + from + *body, data.at, data.len);
        *body += data.len;
        at += (size_t)n;
    }
    ck_assert(c.done);
    return at;
}

/* Chunks of one size, from tiny to larger than all buffers; at the end one of
 * what is left. */
START_TEST(test_echo_chunked)
{
    static char body[200000];
    static const size_t sizes[] = {1, 2, 15, 16, 4096, 65536, 200000};
    uint32_t seed = (uint32_t)_i;
    size_t all = random_body(body, dice(&seed) % sizeof body, &seed);
    size_t most = sizes[_i % 7], head = sizeof(ECHO_CHUNKED) - 1, n, found;
    size_t len = build(wire, POST("/echo", CHUNKED), 0, "");
    for (size_t at = 0; at < all; at += n) {
        n = least(most, all - at);
        len += (size_t)sprintf(wire + len, "%zX\r\n", n);
        memcpy(wire + len, body + at, n);
        memcpy(wire + len + n, "\r\n", 2);
        len += n + 2;
    }
    len += build(wire + len, "0\r\n\r\n" GET("/hello"), 0, "");
    run(wire, len, ALL, dice(&seed) % 20000 + 1, dice(&seed) % 70000 + 1);
    ck_assert_mem_eq(got, ECHO_CHUNKED, head);
    size_t end = decode(head, &found);
    ck_assert_uint_eq(found, all);
    ck_assert_mem_eq(got + head, body, all);
    ck_assert_uint_eq(got_len - end, sizeof(HELLO) - 1);
    ck_assert_mem_eq(got + end, HELLO, got_len - end);
}
END_TEST

/* A body that nobody wants is forgotten up to the limit; a byte more is 413,
 * and nothing behind it is read. */
START_TEST(test_discard_limit)
{
    for (int over = 0; over <= 1; over++) {
        size_t data = EXCHANGE_DISCARD_MAX + (size_t)over;
        size_t len = (size_t)sprintf(wire,
            _i == 0 ? POST("/nope", "Content-Length: %zu\r\n")
                    : POST("/nope", CHUNKED) "%zx\r\n",
            data);
        memset(wire + len, 'a', data);
        len += data;
        len += build(wire + len, _i == 0 ? "" : "\r\n0\r\n\r\n", 0, "");
        len += build(wire + len, GET("/hello"), 0, "");
        run(wire, len, ALL, 10000, ALL);
        if (over == 0) assert_got(TEXT(NOT_FOUND HELLO));
        if (over == 1) assert_got(TEXT(TOO_LARGE));
        assert_ended(over == 1);
    }
}
END_TEST

/* The client waits for a word, and then sends. One that has begun with its body
 * does not wait. */
START_TEST(test_continue)
{
    static const char head[] = POST("/echo", EXPECT LENGTH("3"));
    static const char word[] = "HTTP/1.1 100 Continue\r\n\r\n";
    static const char request[] =
        POST("/echo", EXPECT LENGTH("3")) "abc" GET("/hello");
    run(TEXT(head), ALL, ALL, 3);
    assert_got(TEXT(word));
    ck_assert(exchange_busy(x));
    run(TEXT(request), sizeof head - 1, ALL, ALL);
    assert_got(TEXT("HTTP/1.1 100 Continue\r\n\r\n" ECHO("3") "abc" HELLO));
    run(TEXT(request), sizeof head, ALL, ALL);
    assert_got(TEXT(ECHO("3") "abc" HELLO));
}
END_TEST

/* ---- Answers that are taken back ---------------------------------------- */

/* Before a byte has left: the other answer, and no trace of the first. What was
 * answered before stays. */
START_TEST(test_retracted)
{
    static const char text[] =
        GET("/hello") POST("/echo", CHUNKED) "3\r\nabc\r\nno" GET("/hello");
    run(TEXT(text), ALL, ALL, ALL);
    assert_got(TEXT(HELLO BAD));
    assert_ended(true);
    run(TEXT(text), sizeof(GET("/hello")) - 1, ALL, 5);
    assert_got(TEXT(HELLO BAD));
}
END_TEST

/* Afterwards: what there is of it, no last chunk, and the end. */
START_TEST(test_cut_off)
{
    static const char first[] = POST("/echo", CHUNKED) "3\r\nabc\r\n";
    static const char text[] =
        POST("/echo", CHUNKED) "3\r\nabc\r\nno" GET("/hello");
    run(TEXT(text), sizeof first - 1, ALL, ALL);
    assert_got(TEXT(ECHO_CHUNKED "3\r\nabc\r\n"));
    assert_ended(true);
}
END_TEST

/* ---- What the server asks ----------------------------------------------- */

/* No further requests; what has begun goes on. */
START_TEST(test_closing)
{
    static const char text[] = POST("/echo", LENGTH("4")) "abcd" GET("/hello");
    begin(TEXT(text), sizeof(POST("/echo", LENGTH("4"))), ALL, ALL);
    while (client.at < client.first)
        ck_assert(turn());
    ck_assert_int_eq(exchange_next(x), EXCHANGE_SEND);
    ck_assert(exchange_busy(x));
    site.closing = true;
    go_on();
    assert_got(TEXT(ECHO("4") "abcd"));
    assert_ended(true);
}
END_TEST

/* An answer that is made then says that it is the last. */
START_TEST(test_closing_is_said)
{
    static const char text[] = POST("/echo", LENGTH("4")) "abcd" GET("/hello");
    begin(TEXT(text), sizeof(POST("/echo", LENGTH("4"))) - 1, ALL, ALL);
    ck_assert(turn());
    ck_assert_int_eq(exchange_next(x), EXCHANGE_RECV);
    site.closing = true;
    go_on();
    assert_got(TEXT(ANSWER(
        "200 OK", "application/octet-stream", LENGTH("4"), "close") "abcd"));
    assert_ended(true);
}
END_TEST

START_TEST(test_idle_and_busy)
{
    begin(TEXT(GET("/hello") "G"), 3, ALL, 1);
    ck_assert(exchange_idle(x) && !exchange_busy(x));
    ck_assert(turn());
    ck_assert_int_eq(exchange_next(x), EXCHANGE_RECV);
    ck_assert(!exchange_idle(x) && !exchange_busy(x));
    ck_assert(turn() && turn());
    ck_assert(exchange_busy(x) && !exchange_idle(x));
    go_on();
    ck_assert(!exchange_busy(x) && !exchange_idle(x));
    run(TEXT(GET("/hello")), ALL, ALL, ALL);
    ck_assert(!exchange_busy(x) && exchange_idle(x));
    run(TEXT(POST("/echo", LENGTH("4"))), ALL, ALL, ALL);
    ck_assert(exchange_busy(x) && !exchange_idle(x));
}
END_TEST

/* A head counts when it is complete, and bytes when there are enough. */
START_TEST(test_got_on)
{
    static const char head[] = POST("/echo", LENGTH("9999"));
    size_t len = sizeof head - 1;
    memcpy(wire, head, len);
    memset(wire + len, 'a', 9999);
    begin(wire, len + 9999, len - 1, 1, 1 << 16);
    ck_assert(turn());
    ck_assert_int_eq(exchange_next(x), EXCHANGE_RECV);
    ck_assert(!exchange_got_on(x));
    ck_assert(turn());
    ck_assert_int_eq(exchange_next(x), EXCHANGE_RECV);
    ck_assert(exchange_got_on(x) && !exchange_got_on(x));
    client.piece = EXCHANGE_PROGRESS - 1;
    ck_assert(turn());
    ck_assert(!exchange_got_on(x));
    ck_assert(turn()); /* the answer's head, and as many bytes */
    ck_assert(exchange_got_on(x) && !exchange_got_on(x));
}
END_TEST

/* So does the body that nobody wants; and its end, however short it is. */
START_TEST(test_got_on_body)
{
    size_t len = build(wire, POST("/nope", LENGTH("4099")), 4099, "");
    begin(wire, len, len - 4099, EXCHANGE_PROGRESS, ALL);
    ck_assert(turn());
    ck_assert_int_eq(exchange_next(x), EXCHANGE_RECV);
    ck_assert(exchange_got_on(x));
    ck_assert(turn());
    ck_assert(exchange_got_on(x) && !exchange_got_on(x));
    ck_assert(turn());
    ck_assert(!exchange_got_on(x));
    ck_assert_int_eq(exchange_next(x), EXCHANGE_SEND);
    ck_assert(exchange_got_on(x));
}
END_TEST

/* A part of a head does not count, however long. */
START_TEST(test_got_on_head)
{
    size_t len = build(wire, "GET / HTTP/1.1\r\nA: ", 8000, "");
    run(wire, len, ALL, 100, ALL);
    ck_assert(!exchange_got_on(x));
}
END_TEST

/* Descriptor 0 is one as any other; an exchange without a file has none. */
START_TEST(test_no_file)
{
    int fd = open("/dev/null", O_RDONLY);
    ck_assert_int_eq(dup2(fd, 0), 0);
    begin(TEXT(""), ALL, ALL, ALL);
    exchange_free(&x);
    ck_assert_int_ne(fcntl(0, F_GETFD), -1);
}
END_TEST

/* 408, 503: instead of an answer; in the midst of one, the end. */
START_TEST(test_refused)
{
    static const char head[] = POST("/echo", LENGTH("9"));
    run(TEXT("GET /"), ALL, ALL, ALL);
    exchange_refuse(x, 408);
    go_on();
    assert_got(TEXT(SLOW));
    assert_ended(true);
    run(TEXT(head), ALL, ALL, ALL);
    exchange_refuse(x, 408);
    go_on();
    assert_got(TEXT(SLOW));
    run(TEXT(POST("/echo", LENGTH("9")) "abc"), ALL, ALL, ALL);
    exchange_refuse(x, 408);
    assert_ended(true);
    assert_got(TEXT(ECHO("9") "abc"));
}
END_TEST

/* A part of a HEAD that came behind another request gets no body either. */
START_TEST(test_refused_head)
{
    run(TEXT(GET("/hello") "HEAD / HTTP/1.1\r\n"), ALL, ALL, ALL);
    ck_assert_int_eq(exchange_next(x), EXCHANGE_RECV);
    (void)exchange_op(x, EXCHANGE_RECV, CLIENT); /* it is canceled */
    exchange_refuse(x, 408);
    go_on();
    assert_got(TEXT(HELLO ANSWER(
        "408 Request Timeout", "text/plain", LENGTH("20"), "close")));
}
END_TEST

START_TEST(test_no_memory)
{
    memory_end();
    ck_assert_ptr_null(exchange_new(&site));
}
END_TEST

/* ---- The suite ---------------------------------------------------------- */

void
add_answers(Suite *s)
{
    TCase *tc = part(s, "answers", set_up, NULL);
    tcase_add_loop_test(tc, test_answers, 0, COUNT(exchanged));
    tcase_add_test(tc, test_pipeline);
    tcase_add_test(tc, test_head_limit);
    tcase_add_test(tc, test_fields_limit);
    tc = part(s, "bodies", set_up, NULL);
    tcase_add_loop_test(tc, test_echo_counted, 0, 20);
    tcase_add_loop_test(tc, test_echo_chunked, 0, 21);
    tcase_add_loop_test(tc, test_discard_limit, 0, 2);
    tcase_add_test(tc, test_continue);
    tcase_add_test(tc, test_retracted);
    tcase_add_test(tc, test_cut_off);
    tc = part(s, "server", set_up, NULL);
    tcase_add_test(tc, test_closing);
    tcase_add_test(tc, test_closing_is_said);
    tcase_add_test(tc, test_idle_and_busy);
    tcase_add_test(tc, test_got_on);
    tcase_add_test(tc, test_got_on_body);
    tcase_add_test(tc, test_got_on_head);
    tcase_add_test(tc, test_no_file);
    tcase_add_test(tc, test_refused);
    tcase_add_test(tc, test_refused_head);
    tcase_add_test(tc, test_no_memory);
}
