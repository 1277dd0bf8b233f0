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

// A chart as PNG: the browser draws the server's SVG, at three times its size.
for (const link of document.querySelectorAll("a[data-png]")) {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = link.dataset.png;
  button.addEventListener("click", async () => {
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
  });
  link.after(" · ", button);
}
