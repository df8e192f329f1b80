// Starts everything, and keeps the reader's place when the page is loaded again.

const root = document.documentElement;

function setTheme(name) {
  root.dataset.theme = name;
  document.getElementById("theme").setAttribute("aria-pressed", String(name === "dark"));
}

const darkPreferred = matchMedia("(prefers-color-scheme: dark)");
const preferred = () => (darkPreferred.matches ? "dark" : "light");
setTheme(choice.theme ?? preferred());
darkPreferred.addEventListener("change", () => setTheme(choice.theme ?? preferred()));
document.getElementById("theme").addEventListener("click", () => {
  choice.theme = root.dataset.theme === "dark" ? "light" : "dark";
  setTheme(choice.theme);
});

startTable();
fillGallery();
if (data.charts && Object.keys(data.charts).length) {
  buildControls();
  document.getElementById("controls").addEventListener("change", fillGallery);
  drawAll().then(() => root.setAttribute("data-drawn", ""));
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

dialog.addEventListener("click", (event) => {
  if (event.target === dialog) dialog.close();
});

const chartPlaces = () => [...document.querySelectorAll("[data-chart]")];
history.scrollRestoration = "manual"; // the browser would do it before the charts are there
if (choice.top !== undefined) {
  // Charts take the room they had until they are drawn again.
  chartPlaces().forEach((place, i) => (place.style.minHeight = `${choice.heights[i] ?? 0}px`));
  scrollTo({ top: choice.top, behavior: "instant" });
}
addEventListener("pagehide", () => {
  choice.top = scrollY;
  choice.heights = chartPlaces().map((place) => place.offsetHeight);
  keep();
});

if (data.refresh) {
  // While a sweep runs the file is written again and again; not while somebody is at work in it.
  const calm = 10_000; // milliseconds
  let touched = -calm;
  for (const kind of ["keydown", "pointerdown"]) addEventListener(kind, () => (touched = performance.now()));
  setInterval(() => {
    if (!dialog.open && performance.now() - touched >= calm) location.reload();
  }, data.refresh * 1000);
}
