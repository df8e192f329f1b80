// Starts everything.

const theme = document.getElementById("theme");

function setTheme(name) {
  document.documentElement.dataset.theme = name;
  theme.setAttribute("aria-pressed", String(name === "dark"));
}

const darkPreferred = matchMedia("(prefers-color-scheme: dark)");
setTheme(darkPreferred.matches ? "dark" : "light");
darkPreferred.addEventListener("change", (event) => setTheme(event.matches ? "dark" : "light"));
theme.addEventListener("click", () => {
  setTheme(document.documentElement.dataset.theme === "dark" ? "light" : "dark");
});

startTable();
if (data.charts && Object.keys(data.charts).length) {
  buildControls();
  fillGallery();
  document.getElementById("controls").addEventListener("change", fillGallery);
  drawAll().then(() => document.documentElement.setAttribute("data-drawn", ""));
  let room = innerWidth;
  let waiting;
  addEventListener("resize", () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => {
      if (innerWidth !== room) drawAll();
      room = innerWidth;
    }, 200);
  });
}

document.getElementById("details").addEventListener("click", (event) => {
  if (event.target === event.currentTarget) event.currentTarget.close();
});

if (data.refresh) {
  // While a sweep runs the file is written again and again; not while somebody reads a row of it.
  setInterval(() => {
    const busy = document.querySelector("dialog[open]") ?? document.activeElement?.closest("input, select");
    if (!busy) location.reload();
  }, data.refresh * 1000);
}
