// differences.js - where our parser and llhttp may disagree, and why.
//
// A message that both accept must be the same to both: its head, its body, and
// where it ends. So almost all that is allowed here are refusals: one of the
// two refuses what the other accepts. Each kind has its reason and its section
// in an RFC; what none of them explains is a failure.
//
// A rule is [ what and why, test ]. The test gets the request as a string, and
// what the parser that accepts it has read.
'use strict'
const net = require('net')

// ---- What the tests look at -----------------------------------------------

// The lines of ours.c: method, target, minor version, "on" or "end", fields.
const line = (x, number) => x.text.split('\n')[number]
const method = (x) => line(x, 0)
const target = (x) => line(x, 1)
const minor = (x) => Number(line(x, 2))

const fields = (x) => {
    const lines = x.text.split('\n').slice(4)
    return lines.slice(0, lines.indexOf(''))
}

const values = (x, name) => fields(x)
    .filter(field => field.toLowerCase().startsWith(`${name}:`))
    .map(field => field.slice(name.length + 1))

const list = (x, name) => values(x, name).join(',').toLowerCase().split(',')
    .map(element => element.replace(/^[ \t]+|[ \t]+$/g, ''))

// The request line, without the empty lines before it.
const requestLine = (request) => /^[\r\n]*([^\r\n]*)/.exec(request)[1]

// RFC 3986, and a port of at most 65535.
const name = "(?:[A-Za-z0-9._~!$&'()*+,;=-]|%[0-9A-Fa-f]{2})+"
const rest = "(?:[A-Za-z0-9._~!$&'()*+,;=:@/?[\\]-]|%[0-9A-Fa-f]{2})*"
const authority = new RegExp(`^(?:\\[([^\\]]*)\\]|${name})(?::(\\d*))?$`)
const uri = new RegExp(`^http://([^/?]*)(?:[/?]${rest})?$`, 'i')
const origin = new RegExp(`^/${rest}$`)

const isAuthority = (text) => {
    const found = authority.exec(text)
    return found && (found[1] === undefined || net.isIPv6(found[1])) &&
        Number(found[2] ?? 0) <= 65535
}

const isTarget = (method, text) => {
    if (method === 'CONNECT')
        return isAuthority(text) && /:0*[1-9]\d*$/.test(text)
    if (text === '*') return method === 'OPTIONS'
    const found = uri.exec(text)
    return origin.test(text) || (found && isAuthority(found[1]))
}

// ---- A body in chunks, by the grammar of RFC 9112 7.1 and nothing else ----

const token = "[!#$%&'*+.^_`|~0-9A-Za-z-]+"
const quoted = '"(?:[\\t !#-\\[\\]-~\\x80-\\xff]|\\\\[\\t -~\\x80-\\xff])*"'
const blanks = '[ \\t]*'
const extension = `${blanks};${blanks}${token}` +
    `(?:${blanks}=${blanks}(?:${token}|${quoted}))?`
const sizeLine = new RegExp(`([0-9A-Fa-f]+)((?:${extension})*)\\r\\n`, 'y')
const field = `${token}:[\\t -~\\x80-\\xff]*\\r\\n`
const trailer = new RegExp(`((?:${field})*)\\r\\n`, 'y')

const isChunked = (x) => list(x, 'transfer-encoding').join() === 'chunked'

const match = (pattern, text, at) => {
    pattern.lastIndex = at
    return pattern.exec(text)
}

// { sizes, extensions, trailer } as far as the grammar holds; and where it does
// not, if so, with what is left from there on.
const chunks = (request) => {
    const all = { sizes: [], extensions: [], trailer: '', where: '', left: '' }
    const stop = (where, at) =>
        Object.assign(all, { where, left: request.slice(at) })
    let at = request.indexOf('\r\n\r\n', request.search(/[^\r\n]/)) + 4
    for (let size = 1; size > 0;) {
        const found = match(sizeLine, request, at)
        if (!found) return stop('size', at)
        all.sizes.push(found[1])
        all.extensions.push(found[2])
        size = parseInt(found[1], 16)
        at += found[0].length
        if (size === 0) break
        at += size + 2
        if (request.slice(at - 2, at) !== '\r\n') return stop('data', at - 2)
    }
    const found = match(trailer, request, at)
    all.trailer = found ? found[1] : ''
    return found ? all : stop('trailer', at)
}

// With one that is not complete.
const sizes = (request) => {
    const { sizes, left } = chunks(request)
    return [ ...sizes, /^[0-9a-f]*/i.exec(left)[0] ]
}

// ---- We refuse, llhttp accepts --------------------------------------------

const weRefuse = [
    // llhttp takes more spaces, and HTTP/0.9 with fields. Both are allowed to a
    // lenient server (RFC 9112 3); who is strict is not fooled.
    [ 'not METHOD SP TARGET SP VERSION (RFC 9112 3)',
        (request) => !/^[^ ]+ [^ ]+ HTTP\/\d\.\d$/.test(requestLine(request)) ],

    [ 'a major version other than 1 (RFC 9110 15.6.6: 505)',
        (request) => !/ HTTP\/1\.\d$/.test(requestLine(request)) ],

    // llhttp takes what browsers send, and does not look at the four forms.
    [ 'a target of none of the four forms (RFC 9112 3.2: 400 or 421)',
        (request, b) => !isTarget(method(b), target(b)) ],

    // From here on to the next blank line: llhttp leaves it to its caller.
    [ 'Host is missing, twice or invalid (RFC 9112 3.2: 400)',
        (request, b) => {
            const hosts = values(b, 'host')
            return hosts.length > 1 || (minor(b) > 0 && hosts.length === 0) ||
                hosts.some(host => host !== '' && !isAuthority(host))
        } ],
    [ 'a transfer coding other than chunked (RFC 9112 6.1: 501)',
        (request, b) => values(b, 'transfer-encoding').length > 0 &&
            !isChunked(b) ],
    [ 'a transfer coding in HTTP/1.0 (RFC 9112 6.1)',
        (request, b) => minor(b) === 0 &&
            values(b, 'transfer-encoding').length > 0 ],
    [ 'an Expect that we do not know (RFC 9110 10.1.1: 417)',
        (request, b) => list(b, 'expect')
            .some(element => ![ '', '100-continue' ].includes(element)) ],
    [ 'too many fields, or too long (RFC 6585 5: 431, RFC 9112 3: 414)',
        (request, b) => fields(b).length > 64 || target(b).length > 8000 ||
            request.indexOf('\r\n\r\n') > 8192 - 4 ],

    // llhttp counts to 2^64; our numbers have a sign.
    [ 'a Content-Length of 2^63 or more (RFC 9110 8.6)',
        (request, b) => values(b, 'content-length')
            .some(length => BigInt(length) >= 2n ** 63n) ],
    [ 'a chunk size of 2^63, or more than 16 digits (RFC 9112 7.1)',
        (request, b) => isChunked(b) && sizes(request).some(size =>
            size.length > 16 || BigInt(`0x0${size}`) >= 2n ** 63n) ],

    // llhttp skips the rest of the line where it does not understand it.
    [ 'a malformed chunk extension (RFC 9112 7.1.1)',
        (request, b) => isChunked(b) && chunks(request).where === 'size' &&
            /^[0-9A-Fa-f]+;/.test(chunks(request).left) ],

    // llhttp does not read it: see below.
    [ 'CONNECT with malformed content (RFC 9112 7.1)',
        (request, b) => method(b) === 'CONNECT' && isChunked(b) ],

    // llhttp skips any CR and LF.
    [ 'more than four empty lines before the request (RFC 9112 2.2)',
        (request) => !/^(?:\r\n){0,4}[^\r\n]/.test(request) ],
]

// ---- We accept, llhttp refuses --------------------------------------------

const llhttpRefuses = [
    [ 'a method that llhttp does not know (RFC 9110 9.1: any token)',
        (request, a, methods) => !methods.has(method(a)) ],

    [ 'HTTP/1.2 to 1.9, to us as 1.1 (RFC 9110 2.5)',
        (request, a) => minor(a) > 1 ],

    // OWS is space and tab; to llhttp it is space.
    [ 'a tab around a length or coding (RFC 9110 5.6.3)',
        (request) => /\n(?:content-length|transfer-encoding):[^\r\n]*\t/i
            .test(request) ],

    // BWS must not be sent, but must be read.
    [ 'blanks in a chunk extension (RFC 9110 5.6.3)',
        (request, a) => isChunked(a) &&
            chunks(request).extensions.some(all => /[ \t]/.test(all)) ],

    // To us a trailer field means nothing; llhttp reads it as in a head.
    [ 'a trailer field that would frame a message (RFC 9110 6.5.1)',
        (request, a) => {
            const { trailer, where, left } = chunks(request)
            const framing =
                /^(?:content-length|connection|transfer-encoding):/im
            return isChunked(a) &&
                framing.test(where === 'trailer' ? left : trailer)
        } ],
]

// ---- Both accept ----------------------------------------------------------

// But for the fourth line, which tells whether the connection goes on?
const sameButOn = (a, b) => {
    const rest = (x) =>
        x.text.split('\n').filter((text, i) => i !== 3).join('\n')
    return a.verdict === b.verdict && a.end === b.end && rest(a) === rest(b)
}

const bothAccept = [
    // llhttp goes on.
    [ 'close and keep-alive in HTTP/1.0: close wins (RFC 9112 9.3)',
        (request, a, b) => sameButOn(a, b) && minor(a) === 0 &&
            list(a, 'connection').includes('close') &&
            list(a, 'connection').includes('keep-alive') ],

    // To llhttp it is.
    [ 'Proxy-Connection is not Connection (RFC 9112 C.2.2)',
        (request, a, b) => sameButOn(a, b) &&
            values(a, 'proxy-connection').length > 0 ],

    // Then llhttp does not know the option.
    [ 'a tab around an option of Connection (RFC 9110 5.6.1)',
        (request, a, b) => sameButOn(a, b) &&
            /\nconnection:[^\r\n]*\t/i.test(request) ],

    // The message ends elsewhere, in these two cases and no other. llhttp gives
    // the connection to whoever speaks the next protocol, behind the head: of
    // CONNECT, whatever is framed; and of Upgrade, if it does not know the
    // coding because of a tab. We refuse CONNECT, and ignore Upgrade, so there
    // is no next protocol, and what is framed must be read.
    [ 'CONNECT with content (RFC 9112 6)',
        (request, a) => method(a) === 'CONNECT' &&
            (isChunked(a) || values(a, 'content-length').length > 0) ],
    [ 'Upgrade, and a tab around a coding (RFC 9110 5.6.3)',
        (request, a) => values(a, 'upgrade').length > 0 && isChunked(a) &&
            /\ntransfer-encoding:[^\r\n]*\t/i.test(request) ],
]

// ---- The answer -----------------------------------------------------------

const accepts = (x) => x.verdict === 'A' || x.verdict === 'B'

const find = (who, rules, ...what) => {
    const rule = rules.find(([ , test ]) => test(...what))
    return rule && `${who}: ${rule[0]}`
}

// Why is it no failure that the two differ? undefined: it is one.
exports.explain = (request, a, b, methods) => {
    if (accepts(a) && accepts(b))
        return find('both accept', bothAccept, request, a, b)
    if (a.verdict === 'R' && accepts(b))
        return find('we refuse', weRefuse, request, b)
    if (accepts(a) && b.verdict === 'R')
        return find('llhttp refuses', llhttpRefuses, request, a, methods)
    if (!accepts(a) && !accepts(b))
        return 'one refuses, the other waits for more of the head'
    return undefined
}
