// Sends files to the registry: what is there already is not sent, what breaks off is gone on with.
//
//   small   hash ──> POST blobs/missing ──> PUT blobs/{digest}
//   large   hash, if it can be held ──> POST uploads ──> PATCH … ──> POST uploads/{id}/finish
//
// Where the browser has no SHA-256 (plain http to another machine), or a file is too large to be
// held, the server's digest counts, and the upload's id is kept in this browser to go on with.

const API = "/api/v1";
const PIECE = 8 * 1024 * 1024;
const HELD = 256 * 1024 * 1024;
const AT_ONCE = 3;
const ASKED_AT_ONCE = 1000;
const LONGEST_PAUSE = 30;

export class Refused extends Error {
  constructor(status, problem) {
    super([problem.detail, problem.hint].filter(Boolean).join(" ") || `The server answered ${status}.`);
    this.status = status;
    this.details = problem.details ?? {};
  }
}

export class Uploads {
  // `tell({phase, done, total, note})` is called whenever something has changed.
  constructor(workspace, tell) {
    this.workspace = workspace;
    this.tell = tell;
    this.total = this.done = 0;
    this.paused = null;
  }

  pause() {
    if (this.paused) return;
    let goOn;
    this.paused = new Promise((resolve) => { goOn = resolve; });
    this.paused.goOn = goOn;
    this.stop?.abort();
  }

  goOn() {
    this.paused?.goOn();
    this.paused = null;
  }

  // Return [{path, sha256, size}] once all of [{path, file}] is stored.
  async send(chosen) {
    this.stop = new AbortController();
    this.total = chosen.reduce((sum, { file }) => sum + file.size, 0);
    const hashed = await this.hash(chosen);
    const missing = await this.missing(hashed.map(({ sha256 }) => sha256).filter(Boolean));
    this.done = 0;
    const sent = new Map();
    const stored = await inTurn(hashed, async (one) => {
      if (one.sha256 && !missing.has(one.sha256)) {
        this.count(one.file.size);
      } else if (one.sha256 && sent.has(one.sha256)) {
        await sent.get(one.sha256);  // the same bytes under two paths
        this.count(one.file.size);
      } else {
        const sending = one.sha256 && one.file.size <= PIECE ? this.put(one) : this.upload(one);
        if (one.sha256) sent.set(one.sha256, sending);
        one.sha256 = await sending;
      }
      return { path: one.path, sha256: one.sha256, size: one.file.size };
    });
    return stored;
  }

  async hash(chosen) {
    const hashes = globalThis.crypto?.subtle;
    let done = 0;
    const hashed = [];
    for (const { path, file } of chosen) {
      const sha256 = hashes && file.size <= HELD ? hex(await hashes.digest("SHA-256", await bytes(file))) : null;
      done += file.size;
      this.tell({ phase: "Reading", done, total: this.total });
      hashed.push({ path, file, sha256 });
    }
    return hashed;
  }

  async missing(digests) {
    const missing = new Set();
    for (let at = 0; at < digests.length; at += ASKED_AT_ONCE) {
      const asked = digests.slice(at, at + ASKED_AT_ONCE);
      const answer = await this.ask("POST", "/blobs/missing", { json: { digests: asked } });
      for (const digest of answer.missing) missing.add(digest);
    }
    return missing;
  }

  async put({ file, sha256 }) {
    await this.ask("PUT", `/blobs/${sha256}`, { body: file });
    this.count(file.size);
    return sha256;
  }

  async upload({ path, file, sha256 }) {
    const kept = sha256 ? null : `muniment-upload ${this.workspace} ${path} ${file.size} ${file.lastModified}`;
    let upload = await this.begun(file, sha256, kept);
    if (upload.present) {
      this.count(file.size);
      return sha256;
    }
    this.count(upload.offset);
    while (upload.offset < file.size) {
      const from = upload.offset;
      const piece = file.slice(from, from + PIECE);
      try {
        const headers = { "Upload-Offset": String(from) };
        upload = await this.ask("PATCH", `/uploads/${upload.id}`, { body: piece, headers, again: false });
      } catch (error) {
        if (error instanceof Refused && error.status < 500 && error.details.offset === undefined) throw error;
        await this.wait(error);
        upload = await this.ask("GET", `/uploads/${upload.id}`);  // what has arrived of it
      }
      this.count(upload.offset - from);
    }
    const stored = await this.ask("POST", `/uploads/${upload.id}/finish`, { json: {} });
    if (kept) forget(kept);
    return stored.digest;
  }

  async begun(file, sha256, kept) {
    const id = kept && remembered(kept);
    if (id) {
      try {
        return await this.ask("GET", `/uploads/${id}`);
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
        forget(kept);  // it was given up meanwhile
      }
    }
    const json = sha256 ? { digest: sha256, size: file.size } : { size: file.size };
    const upload = await this.ask("POST", "/uploads", { json });
    if (kept && upload.id) remember(kept, upload.id);
    return upload;
  }

  count(bytes) {
    this.failures = 0;
    this.done += bytes;
    this.tell({ phase: "Sending", done: this.done, total: this.total });
  }

  // Make a call; `again` and again while the server can't be reached.
  async ask(method, path, { json, body, headers = {}, again = true } = {}) {
    for (;;) {
      if (this.paused) await this.resumed();
      try {
        return await this.call(method, path, json, body, headers);
      } catch (error) {
        const refused = error instanceof Refused && error.status < 500 && error.status !== 429;
        if (refused || !again) throw error;
        await this.wait(error);
      }
    }
  }

  async call(method, path, json, body, headers) {
    const told = { "X-Muniment-Workspace": this.workspace, Accept: "application/json", ...headers };
    if (json !== undefined) told["Content-Type"] = "application/json";
    const content = json === undefined ? body : JSON.stringify(json);
    const answer = await fetch(API + path, { method, headers: told, body: content, signal: this.stop.signal });
    const document = await answer.json().catch(() => ({}));
    if (!answer.ok) throw new Refused(answer.status, document);
    return document;
  }

  async wait(error) {
    if (this.paused) return this.resumed();
    if (error instanceof Refused && error.details.offset !== undefined) return;
    this.failures = (this.failures ?? 0) + 1;
    const seconds = Math.min(2 ** (this.failures - 1), LONGEST_PAUSE);
    this.tell({ phase: "Waiting", done: this.done, total: this.total, note: `The server can't be reached; trying again in ${seconds} s.` });
    await new Promise((resolve) => { setTimeout(resolve, seconds * 1000); });
  }

  async resumed() {
    await this.paused;
    this.stop = new AbortController();
  }
}

// Do something with each item, a few at once; the results are in the items' order.
async function inTurn(items, work) {
  const results = new Array(items.length);
  let next = 0;
  let failed = false;
  const worker = async () => {
    while (next < items.length && !failed) {
      const at = next++;
      try {
        results[at] = await work(items[at]);
      } catch (error) {
        failed = true;
        throw error;
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, items.length) }, worker));
  return results;
}

async function bytes(file) {
  try {
    return await file.arrayBuffer();
  } catch {
    throw new Error(`${file.name} can't be read. Has it been moved or changed? Choose it once more.`);
  }
}

function hex(buffer) {
  return Array.from(new Uint8Array(buffer), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

// A browser may refuse to keep anything: then an upload begins anew.
function remembered(key) {
  try { return localStorage.getItem(key); } catch { return null; }
}
function remember(key, value) {
  try { localStorage.setItem(key, value); } catch { /* no room, or not allowed */ }
}
function forget(key) {
  try { localStorage.removeItem(key); } catch { /* as above */ }
}
