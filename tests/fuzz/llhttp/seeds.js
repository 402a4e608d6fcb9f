// seeds.js - requests to begin with: those of the table, tests/http; and how to
// change them.
'use strict'
const fs = require('fs')

const LONGEST = 200 // of a repetition: long requests teach little here

const names = { r: '\r', n: '\n', t: '\t', 0: '\0' }

// What a line of the table stands for. A field of an answer is left out.
const expand = (text) => text
    .replace(/\{([^{}]*)\{([^{}]*)\*(\d+)\}([^{}]*)\*(\d+)\}/g,
        (all, before, x, n, after) => before + x + after)
    .replace(/(^|[^\\])\{([^{}]*)\*(\d+)\}/g, (all, before, what, times) =>
        before + what.repeat(Math.min(times, LONGEST)))
    .replace(/\{[A-Za-z-]+\}/g, '"x"')
    .replace(/\\x([0-9a-f]{2})|\\(.)/gi, (all, hex, name) =>
        hex ? String.fromCharCode(parseInt(hex, 16)) : names[name] ?? name)

// Each case is one: all that it sends.
exports.read = (directory) => {
    const seeds = new Set()
    for (const file of fs.readdirSync(directory).sort()) {
        if (!file.endsWith('.txt')) continue
        let text = ''
        const keep = () => text !== '' && seeds.add(text)
        for (const line of fs.readFileSync(`${directory}/${file}`, 'utf8')
            .split('\n')) {
            if (line.startsWith('[')) { keep(); text = '' }
            if (line.startsWith('> ') && line !== '> {end}')
                text += expand(line.slice(2))
        }
        keep()
    }
    return [ ...seeds ].map(text => Buffer.from(text, 'latin1'))
}

// Numbers from a seed, the same each time (an xorshift of 32 bits).
exports.dice = (seed) => {
    let x = seed >>> 0 || 1
    return (limit) => {
        x ^= x << 13; x >>>= 0
        x ^= x >>> 17
        x ^= x << 5; x >>>= 0
        return x % limit
    }
}

const bytes = [ ...'\r\n\t\0 :;,="\\/?#%@[]*+-._\x0b\x0c\x7f\x80\xff019afxAZ' ]
const pieces = [
    '\r\n', '\r\n\r\n', '\n', '\r', '\n\n', ' ', '\t', '\r\n ', '\r\n\t', ' :',
    'Content-Length: 5\r\n', 'Content-Length: 0\r\n', 'Content-Length: 1\r\n',
    'Content-Length: 05\r\n', 'Content-Length: +5\r\n', 'Content-Length:\r\n',
    'Transfer-Encoding: chunked\r\n', 'Transfer-Encoding: gzip\r\n',
    'Transfer-Encoding: gzip, chunked\r\n', 'Transfer-Encoding:\r\n',
    'Transfer-Encoding: chunked, identity\r\n', 'Transfer-Encoding:chunked\r\n',
    'Connection: close\r\n', 'Connection: keep-alive\r\n', 'Host: b\r\n',
    'Connection: upgrade\r\nUpgrade: h2c\r\n', 'Upgrade: x\r\n',
    'Connection: keep-alive, close\r\n', 'Expect: 100-continue\r\n',
    'HTTP/1.0', 'HTTP/1.1', 'HTTP/1.2', 'HTTP/2.0', 'GET ', 'POST ', 'HEAD ',
    'CONNECT a:1 ', 'OPTIONS * ', '0\r\n\r\n', '5\r\nhello\r\n', '5;a=b\r\n',
    '5 ;a="\\""\r\n', '00', ';', ';a', '="', '"', ',', 'chunked', 'close',
    'A: b\r\n', 'A:\r\n',
].map(text => Buffer.from(text, 'latin1'))

// A place in it; as likely as not the beginning of a line.
const place = (b, random) => {
    const at = random(b.length + 1)
    if (random(2) === 0) return at
    const line = b.lastIndexOf(10, at - 1)
    return at === 0 || line < 0 ? at : line + 1
}

const splice = (b, at, remove, add) =>
    Buffer.concat([ b.subarray(0, at), add, b.subarray(at + remove) ])

const nothing = Buffer.alloc(0)
const byte = (random) =>
    Buffer.from(bytes[random(bytes.length)], 'latin1')

const mutations = [
    (b, at, random) => { // flip a bit
        const copy = Buffer.from(b)
        if (at < copy.length) copy[at] ^= 1 << random(8)
        return copy
    },
    (b, at, random) => splice(b, at, 1, byte(random)),
    (b, at, random) => splice(b, at, 0, byte(random)),
    (b, at) => splice(b, at, 1, nothing),
    (b, at, random) => splice(b, at, 1 + random(20), nothing),
    (b, at, random) => splice(b, at, 0, b.subarray(at, at + 1 + random(20))),
    (b, at, random) => splice(b, at, 0, pieces[random(pieces.length)]),
    (b, at, random) => splice(b, at, 0, pieces[random(pieces.length)]),
    (b, at, random) =>
        splice(b, at, random(4), pieces[random(pieces.length)]),
    (b, at) => splice(b, at, lineEnd(b, at) - at, nothing),
    (b, at) => splice(b, at, 0, b.subarray(at, lineEnd(b, at))),
    (b, at, random, seeds) => { // the rest is another's
        const other = seeds[random(seeds.length)]
        const from = place(other, random)
        return Buffer.concat([ b.subarray(0, at), other.subarray(from) ])
    },
    (b, at, random, seeds) => { // a line of another's
        const other = seeds[random(seeds.length)]
        const from = place(other, random)
        return splice(b, at, 0, other.subarray(from, lineEnd(other, from)))
    },
]

const lineEnd = (b, at) => {
    const end = b.indexOf(10, at)
    return end < 0 ? b.length : end + 1
}

// One of these, changed in a few places; three times out of four a good one.
exports.mutate = (seeds, good, random) => {
    const from = random(4) === 0 ? seeds : good
    let b = from[random(from.length)]
    for (let i = random(3) * random(2); i >= 0; i--) {
        const mutation = mutations[random(mutations.length)]
        b = mutation(b, place(b, random), random, seeds)
    }
    return b.length < 60000 ? b : b.subarray(0, 60000)
}
