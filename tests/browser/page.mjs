// page.mjs - the page that the server of 06 shows, in a real browser: on a
// phone and on a desk, light and dark, idle and under load, with the server
// gone and back. Run by tests/tools/browser, which sets SERVER, LOAD, CHROMIUM
// and PLAYWRIGHT. Pictures for the eye are left in build/browser/.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";

const { SERVER, LOAD, CHROMIUM, PLAYWRIGHT } = process.env;
const { chromium } = createRequire(import.meta.url)(PLAYWRIGHT);
const PICTURES = "build/browser";
const LIMIT = 15000; // milliseconds: of everything that is waited for
const VIEWS = [
  { name: "phone-light", width: 390, height: 844, colorScheme: "light" },
  { name: "phone-dark", width: 390, height: 844, colorScheme: "dark" },
  { name: "desk-light", width: 1280, height: 900, colorScheme: "light" },
  { name: "desk-dark", width: 1280, height: 900, colorScheme: "dark" },
];

let passed = 0, failed = 0;
function check(good, what) {
  if (good) passed++;
  else failed++;
  if (!good) console.log(`FAIL ${what}`);
}

// ---- The server ------------------------------------------------------------

async function server(port, ...more) {
  const child = spawn(SERVER, ["--port", String(port), ...more],
    { stdio: ["ignore", "pipe", "inherit"] });
  for await (const line of createInterface({ input: child.stdout })) {
    const found = line.match(/^listening on .*:(\d+)$/);
    if (found) return { child, port: Number(found[1]) };
  }
  throw new Error(`${SERVER} did not start`);
}

async function stop({ child }) {
  child.kill("SIGTERM");
  const [code] = await once(child, "exit");
  check(code === 0, `the server ends with ${code}, not 0`);
}

async function load(port, seconds) {
  const child = spawn(LOAD, ["--ramp", "--seconds", String(seconds),
    "127.0.0.1", String(port)], { stdio: "inherit" });
  const [code] = await once(child, "exit");
  check(code === 0, `load ends with ${code}: requests failed`);
}

// ---- What a page shows -----------------------------------------------------

// Opens the page; whatever goes wrong in it is put into trouble.
async function open(browser, view, url, trouble) {
  const context = await browser.newContext({
    viewport: { width: view.width, height: view.height },
    colorScheme: view.colorScheme });
  const page = await context.newPage();
  const note = text => trouble.push(`${view.name}: ${text}`);
  page.on("console", m => {
    if (m.type() === "error" || m.type() === "warning") note(m.text());
  });
  page.on("pageerror", error => note(error.message));
  page.on("requestfailed", r => note(`${r.url()} failed`));
  page.on("response", r => {
    if (r.status() !== 200) note(`${r.url()} ${r.status()}`);
    if (!r.url().startsWith(url)) note(`${r.url()} is not ours`);
  });
  await page.goto(url, { timeout: LIMIT });
  return page;
}

const state = page => page.textContent("#state");
const until = (page, test, argument) =>
  page.waitForFunction(test, argument, { timeout: LIMIT });
const live = page => until(page, () => document.body.className === "live");

// A chart as its reader has it: the number, and the curve's points.
function chart(page, of) {
  return page.$eval(`figure[data-of=${of}]`, figure => {
    const number = text => Number(text.replace(/[^0-9.]/g, "") || NaN);
    const path = figure.querySelector(".curve").getAttribute("d") || "";
    const scale = figure.querySelector(".axis span").textContent;
    return {
      value: number(figure.querySelector("output").textContent),
      top: number(scale),
      heights: [...path.matchAll(/[ML][\d.]+ ([\d.]+)/g)]
        .map(point => 100 - Number(point[1])),
      label: figure.querySelector("svg").getAttribute("aria-label"),
    };
  });
}

const value = async (page, of) => (await chart(page, of)).value;

// The page's text must be there without its scripts, and fit into its width.
async function looks(page, view) {
  const seen = await page.evaluate(() => ({
    wide: document.documentElement.scrollWidth - window.innerWidth,
    h1: [...document.querySelectorAll("h1")].map(h => h.textContent),
    dark: getComputedStyle(document.body).backgroundColor,
    ink: getComputedStyle(document.body).color,
    tiny: [...document.querySelectorAll("main *")].filter(e =>
      e.childElementCount === 0 && e.textContent.trim() !== "" &&
      parseFloat(getComputedStyle(e).fontSize) < 12).length,
    text: document.body.innerText,
  }));
  const light = color => Number(color.match(/\d+/)[0]) > 128;
  check(seen.wide <= 0, `${view.name}: ${seen.wide} px wider than the view`);
  check(seen.h1.length === 1 && seen.h1[0].startsWith("It runs"),
    `${view.name}: the title is ${seen.h1}`);
  check(light(seen.dark) === (view.colorScheme === "light"),
    `${view.name}: the background is ${seen.dark}`);
  check(light(seen.ink) === (view.colorScheme === "dark"),
    `${view.name}: the text is ${seen.ink}`);
  check(seen.tiny === 0, `${view.name}: ${seen.tiny} texts below 12 px`);
  check(seen.text.includes("make load"), `${view.name}: no "make load"`);
}

// With nobody but the page: it is already drawn.
async function idle(page, view) {
  await live(page);
  await until(page, () => Number(document.querySelector(
    "figure[data-of=requests] output").textContent) >= 1);
  check(await value(page, "connections") >= 1, `${view.name}: no connection`);
  check(await value(page, "completions") >= 1, `${view.name}: no completions`);
  check((await chart(page, "kernel_calls")).label.includes("60 seconds"),
    `${view.name}: a chart has no label`);
  await looks(page, view);
  await page.screenshot({
    path: `${PICTURES}/${view.name}-idle.png`, fullPage: true });
}

// What the page shows while the load runs: the extremes.
async function watch(page, running) {
  const seen = { completions: 0, kernel_calls: Infinity, requests: 0 };
  for (let ended = false; !ended;) {
    ended = await Promise.race([running.then(() => true), sleep(300, false)]);
    seen.completions = Math.max(
      seen.completions, await value(page, "completions"));
    seen.kernel_calls = Math.min(
      seen.kernel_calls, (await value(page, "kernel_calls")) || Infinity);
    seen.requests = Math.max(seen.requests, await value(page, "requests"));
  }
  return seen;
}

// ---- The steps -------------------------------------------------------------

async function loaded(pages, port) {
  const calls = await value(pages[0], "kernel_calls");
  const running = load(port, 2);
  const seen = await Promise.all(pages.map(page => watch(page, running)));
  for (const [i, view] of VIEWS.entries()) {
    const { completions, kernel_calls, requests } = seen[i];
    check(completions > 5, `${view.name}: ${completions} completions per tick`);
    check(requests > 500, `${view.name}: ${requests} requests per second`);
    check(kernel_calls < 0.9 * calls,
      `${view.name}: ${kernel_calls} calls per request, ${calls} before`);
    const { heights, top } = await chart(pages[i], "requests");
    check(Math.max(...heights) > 40 && Math.min(...heights) < 5,
      `${view.name}: the requests are not drawn as a hill: ${heights}`);
    check(top > 500, `${view.name}: the scale of requests ends at ${top}`);
    await pages[i].screenshot({
      path: `${PICTURES}/${view.name}-load.png`, fullPage: true });
  }
  console.log(`shown at the most: ${seen[0].completions} completions per tick,`,
    `${seen[0].requests} requests per second; at the least:`,
    `${seen[0].kernel_calls} kernel calls per request`);
}

// A reload shows the same history: the server remembers it.
async function reloaded(page) {
  await page.reload();
  await live(page);
  const { heights } = await chart(page, "requests");
  check(Math.max(...heights) > 40, "after a reload the hill is gone");
}

// The pointer asks a curve for one second.
async function pointed(page) {
  const svg = page.locator("figure[data-of=requests] svg");
  await svg.scrollIntoViewIfNeeded();
  const box = await svg.boundingBox();
  const hint = () => page.textContent(
    "figure[data-of=requests] .axis span:nth-child(2)");
  await page.mouse.move(box.x + box.width * 58 / 59, box.y + 9);
  check(/^[\d,]+, 1 s before$/.test(await hint()), `it hints: ${await hint()}`);
  await page.mouse.move(box.x + 2, box.y + 9);
  check(await hint() === "", `of what is not there it hints: ${await hint()}`);
  await page.mouse.move(0, 0);
}

async function hides(page, hidden) {
  await page.evaluate(now => {
    Object.defineProperty(document, "hidden",
      { value: now, configurable: true });
    document.dispatchEvent(new Event("visibilitychange"));
  }, hidden);
}

async function hidden(page) {
  let asked = 0;
  await hides(page, true);
  await sleep(500); // an answer that is on its way
  page.on("request", () => asked++);
  await sleep(2500);
  check(asked === 0, `a hidden page asks, ${asked} times`);
  check((await state(page)).includes("paused"), "a hidden page is not paused");
  await hides(page, false);
  await live(page);
  await sleep(2500);
  check(asked >= 2 && asked <= 4, `a page asks ${asked} times in 2.5 s`);
}

async function gone(page, running, view) {
  await stop(running);
  await until(page, () => document.body.className === "gone");
  check((await state(page)).includes("does not answer"), "it says nothing");
  await page.screenshot({
    path: `${PICTURES}/${view.name}-gone.png`, fullPage: true });
  const again = await server(running.port);
  await live(page);
  check(await state(page) === "live", "the page does not come back");
  return again;
}

async function without_script(browser, url) {
  const context = await browser.newContext({ javaScriptEnabled: false });
  const page = await context.newPage();
  await page.goto(url, { timeout: LIMIT });
  const text = await page.innerText("body");
  check(text.includes("/stats has them as JSON"), "no word without scripts");
  check(text.includes("Kernel calls per request"), "no text without scripts");
}

// With several loops it says whose figures these are.
async function workers(browser, view, trouble) {
  const two = await server(0, "--workers", "2");
  const url = `http://127.0.0.1:${two.port}/`;
  const page = await open(browser, view, url, trouble);
  await live(page);
  check(await page.isVisible("#worker"), "no word about the workers");
  check((await page.textContent("#worker")).includes("has 2 workers"),
    `of 2 workers it says ${await page.textContent("#worker")}`);
  await page.context().close();
  await stop(two);
}

const trouble = [];
let running = await server(0);
const url = `http://127.0.0.1:${running.port}/`;
const browser = await chromium.launch({ executablePath: CHROMIUM,
  args: ["--no-sandbox", "--disable-dev-shm-usage"] });
try {
  const pages = [];
  for (const view of VIEWS) {
    pages.push(await open(browser, view, url, trouble));
    await idle(pages.at(-1), view);
  }
  await loaded(pages, running.port);
  await reloaded(pages[0]);
  check(await pages[0].isHidden("#worker"), "of 1 worker it speaks of workers");
  await pointed(pages[2]);
  await workers(browser, VIEWS[0], trouble);
  await hidden(pages[1]);
  check(trouble.length === 0, `trouble in a page:\n  ${trouble.join("\n  ")}`);
  running = await gone(pages[3], running, VIEWS[3]);
  await without_script(browser, url);
} catch (error) {
  check(false, error.stack);
} finally {
  await browser.close();
  await stop(running);
}
console.log(`${passed} passed, ${failed} failed, 0 skipped`);
process.exitCode = failed > 0 ? 1 : 0;
