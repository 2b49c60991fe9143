// The form to register from the browser: files are chosen or dropped, sent, and become a version.

import { Refused, Uploads } from "./upload.js";

const LISTED = 200;
const FIELDS = { name: "model", "model name": "model", metric: "metrics", param: "params", tag: "tags", path: "files" };

const form = document.querySelector("#register");
const at = (id) => document.getElementById(id);
const chosen = new Map();  // path -> file
let uploads = null;

form.hidden = false;

// -- choosing ------------------------------------------------------------------------------------

at("files").addEventListener("change", (event) => take(Array.from(event.target.files, (file) => [file.name, file])));
at("folder").addEventListener("change", (event) => {
  take(Array.from(event.target.files, (file) => [below(file.webkitRelativePath), file]));
});

const drop = at("drop");
for (const kind of ["dragenter", "dragover"]) {
  drop.addEventListener(kind, (event) => { event.preventDefault(); drop.classList.add("over"); });
}
drop.addEventListener("dragleave", () => drop.classList.remove("over"));
drop.addEventListener("drop", async (event) => {
  event.preventDefault();
  drop.classList.remove("over");
  const entries = Array.from(event.dataTransfer.items, (item) => item.webkitGetAsEntry?.()).filter(Boolean);
  const found = [];
  for (const entry of entries) {
    if (entry.isFile) found.push([entry.name, await fileOf(entry)]);
    else await walk(entry, entries.length === 1 ? "" : `${entry.name}/`, found);
  }
  take(found);
});

async function walk(folder, prefix, found) {
  const reader = folder.createReader();
  for (;;) {
    const entries = await new Promise((resolve, reject) => { reader.readEntries(resolve, reject); });
    if (!entries.length) return;
    for (const entry of entries) {
      if (entry.isFile) found.push([prefix + entry.name, await fileOf(entry)]);
      else await walk(entry, `${prefix}${entry.name}/`, found);
    }
  }
}

function fileOf(entry) {
  return new Promise((resolve, reject) => { entry.file(resolve, reject); });
}

function below(path) {
  return path.slice(path.indexOf("/") + 1);
}

function take(files) {
  if (uploads) return;
  for (const [path, file] of files) chosen.set(path, file);
  const sorted = Array.from(chosen).sort(([one], [other]) => (one < other ? -1 : 1));
  chosen.clear();
  for (const [path, file] of sorted) chosen.set(path, file);
  fault("files", "");
  list();
}

function list() {
  const body = at("chosen").querySelector("tbody");
  const rows = Array.from(chosen).slice(0, LISTED).map(([path, file]) => {
    const row = document.createElement("tr");
    const [name, length, action] = [0, 1, 2].map(() => row.insertCell());
    name.textContent = path;
    name.className = "wrap";
    length.textContent = size(file.size);
    length.className = "number";
    const button = document.createElement("button");
    button.type = "button";
    button.className = "link";
    button.textContent = "remove";
    button.setAttribute("aria-label", `Remove ${path}`);
    button.addEventListener("click", () => {
      if (uploads) return;
      chosen.delete(path);
      list();
      at("files").focus();
    });
    action.append(button);
    return row;
  });
  body.replaceChildren(...rows);
  const total = Array.from(chosen.values()).reduce((sum, file) => sum + file.size, 0);
  const more = chosen.size > LISTED ? `; the first ${LISTED} are listed` : "";
  at("total").textContent = `${chosen.size} file${chosen.size === 1 ? "" : "s"}, ${size(total)}${more}`;
  at("chosen").hidden = !chosen.size;
}

// -- sending -------------------------------------------------------------------------------------

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  if (uploads) return;
  const version = read();
  if (!version) return;
  uploads = new Uploads(form.dataset.workspace, tell);
  working(true);
  try {
    const files = await uploads.send(Array.from(chosen, ([path, file]) => ({ path, file })));
    tell({ phase: "Registering", done: 1, total: 1 });
    const name = form.elements.model.value.trim();
    const made = await uploads.ask("POST", `/models/${encodeURIComponent(name)}/versions?create_model=true`, {
      json: { ...version, files: files.map((file) => ({ ...file, media_type: kindOf(file.path) })) },
      headers: { "Idempotency-Key": key() },
    });
    uploads = null;
    location.assign(`${form.dataset.models}/${encodeURIComponent(made.model)}/${made.version}`);
  } catch (error) {
    uploads = null;
    working(false);
    const field = error instanceof Refused ? String(error.details.field ?? "").split(".")[0] : "";
    fault(FIELDS[field] ?? field, error.message);
  }
});

at("pause").addEventListener("click", (event) => {
  const button = event.target;
  if (uploads.paused) {
    uploads.goOn();
    button.textContent = "Pause";
  } else {
    uploads.pause();
    button.textContent = "Go on";
    at("said").textContent = "Paused. What has arrived is kept.";
  }
});

addEventListener("beforeunload", (event) => { if (uploads) event.preventDefault(); });

// Return what the fields say of the version; null if one of them is at fault.
function read() {
  for (const name of ["", "model", "files", "label", "framework", "description", "metrics", "params", "tags"]) fault(name, "");
  const fields = form.elements;
  const faults = [];
  if (!chosen.size) faults.push(["files", "Choose at least one file."]);
  if (!fields.model.value.trim()) faults.push(["model", "A model needs a name."]);
  const metrics = lines(fields.metrics.value, "metrics", "auc = 0.97", faults, (text) => (text === "" ? NaN : Number(text)));
  for (const [name, value] of Object.entries(metrics)) {
    if (!Number.isFinite(value)) faults.push(["metrics", `The metric ${name} is no number.`]);
  }
  const params = lines(fields.params.value, "params", "depth = 6", faults, scalar);
  const tags = lines(fields.tags.value, "tags", "team = risk", faults, scalar);
  for (const [name, message] of faults.reverse()) fault(name, message);
  if (faults.length) return null;
  return {
    label: fields.label.value.trim() || null,
    framework: fields.framework.value.trim(),
    description: fields.description.value,
    metrics,
    params,
    tags,
  };
}

function lines(text, name, example, faults, value) {
  const found = {};
  for (const line of text.split("\n").filter((one) => one.trim())) {
    const cut = line.indexOf("=");
    const key = line.slice(0, cut).trim();
    if (cut < 1) faults.push([name, `“${line.trim()}” has no value. Write ${example}.`]);
    else if (Object.hasOwn(found, key)) faults.push([name, `“${key}” stands twice. Keep one of the two lines.`]);
    else found[key] = value(line.slice(cut + 1).trim());
  }
  return found;
}

// A param or tag keeps its type: 7 is a number, true a boolean, "7" and anything else text.
function scalar(text) {
  try {
    const value = JSON.parse(text);
    return ["string", "number", "boolean"].includes(typeof value) ? value : text;
  } catch {
    return text;
  }
}

// -- telling -------------------------------------------------------------------------------------

let began = 0;

function tell({ phase, done, total, note }) {
  if (phase === "Sending" && at("doing").textContent !== "Sending") began = performance.now();
  at("doing").textContent = phase;
  at("bar").max = total || 1;
  at("bar").value = total ? done : 1;
  if (uploads?.paused) return;
  const seconds = (performance.now() - began) / 1000;
  const speed = phase === "Sending" && seconds > 2 ? `, ${size(done / seconds)}/s` : "";
  at("said").textContent = note ?? `${size(done)} of ${size(total)}${speed}`;
}

function working(is) {
  at("progress").hidden = !is;
  at("go").disabled = is;
  at("pause").hidden = !is;
  for (const field of form.querySelectorAll("input, textarea")) field.disabled = is;
}

// Say at a field what is wrong with it (of the whole form: at its top); "" takes it back.
function fault(name, message) {
  const field = form.elements[name] ?? null;
  let place = at(name && name !== "files" && !field ? "fault" : `fault${name && `-${name}`}`);
  if (!place && field) {
    place = document.createElement("p");
    place.id = `fault-${name}`;
    place.className = "fault";
    place.setAttribute("role", "alert");
    field.closest(".field").after(place);
    field.setAttribute("aria-describedby", place.id);
  }
  place.textContent = message;
  place.hidden = !message;
  if (!field) {
    if (message) place.scrollIntoView({ block: "center" });
    return;
  }
  if (message) {
    field.setAttribute("aria-invalid", "true");
    field.focus();
  } else {
    field.removeAttribute("aria-invalid");
  }
}

function size(bytes) {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  while (bytes >= 1024 && unit < units.length - 1) {
    bytes /= 1024;
    unit += 1;
  }
  return `${Number(bytes.toPrecision(3))} ${units[unit]}`;
}

function kindOf(path) {
  const kinds = { csv: "text/csv", html: "text/html", json: "application/json", md: "text/markdown", png: "image/png", svg: "image/svg+xml", txt: "text/plain", yaml: "application/yaml", yml: "application/yaml" };
  return kinds[path.slice(path.lastIndexOf(".") + 1).toLowerCase()] ?? "application/octet-stream";
}

function key() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
