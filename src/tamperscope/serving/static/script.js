"use strict";

// Uploads: dropped or chosen, with progress. Without this script the form sends itself.
const form = document.querySelector("[data-upload]");
if (form) {
  const input = form.querySelector("input[type=file]");
  const bar = form.querySelector("[data-progress]");
  const problem = form.querySelector("[data-problem]");
  const button = form.querySelector("button");

  const fail = (text) => {
    problem.textContent = text;
    problem.hidden = false;
    bar.hidden = true;
    button.disabled = false;
  };

  const send = () => {
    const request = new XMLHttpRequest();
    request.open("POST", "/v1/analyses");
    request.responseType = "json";
    request.upload.onprogress = (event) => { bar.value = (100 * event.loaded) / event.total; };
    request.onerror = () => fail("The service cannot be reached. Try again.");
    request.onload = () => {
      if (request.status === 401) {
        location.href = "/login"; // signed out, perhaps on another page
        return;
      }
      if (request.status !== 202) {
        const detail = request.response && request.response.detail;
        fail(typeof detail === "string" ? detail : `It was refused (${request.status}).`);
        return;
      }
      const taken = request.response;
      location.href = taken.length === 1 ? `/analyses/${taken[0].id}` : "/";
    };
    problem.hidden = true;
    bar.hidden = false;
    button.disabled = true;
    request.send(new FormData(form));
  };

  form.addEventListener("submit", (event) => { event.preventDefault(); send(); });
  // A file dropped beside the field would replace the page.
  for (const kind of ["dragover", "drop"]) {
    document.addEventListener(kind, (event) => event.preventDefault());
  }
  document.addEventListener("dragover", () => form.classList.add("over"));
  document.addEventListener("dragleave", () => form.classList.remove("over"));
  document.addEventListener("drop", (event) => {
    form.classList.remove("over");
    if (button.disabled || !event.dataTransfer.files.length) return;
    input.files = event.dataTransfer.files;
    send();
  });
}

// What waits is looked at again each second, until it is done.
const refresh = async () => {
  const part = document.querySelector("[data-fresh][data-busy]");
  if (!part) return;
  try {
    const answer = await fetch(location.href, { headers: { accept: "text/html" } });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.querySelector("[data-fresh]");
    if (answer.status === 404 || answer.status === 410 || (answer.ok && !fresh)) {
      location.reload(); // it is done, or somebody deleted it
      return;
    }
    if (answer.ok && fresh.innerHTML !== part.innerHTML) {
      const at = part.contains(document.activeElement) && document.activeElement;
      const held = at && ("older" in at.dataset ? "[data-older]" : `a[href="${at.getAttribute("href")}"]`);
      part.replaceWith(fresh);
      // What a person's keyboard is at stays under it.
      if (held) fresh.querySelector(held)?.focus();
      document.querySelector("[data-status]").textContent = fresh.dataset.said;
    }
  } catch {
    // The service is away; it may come back.
  }
  setTimeout(refresh, 1000);
};
refresh();

// The viewer: which map, how opaque, how large, and the numbers of a region.
const viewer = document.querySelector("[data-viewer]");
if (viewer) {
  const stage = viewer.querySelector("[data-stage]");
  const canvas = viewer.querySelector("[data-canvas]");
  const photo = canvas.querySelector("img");
  const opacity = viewer.querySelector("[data-opacity]");
  const boxes = viewer.querySelector("[data-boxes]");
  const said = viewer.querySelector("[data-region-said]");
  const hint = said.textContent;
  let zoom = 1;

  const show = () => {
    const chosen = viewer.querySelector("input[name=map]:checked");
    for (const layer of viewer.querySelectorAll("[data-layer]")) {
      layer.hidden = layer.dataset.layer !== chosen.value;
      layer.style.opacity = opacity.value / 100;
    }
    for (const marks of viewer.querySelectorAll("[data-regions]")) {
      marks.toggleAttribute("hidden", !boxes.checked || marks.dataset.regions !== chosen.value);
    }
    viewer.querySelector("[data-opacity-said]").textContent = `${opacity.value}%`;
  };

  const enlarge = (wanted, x = stage.clientWidth / 2, y = stage.clientHeight / 2) => {
    const next = Math.min(16, Math.max(1, wanted));
    const grown = next / zoom;
    const across = stage.scrollLeft + x - canvas.clientWidth / 2; // the photo is in its middle
    const down = stage.scrollTop + y;
    zoom = next;
    stage.style.setProperty("--zoom", zoom);
    stage.scrollTo(across * grown + canvas.clientWidth / 2 - x, down * grown - y);
    viewer.querySelector("[data-zoom-said]").textContent = `${Math.round(100 * zoom)}%`;
  };

  stage.style.setProperty("--shape", photo.getAttribute("width") / photo.getAttribute("height"));

  const steps = { in: () => enlarge(zoom * 1.5), out: () => enlarge(zoom / 1.5), fit: () => enlarge(1) };
  for (const button of viewer.querySelectorAll("[data-zoom]")) {
    button.addEventListener("click", () => steps[button.dataset.zoom]());
  }
  stage.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey) return; // that is the browser's own zoom
    const step = { "+": "in", "=": "in", "-": "out", "0": "fit" }[event.key];
    if (step) steps[step]();
  });
  stage.addEventListener("wheel", (event) => {
    if (!event.ctrlKey) return; // a wheel alone scrolls the page
    event.preventDefault();
    const frame = stage.getBoundingClientRect();
    enlarge(zoom * Math.exp(-event.deltaY / 300), event.clientX - frame.left, event.clientY - frame.top);
  }, { passive: false });

  for (const mark of viewer.querySelectorAll("rect")) {
    const tell = () => { said.textContent = mark.getAttribute("aria-label"); };
    const hush = () => { said.textContent = hint; };
    mark.addEventListener("pointerenter", tell);
    mark.addEventListener("focus", tell);
    mark.addEventListener("pointerleave", hush);
    mark.addEventListener("blur", hush);
  }
  if (opacity) {
    viewer.addEventListener("input", show);
    show();
  }
  viewer.querySelector("[data-controls]").hidden = false;
}
