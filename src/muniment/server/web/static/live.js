// Tells whoever waits at a page that something happened to what it shows, and offers to show it.
//
//   <p data-live="/events?request=4" role="status" hidden></p>
//
// With data-refresh="checks-now …", the elements of these ids are replaced by what they are now,
// unless one is at work in them. With data-reload the page is loaded anew by itself, unless something was typed into it. A page
// that is out of sight lets go of its connection: a browser has six of them for all its tabs.

for (const place of document.querySelectorAll("[data-live]")) {
  let source = null;
  let last = "";

  const begin = () => {
    const address = new URL(place.dataset.live, location.href);
    if (last) address.searchParams.set("since", last);
    source = new EventSource(address);
    source.addEventListener("began", (event) => { last = event.lastEventId; });
    source.addEventListener("happened", (event) => {
      last = event.lastEventId;
      tell(place, JSON.parse(event.data));
    });
  };
  const end = () => {
    source?.close();
    source = null;
  };

  document.addEventListener("visibilitychange", () => {
    if (document.hidden) end();
    else if (!source) begin();
  });
  addEventListener("pagehide", end);
  addEventListener("pageshow", () => { if (!source && !document.hidden) begin(); });
}

function tell(place, { actor, told }) {
  if (place.dataset.reload !== undefined && !isTyped()) {
    location.reload();
    return;
  }
  if (place.dataset.refresh) refresh(place.dataset.refresh.split(" "));
  const link = document.createElement("a");
  link.href = location.href;
  link.textContent = "Show it";
  link.addEventListener("click", (event) => {
    event.preventDefault();
    location.reload();
  });
  place.replaceChildren(`${actor} ${told}. `, link);
  place.hidden = false;
}

async function refresh(ids) {
  const answer = await fetch(location.href);
  if (!answer.ok) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const id of ids) {
    const [old, now] = [document.getElementById(id), page.getElementById(id)];
    if (old && now && !old.contains(document.activeElement)) old.replaceWith(now);
  }
}

function isTyped() {
  const fields = document.querySelectorAll("main textarea, main input:not([type=hidden])");
  return Array.from(fields).some((field) => {
    const box = field.type === "checkbox" || field.type === "radio";
    return box ? field.checked !== field.defaultChecked : field.value !== field.defaultValue;
  });
}
