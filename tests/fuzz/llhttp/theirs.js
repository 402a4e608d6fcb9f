// theirs.js - what llhttp makes of a request, in the words of ours.c. It is the
// WebAssembly build of llhttp that comes with undici, with nothing lenient.
'use strict'

const ROOM = 1 << 20
const REQUEST = 1 // HTTP_REQUEST
const OK = 0, PAUSED = 21, PAUSED_UPGRADE = 22 // of its error numbers

let memory, llhttp, parser, buffer
let now // the message that is being read

const bytes = (at, length) =>
    Buffer.from(memory.buffer, at, length).toString('latin1')

const callbacks = {
    wasm_on_message_begin: () => 0,
    wasm_on_status: () => 0,
    wasm_on_url: (p, at, length) => {
        now.target += bytes(at, length)
        return 0
    },
    wasm_on_header_field: (p, at, length) => {
        if (now.head) return 0 // a trailer field
        if (now.value) now.fields.push([ '', '' ])
        now.value = false
        now.fields[now.fields.length - 1][0] += bytes(at, length)
        return 0
    },
    wasm_on_header_value: (p, at, length) => {
        if (now.head) return 0
        now.value = true
        now.fields[now.fields.length - 1][1] += bytes(at, length)
        return 0
    },
    wasm_on_headers_complete: () => {
        now.head = true
        now.keep = llhttp.llhttp_should_keep_alive(parser) === 1
        return 0
    },
    wasm_on_body: (p, at, length) => {
        now.body += bytes(at, length)
        return 0
    },
    wasm_on_message_complete: () => {
        now.done = true
        return PAUSED // so that we learn where it ends
    },
}

exports.load = async (undici) => {
    const program = require(`${undici}/lib/llhttp/llhttp-wasm.js`)
    const loaded = await WebAssembly.instantiate(program, { env: callbacks })
    llhttp = loaded.instance.exports
    memory = llhttp.memory
    parser = llhttp.llhttp_alloc(REQUEST)
    buffer = llhttp.malloc(ROOM)
    exports.methods = Object.fromEntries(
        Object.entries(require(`${undici}/lib/llhttp/constants.js`).METHODS)
            .map(([ name, number ]) => [ number, name ]))
}

// The head, as in ours.c. llhttp leaves the blanks at the end of a value to its
// caller.
const words = (minor) => {
    const method = exports.methods[llhttp.llhttp_get_method(parser)]
    const fields = now.fields.map(([ name, value ]) =>
        `${name}:${value.replace(/[ \t]+$/, '')}\n`)
    return `${method}\n${now.target}\n${minor}\n${now.keep ? 'on' : 'end'}\n` +
        fields.join('') + '\n'
}

// { verdict, end, text }, and if it is refused llhttp's number for why.
exports.judge = (request) => {
    now = { target: '', fields: [ [ '', '' ] ], value: false, head: false,
        keep: false, body: '', done: false }
    llhttp.llhttp_reset(parser)
    new Uint8Array(memory.buffer).set(request, buffer)
    const error = llhttp.llhttp_execute(parser, buffer, request.length)
    if (!now.value && now.fields[now.fields.length - 1][0] === '')
        now.fields.pop()
    const refused = ![ OK, PAUSED, PAUSED_UPGRADE ].includes(error)
    if (refused && !now.done)
        return { verdict: 'R', end: 0, text: '', why: error }
    if (!now.head) return { verdict: 'M', end: 0, text: '' }
    return { verdict: now.done ? 'A' : 'B',
        end: now.done ? llhttp.llhttp_get_error_pos(parser) - buffer : 0,
        text: words(llhttp.llhttp_get_http_minor(parser)) + now.body }
}
