// The portal without this script reads and uploads; with it, boxes light up and uploads show how far they are.

/** Uploads each chosen or dropped file on its own, with a bar and an answer in words. Files may be dropped anywhere. */
class UploadField extends HTMLElement {
  connectedCallback() {
    this.form = this.querySelector("form");
    this.list = this.querySelector(".uploads");
    this.said = this.querySelector(".said");
    this.words = this.said.dataset;
    this.waiting = [];
    this.counted = { all: 0, done: 0, failed: 0, wrong: 0 };
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      const field = this.form.elements.file;
      this.take([...field.files].map((file) => ({ file })));
      field.value = "";
    });
    const carriesFiles = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");
    let depth = 0;
    // On the whole page: a file that is dropped beside the field would otherwise take the page's place.
    for (const name of ["dragenter", "dragover"]) {
      document.addEventListener(name, (event) => {
        if (!carriesFiles(event)) return;
        event.preventDefault();
        if (name === "dragenter") depth += 1;
        this.classList.add("over");
      });
    }
    document.addEventListener("dragleave", (event) => {
      if (!carriesFiles(event)) return;
      depth = Math.max(depth - 1, 0);
      if (!depth) this.classList.remove("over");
    });
    document.addEventListener("drop", (event) => {
      if (!carriesFiles(event)) return;
      event.preventDefault();
      depth = 0;
      this.classList.remove("over");
      const folders = [...event.dataTransfer.items].map((item) => item.webkitGetAsEntry?.()?.isDirectory ?? false);
      this.take([...event.dataTransfer.files].map((file, place) => ({ file, folder: folders[place] })));
    });
    window.addEventListener("beforeunload", (event) => { if (this.sending) event.preventDefault(); });
  }

  take(files) {
    if (!this.sending) this.counted = { all: 0, done: 0, failed: 0, wrong: 0 };
    for (const { file, folder } of files) {
      const row = document.createElement("li");
      const name = document.createElement("span");
      const bar = document.createElement("progress");
      const state = document.createElement("span");
      name.textContent = file.name;
      bar.max = 1;
      bar.value = 0;
      bar.setAttribute("aria-label", file.name);
      state.textContent = this.words.waiting;
      row.append(name, bar, state);
      this.list.append(row);
      this.counted.all += 1;
      this.waiting.push({ file, folder, bar, state });
    }
    if (files.length && !this.sending) this.next();
  }

  next() {
    const item = this.waiting.shift();
    this.sending = Boolean(item);
    this.tell();
    if (!item) {
      this.refresh();
      return;
    }
    if (item.folder) return this.refused(item, this.words.folder);
    if (item.file.size > Number(this.words.maxBytes)) return this.refused(item, this.words.large);
    const body = new FormData(this.form);
    body.delete("file");
    body.append("file", item.file);
    const request = new XMLHttpRequest();
    request.open("POST", this.form.action);
    request.setRequestHeader("Accept", "application/json");
    request.upload.addEventListener("progress", (event) => { if (event.lengthComputable) item.bar.value = event.loaded / event.total; });
    request.upload.addEventListener("load", () => { item.state.textContent = this.words.checked; });
    request.addEventListener("load", () => { this.answered(item, request); this.next(); });
    request.addEventListener("error", () => this.refused(item, this.words.lost));
    item.state.textContent = this.words.sent;
    request.send(body);
    return undefined;
  }

  answered(item, request) {
    let answer = null;
    try { answer = JSON.parse(request.responseText); } catch { /* a page instead of an answer: see below */ }
    if (request.status === 200 && answer?.url) {
      this.counted.done += 1;
      item.bar.value = 1;
      const link = document.createElement("a");
      link.href = answer.url;
      link.textContent = answer.trouble || (answer.created ? this.words.done : this.words.known);
      item.state.replaceChildren(link);
      if (answer.trouble) {
        this.counted.failed += 1;
        item.bar.remove();
        item.state.className = "wrong";
      }
    } else if (request.status === 413) {
      this.wrong(item, this.words.large);
    } else if (request.responseURL.includes("sign-in")) {
      this.wrong(item, this.words.session);
    } else if (request.status === 403) {
      this.wrong(item, this.words.reload);
    } else {
      this.wrong(item, answer?.error ?? this.words.lost);
    }
  }

  refused(item, words) {
    this.wrong(item, words);
    this.next();
  }

  wrong(item, words) {
    this.counted.wrong += 1;
    item.bar.remove();
    item.state.textContent = words;
    item.state.className = "wrong";
  }

  /** Says how far all files are: for eyes and for screen readers, which hear no bar. */
  tell() {
    const { all, done, failed, wrong } = this.counted;
    const words = this.sending ? this.words.progress : failed ? `${this.words.end} ${this.words.failed}` : this.words.end;
    const numbers = { all, number: done + wrong + 1, done, failed, wrong };
    this.said.textContent = all ? words.replace(/\{(\w+)\}/g, (_, name) => numbers[name]) : "";
    this.said.classList.toggle("wrong", !this.sending && wrong + failed > 0);
  }

  refresh() {
    const rows = document.getElementById("rows");
    if (rows) window.htmx.ajax("GET", `${location.pathname}${location.search || "?"}&version=`, { target: rows, swap: "outerHTML" });
  }
}

/**
 * Lights the box of the chosen value, goes from value to value by arrow keys, and takes decisions without a new page:
 * each form is sent as it would be without this script, and the parts of the answer replace those on the page.
 */
class ValueBrowser extends HTMLElement {
  connectedCallback() {
    this.said = this.querySelector(".said");
    this.addEventListener("click", (event) => this.clicked(event));
    this.addEventListener("focusin", (event) => {
      const value = event.target.closest(".values .value");
      if (value) this.choose(value, { page: true });
    });
    this.addEventListener("keydown", (event) => this.pressed(event));
    // Right after the page has opened nothing has the focus, and the arrow keys go on from the lit value all the same.
    this.started = (event) => { if (event.target.matches("body, main")) this.step(event, this.lit()); };
    document.addEventListener("keydown", this.started);
    this.addEventListener("submit", (event) => {
      if (event.defaultPrevented) return;
      event.preventDefault();
      this.decide(event.target, event.submitter);
    });
    const wanted = location.hash.match(/^#(?:value|at)-([\w-]+)$/);
    const first = this.querySelector("#decide")?.dataset.chosen;
    const chosen = this.value(wanted?.[1]) ?? this.value(new URLSearchParams(location.search).has("value") ? first : null);
    if (chosen) this.choose(chosen, { page: true });
    else this.light(this.value(first));
  }

  disconnectedCallback() {
    document.removeEventListener("keydown", this.started);
    this.left?.abort();
  }

  get panel() {
    return this.querySelector("#decide");
  }

  /** The value that is lit in the list: the one that a decision is taken on. */
  lit() {
    return this.querySelector(".values .chosen");
  }

  value(anchor) {
    return anchor ? this.querySelector(`.values .value[data-value="${CSS.escape(anchor)}"]`) : null;
  }

  clicked(event) {
    const value = event.target.closest(".value") ?? event.target.closest(".fields tr")?.querySelector(".value");
    const box = event.target.closest("rect[data-value]");
    const onward = this.value(event.target.closest("[data-onward]")?.dataset.onward);
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    if (onward) {
      event.preventDefault();
      this.choose(onward, { page: true });
      this.lead();
    } else if (value) {
      event.preventDefault();
      this.choose(value, { page: true });
      // Enter on a value leads to where it is decided on; a mouse click leaves the focus on it.
      if (event.detail === 0) this.lead();
    } else if (box) {
      const chosen = this.value(box.dataset.value);
      this.choose(chosen, { page: false });
      chosen?.focus();
    }
  }

  /** Takes the focus to where the chosen value is decided on, once that is there. */
  async lead() {
    await this.asked;
    this.querySelector("#decide-title")?.focus();
  }

  pressed(event) {
    const value = event.target.closest(".values .value");
    const panel = event.target.closest("#decide");
    if (event.key === "Escape" && panel) {
      this.lit()?.focus();
      return;
    }
    if (this.step(event, value)) return;
    if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || !(value || panel)) return;
    if (event.target.matches("input, select, textarea")) return;
    const key = event.key.toLowerCase();
    if (!["a", "c", "r"].includes(key)) return;
    event.preventDefault();
    this.act(key.toUpperCase(), this.lit());
  }

  /**
   * Does what a key stands for, on the value that was lit when it was pressed. Where its panel isn't there yet the key
   * waits for it, and counts only if nobody has gone on meanwhile and the value still is as the list shows it.
   */
  async act(key, meant) {
    await this.asked;
    if (!meant || meant !== this.lit() || this.pending) return;
    const seen = this.panel.querySelector("input[name=seen]")?.value;
    const target = this.panel.querySelector(`[aria-keyshortcuts="${key}"]`);
    if (key === "C") { target?.focus(); target?.select?.(); } else if (seen === meant.dataset.seen) target?.click();
  }

  /** Goes to the value above or below one, where the key says so; returns whether it did. */
  step(event, value) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step || !value || event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return false;
    event.preventDefault();
    const all = [...this.querySelectorAll(".values .value")];
    (all[all.indexOf(value) + step] ?? value).focus();
    return true;
  }

  choose(value, { page }) {
    if (!value) return;
    const again = value.classList.contains("chosen");
    const boxes = this.light(value);
    history.replaceState(null, "", `#value-${value.dataset.value}`);
    if (!again) {
      const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
      if (page && boxes.length) boxes[0].scrollIntoView({ block: "center", inline: "nearest", behavior: still ? "auto" : "smooth" });
      else value.scrollIntoView({ block: "nearest" });
    }
    if (this.panel?.dataset.chosen !== value.dataset.value) this.ask(value);
    else this.settle();
  }

  light(value) {
    if (!value) return [];
    for (const lit of this.querySelectorAll(".lit, .chosen")) lit.classList.remove("lit", "chosen");
    for (const other of this.querySelectorAll(".value[aria-current]")) other.removeAttribute("aria-current");
    value.classList.add("chosen");
    value.setAttribute("aria-current", "true");
    const boxes = this.querySelectorAll(`rect[data-value="${CSS.escape(value.dataset.value)}"]`);
    for (const box of boxes) box.classList.add("lit");
    return boxes;
  }

  /**
   * Shows how the chosen value is decided on. Until that is there, nothing can be decided: what the panel still shows is
   * the value before. Who goes on meanwhile leaves it.
   */
  ask(value) {
    this.left?.abort();
    this.left = new AbortController();
    const { signal } = this.left;
    this.pending = true;
    this.panel.setAttribute("aria-busy", "true");
    for (const control of this.panel.querySelectorAll("button, input, select")) control.disabled = true;
    this.asked = new Promise((done) => { setTimeout(done, 120); }).then(async () => {
      if (signal.aborted) return;
      const response = await fetch(value.href.split("#")[0], { signal, headers: { Accept: "text/html" } });
      if (response.url.includes("sign-in")) throw new Error(this.said.dataset.session);
      const page = new DOMParser().parseFromString(await response.text(), "text/html");
      if (signal.aborted) return;
      if (page.querySelector("#decide")?.dataset.chosen !== value.dataset.value) throw new Error(this.said.dataset.gone);
      this.refresh(page, ["decide"]);
      this.settle();
    }).catch((error) => {
      if (!signal.aborted) this.say(error instanceof TypeError ? this.said.dataset.unread : error.message, { wrong: true });
    });
  }

  /**
   * The panel shows the value that is lit: it can be decided on, and nothing else is waited for. Who came back to it
   * before another's was there finds its controls as `ask` left them.
   */
  settle() {
    this.left?.abort();
    if (this.pending && this.said.classList.contains("wrong")) this.say("");
    this.pending = false;
    this.panel?.removeAttribute("aria-busy");
    for (const control of this.panel?.querySelectorAll(":disabled") ?? []) control.disabled = false;
  }

  async decide(form, submitter) {
    if (this.sending || (this.pending && this.panel.contains(form))) return;
    this.sending = true;
    this.setAttribute("aria-busy", "true");
    const body = new FormData(form, submitter);
    // What is lit goes along: where it isn't the form's own value, the decision is refused.
    if (body.has("value") && this.lit()) body.set("lit", this.lit().dataset.key);
    try {
      const response = await fetch(form.action, { method: "POST", body, headers: { Accept: "text/html" } });
      if (response.url.includes("sign-in")) throw new Error(this.said.dataset.session);
      if (!response.ok) throw new Error(this.said.dataset.lost);
      this.decided(new DOMParser().parseFromString(await response.text(), "text/html"));
    } catch (error) {
      this.say(error instanceof TypeError ? this.said.dataset.lost : error.message, { wrong: true });
    } finally {
      this.sending = false;
      this.removeAttribute("aria-busy");
    }
  }

  decided(page) {
    const refused = page.querySelector("#refused");
    this.left?.abort();
    this.refresh(page, [...page.querySelectorAll("[data-refreshed]")].map((part) => part.id));
    const chosen = this.value(page.querySelector("#decide")?.dataset.chosen);
    if (chosen) this.choose(chosen, { page: true });
    else this.settle();
    if (refused) {
      this.say(this.panel ? "" : refused.textContent, { wrong: !this.panel });
      (this.querySelector("#right") ?? this.querySelector("#decide-title"))?.focus();
      return;
    }
    this.say([...page.querySelectorAll(".messages li")].map((line) => line.textContent).join(" ") || this.said.dataset.decided);
    this.querySelector("#decide-title, .values")?.focus();
  }

  refresh(page, ids) {
    for (const id of ids) {
      const here = document.getElementById(id);
      const there = page.getElementById(id);
      if (!here || !there) continue;
      here.replaceChildren(...there.childNodes);
      if (id === "decide") here.dataset.chosen = there.dataset.chosen ?? "";
      localTimes(here);
    }
  }

  say(words, { wrong = false } = {}) {
    this.said.textContent = words;
    this.said.classList.toggle("wrong", wrong);
  }
}

/** Times in the reader's own zone, which is named: 2026-11-25 11:06 CET. */
function localTimes(root) {
  const form = new Intl.DateTimeFormat("en-GB", {
    year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", hourCycle: "h23", timeZoneName: "short",
  });
  for (const time of root.querySelectorAll("time[datetime]")) {
    const parts = Object.fromEntries(form.formatToParts(new Date(time.dateTime)).map((part) => [part.type, part.value]));
    time.textContent = `${parts.year}-${parts.month}-${parts.day} ${parts.hour}:${parts.minute} ${parts.timeZoneName}`;
  }
}

document.addEventListener("submit", (event) => {
  const question = event.target.dataset?.confirm;
  if (question && !window.confirm(question)) event.preventDefault();
}, { capture: true });
document.addEventListener("htmx:afterSwap", () => localTimes(document));
customElements.define("upload-field", UploadField);
customElements.define("value-browser", ValueBrowser);
localTimes(document);
