// What every page has: copying, the search key, menus that close. All of it is extra.

for (const item of document.querySelectorAll("[data-copy]")) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "copy";
  button.textContent = "copy";
  button.setAttribute("aria-label", `Copy ${item.dataset.copy.slice(0, 40)}`);
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(item.dataset.copy);
    button.textContent = "copied";
    setTimeout(() => { button.textContent = "copy"; }, 1500);
  });
  item.tagName === "PRE" ? item.append(button) : item.after(button);
}

document.addEventListener("keydown", (event) => {
  const typing = event.target.closest("input, textarea, select, [contenteditable]");
  if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
    event.preventDefault();
    document.querySelector("[data-hotkey='/']")?.focus();
  }
  if (event.key === "Escape") {
    for (const menu of document.querySelectorAll("details.menu[open]")) {
      menu.open = false;
      menu.querySelector("summary").focus();
    }
  }
});

document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
});

for (const choice of document.querySelectorAll("[data-submit]")) {
  choice.addEventListener("change", () => choice.form.requestSubmit());
}

// MLflow's client prints the addresses of runs as if its pages stood at /: they lead on.
if (location.pathname === "/" && location.hash.startsWith("#/")) location.replace(`/mlflow/${location.hash}`);
