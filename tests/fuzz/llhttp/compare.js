// compare.js OURS UNDICI TABLE COUNT [SEED] - changed requests, to our parser
// and to llhttp. What is different, and not in differences.js, is a failure.
'use strict'
const { spawnSync } = require('child_process')
const theirs = require('./theirs.js')
const seeds = require('./seeds.js')
const { explain } = require('./differences.js')

const BATCH = 10000
const SHOWN = Number(process.env.SHOWN ?? 5) // failures in full

const [ , , ours, undici, table, count, given ] = process.argv

// All requests of a batch to our parser, in one go.
const judgeOurs = (requests) => {
    const input = []
    for (const request of requests) {
        const size = Buffer.alloc(4)
        size.writeUInt32LE(request.length)
        input.push(size, request)
    }
    const run = spawnSync(ours, { input: Buffer.concat(input),
        maxBuffer: 1 << 30 })
    if (run.status !== 0)
        throw new Error(`our parser ended: ${run.signal ?? run.status}\n` +
            run.stderr)
    const answers = []
    for (let at = 0; at < run.stdout.length;) {
        const size = run.stdout.readUInt32LE(at)
        const text = run.stdout.toString('latin1', at + 4, at + 4 + size)
        answers.push({ verdict: text[0], end: Number(text.slice(1, 9)),
            text: text.slice(9) })
        at += 4 + size
    }
    if (answers.length !== requests.length)
        throw new Error('answers are missing')
    return answers
}

const same = (a, b) =>
    a.verdict === b.verdict && a.end === b.end && a.text === b.text

const show = (request, a, b) => {
    const say = (who, x) => console.log(`    ${who} ${x.verdict} ` +
        `ends at ${x.end}, ${JSON.stringify(x.text)} ${x.why ?? ''}`)
    console.log(`FAIL ${JSON.stringify(request.toString('latin1'))}`)
    say('ours  ', a)
    say('llhttp', b)
}

// One run of so many requests. The answer is how many failed.
const play = (from, seed, total, found) => {
    const random = seeds.dice(seed)
    const methods = new Set(Object.values(theirs.methods))
    const good = from.filter(seed => theirs.judge(seed).verdict === 'A')
    let failed = 0
    for (let done = 0; done < total; done += BATCH) {
        const requests = done === 0 ? from.slice() : []
        while (requests.length < Math.min(BATCH, total - done))
            requests.push(seeds.mutate(from, good, random))
        const answers = judgeOurs(requests)
        requests.forEach((request, i) => {
            const b = theirs.judge(request)
            const kind = same(answers[i], b)
                ? `both ${{ A: 'accept the same message',
                    B: 'accept the same head, and wait for the body',
                    M: 'wait for the head', R: 'refuse' }[b.verdict]}`
                : explain(request.toString('latin1'), answers[i], b,
                    methods)
            if (kind) found.set(kind, (found.get(kind) ?? 0) + 1)
            else if (failed++ < SHOWN) show(request, answers[i], b)
        })
    }
    return failed
}

const main = async () => {
    const from = seeds.read(table)
    const fresh = given ? Number(given) : Date.now() % 0x7fffffff
    const found = new Map()
    await theirs.load(undici)
    const { version } = require(`${undici}/package.json`)
    console.log(`llhttp of undici ${version}, ${from.length} requests of the ` +
        `table; seeds 1 and ${fresh}`)
    const failed = play(from, 1, count / 2, found) +
        play(from, fresh, count / 2, found)
    for (const [ kind, n ] of [ ...found ].sort((a, b) => b[1] - a[1]))
        console.log(`${String(n).padStart(8)}  ${kind}`)
    const passed = [ ...found.values() ].reduce((sum, n) => sum + n, 0)
    console.log(`${passed} passed, ${failed} failed`)
    process.exitCode = failed > 0 ? 1 : 0
}

main().catch(error => { console.error(error); process.exitCode = 1 })
