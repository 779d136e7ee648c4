// The portal without this script reads and uploads; with it, boxes light up and uploads show how far they are.

/** Uploads each chosen or dropped file on its own, with a bar and an answer in words. */
class UploadField extends HTMLElement {
  connectedCallback() {
    this.form = this.querySelector("form");
    this.list = this.querySelector(".uploads");
    this.waiting = [];
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      const field = this.form.elements.file;
      this.take([...field.files]);
      field.value = "";
    });
    for (const name of ["dragenter", "dragover"]) {
      this.addEventListener(name, (event) => { event.preventDefault(); this.classList.add("over"); });
    }
    this.addEventListener("dragleave", (event) => { if (!this.contains(event.relatedTarget)) this.classList.remove("over"); });
    this.addEventListener("drop", (event) => {
      event.preventDefault();
      this.classList.remove("over");
      this.take([...event.dataTransfer.files]);
    });
  }

  take(files) {
    for (const file of files) {
      const row = document.createElement("li");
      const name = document.createElement("span");
      const bar = document.createElement("progress");
      const said = document.createElement("span");
      name.textContent = file.name;
      bar.max = 1;
      bar.value = 0;
      bar.setAttribute("aria-label", file.name);
      said.textContent = this.list.dataset.waiting;
      row.append(name, bar, said);
      this.list.append(row);
      this.waiting.push({ file, bar, said });
    }
    if (!this.sending) this.next();
  }

  next() {
    const item = this.waiting.shift();
    this.sending = Boolean(item);
    if (!item) {
      this.refresh();
      return;
    }
    const body = new FormData(this.form);
    body.delete("file");
    body.append("file", item.file);
    const request = new XMLHttpRequest();
    request.open("POST", this.form.action);
    request.setRequestHeader("Accept", "application/json");
    request.upload.addEventListener("progress", (event) => { if (event.lengthComputable) item.bar.value = event.loaded / event.total; });
    request.addEventListener("load", () => { this.answered(item, request); this.next(); });
    request.addEventListener("error", () => { this.wrong(item, this.list.dataset.lost); this.next(); });
    item.said.textContent = "";
    request.send(body);
  }

  answered(item, request) {
    let answer = null;
    try { answer = JSON.parse(request.responseText); } catch { /* a page instead of an answer: see below */ }
    if (request.status === 200 && answer?.url) {
      item.bar.value = 1;
      const link = document.createElement("a");
      link.href = answer.url;
      link.textContent = answer.created ? this.list.dataset.done : this.list.dataset.known;
      item.said.replaceChildren(link);
    } else if (request.status === 413) {
      this.wrong(item, this.list.dataset.large);
    } else {
      this.wrong(item, answer?.error ?? (request.responseURL.includes("sign-in") ? this.list.dataset.session : this.list.dataset.lost));
    }
  }

  wrong(item, words) {
    item.bar.remove();
    item.said.textContent = words;
    item.said.className = "wrong";
  }

  refresh() {
    const rows = document.getElementById("rows");
    if (rows) window.htmx.ajax("GET", `${location.pathname}${location.search || "?"}&version=`, { target: rows, swap: "outerHTML" });
  }
}

/** Lights the box of the chosen value, and goes from value to value by arrow keys. */
class ValueBrowser extends HTMLElement {
  connectedCallback() {
    this.addEventListener("click", (event) => {
      const value = event.target.closest(".value") ?? event.target.closest(".fields tr")?.querySelector(".value[href]");
      const box = event.target.closest("rect[data-value]");
      if (value?.hasAttribute("href")) {
        event.preventDefault();
        this.choose(value, { page: true });
      } else if (box) {
        const chosen = this.querySelector(`.value[data-value="${box.dataset.value}"]`);
        this.choose(chosen, { page: false });
        chosen?.focus();
      }
    });
    this.addEventListener("focusin", (event) => {
      const value = event.target.closest(".value");
      if (value) this.choose(value, { page: true });
    });
    this.addEventListener("keydown", (event) => {
      const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
      const value = event.target.closest(".value");
      if (!step || !value) return;
      event.preventDefault();
      const all = [...this.querySelectorAll(".value")];
      all[all.indexOf(value) + step]?.focus();
    });
    const wanted = location.hash.match(/^#(?:value|at)-([0-9a-f-]{36})$/);
    if (wanted) this.choose(this.querySelector(`.value[data-value="${wanted[1]}"]`), { page: true });
  }

  choose(value, { page }) {
    if (!value) return;
    for (const lit of this.querySelectorAll(".lit, .chosen")) lit.classList.remove("lit", "chosen");
    value.classList.add("chosen");
    const boxes = this.querySelectorAll(`rect[data-value="${value.dataset.value}"]`);
    for (const box of boxes) box.classList.add("lit");
    history.replaceState(null, "", `#value-${value.dataset.value}`);
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    if (page && boxes.length) boxes[0].scrollIntoView({ block: "center", inline: "nearest", behavior: still ? "auto" : "smooth" });
    else value.scrollIntoView({ block: "nearest" });
  }
}

/** Times in the reader's own zone and way. */
function localTimes(root) {
  const form = new Intl.DateTimeFormat(document.documentElement.lang, { dateStyle: "medium", timeStyle: "short" });
  for (const time of root.querySelectorAll("time[datetime]")) time.textContent = form.format(new Date(time.dateTime));
}

document.addEventListener("submit", (event) => {
  const question = event.target.dataset?.confirm;
  if (question && !window.confirm(question)) event.preventDefault();
});
document.addEventListener("htmx:afterSwap", () => localTimes(document));
customElements.define("upload-field", UploadField);
customElements.define("value-browser", ValueBrowser);
localTimes(document);
