// Every page is whole without this; here is what a script makes quicker to reach.
const tip = document.getElementById("tip"), box = document.getElementById("explain");

addEventListener("pointermove", (event) => {
  const told = event.target.closest?.("[data-tip]");
  tip.hidden = !told;
  if (!told) return;
  tip.textContent = told.dataset.tip.replaceAll("|", "\n");
  tip.style.left = `${Math.max(8, Math.min(innerWidth - tip.offsetWidth - 8, event.clientX + 14))}px`;
  tip.style.top = `${Math.min(innerHeight - tip.offsetHeight - 8, event.clientY + 16)}px`;
});

addEventListener("click", async (event) => {
  const link = event.target.closest?.("a[data-explain]");
  if (!link || event.metaKey || event.ctrlKey || event.shiftKey) return;
  event.preventDefault();
  try {
    const answer = await fetch(link.href, { credentials: "same-origin" });
    const found = new DOMParser().parseFromString(await answer.text(), "text/html");
    const told = found.getElementById("explained");
    if (!answer.ok || !told) throw new Error(answer.status);
    const heading = found.querySelector("h1");
    box.lastElementChild.replaceChildren(heading, told);
    box.showModal();
  } catch {
    location.href = link.href;
  }
});

// What only a script can do gets its button here, on the page and on one that was fetched.
function enhance(page) {
  for (const link of page.querySelectorAll("a[data-png]")) link.after(" · ", button(link.dataset.png, "png"));
  const told = page.getElementById("live");
  if (!told) return;
  const follows = new URLSearchParams(location.search).get("live") === "follow";
  if (follows && !told.classList.contains("stale")) {
    const clock = new Date().toLocaleTimeString(document.documentElement.lang);
    told.querySelector("time").textContent = told.dataset.followed.replace("@", clock);
  }
  told.append(" · ", button(follows ? told.dataset.stop : told.dataset.follow, "follow"));
}

function button(text, does) {
  const made = document.createElement("button");
  made.type = "button";
  made.dataset.does = does;
  made.textContent = text;
  return made;
}

addEventListener("click", (event) => {
  const pressed = event.target.closest?.("button[data-does]");
  if (pressed?.dataset.does === "png") save(pressed.parentElement.querySelector("a[data-png]"));
  if (pressed?.dataset.does === "follow") {
    const here = new URL(location.href);
    if (stream) here.searchParams.delete("live");
    else here.searchParams.set("live", "follow");
    history.replaceState(null, "", here);
    follow();
    renew();
  }
});

// A chart as PNG: the browser draws the server's SVG, at three times its size.
async function save(link) {
  const text = await (await fetch(link.href, { credentials: "same-origin" })).text();
  const image = new Image();
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(text)}`;
  await image.decode();
  const canvas = document.createElement("canvas");
  canvas.width = image.width * 3, canvas.height = image.height * 3;
  canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
  const saved = document.createElement("a");
  saved.href = canvas.toDataURL("image/png");
  saved.download = `${new URL(link.href).searchParams.get("picture")}.png`;
  saved.click();
}

// Numbers that are followed: the stream says that some moved, and the page is asked for again; what differs is put in its place.
const main = document.getElementById("main");
let stream = null, asking = false, again = false;

function follow() {
  stream?.close();
  stream = null;
  const follows = new URLSearchParams(location.search).get("live") === "follow";
  if (!follows || document.hidden || !document.getElementById("live")) return;
  stream = new EventSource(main.dataset.events);
  stream.addEventListener("open", renew);
  stream.addEventListener("batch", (event) => JSON.parse(event.data).batch === main.dataset.batch || renew());
  stream.addEventListener("live", (event) => {
    const shown = (main.dataset.live ?? "").split(" ");
    if (JSON.parse(event.data).views.some((view) => shown.includes(view))) renew();
  });
}

async function renew() {
  again = asking;
  if (asking) return;
  asking = true;
  try {
    const answer = await fetch(location.href, { credentials: "same-origin" });
    const found = new DOMParser().parseFromString(await answer.text(), "text/html");
    if (answer.ok && !answer.redirected) {
      enhance(found);
      const now = found.getElementById("main");
      Object.assign(main.dataset, now.dataset);
      change(main, now);
    }
  } catch { /* the stream asks again when the server is there */ }
  asking = false;
  if (again) renew();
}

function change(old, now) {
  if (old.isEqualNode(now)) return;
  if (old.nodeName !== now.nodeName || old.childNodes.length !== now.childNodes.length || !old.childNodes.length) {
    const whole = document.importNode(now, true);
    if (old === main) old.replaceChildren(...whole.childNodes);
    else old.replaceWith(whole);
    return;
  }
  for (const { name } of [...old.attributes]) if (!now.hasAttribute(name) && name !== "open") old.removeAttribute(name);
  for (const { name, value } of now.attributes) if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  const children = [...now.childNodes];
  [...old.childNodes].forEach((child, place) => change(child, children[place]));
}

enhance(document);
follow();
addEventListener("visibilitychange", follow);
setInterval(() => stream && renew(), 60_000); // numbers that fall behind move nothing, and yet are to be said so
addEventListener("pagehide", () => stream?.close());
addEventListener("pageshow", (event) => event.persisted && follow());
