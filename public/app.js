/* What htmx does not do: the sheet, copying, running times, the live badge, the filter, the theme. No inline script anywhere. */
(() => {
  const root = document.documentElement;
  const words = document.body.dataset;
  const language = root.lang;
  const skewMs = Number(root.dataset.now) - Date.now();
  const now = () => Date.now() + skewMs;
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const byId = (id) => document.getElementById(id);

  /* Times: relative ones count on, clock times stand in the reader's own zone. */
  const relative = new Intl.RelativeTimeFormat(language, { style: "narrow" });
  const justNow = new Intl.RelativeTimeFormat(language, { style: "narrow", numeric: "auto" }).format(0, "second");
  const timeOfDay = new Intl.DateTimeFormat(language, { timeStyle: "medium", hourCycle: "h23" });
  const dateAndTime = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short", hourCycle: "h23" });
  const units = [
    ["day", 172800, 86400],
    ["hour", 5400, 3600],
    ["minute", 90, 60],
    ["second", 0, 1],
  ];
  const sinceWords = (at) => {
    const seconds = Math.round((at - now()) / 1000);
    if (seconds === 0) return justNow;
    const [unit, , length] = units.find(([, from]) => Math.abs(seconds) >= from);
    return relative.format(Math.round(seconds / length), unit);
  };
  const clockWords = (at) => {
    const sameDay = new Date(at).toDateString() === new Date(now()).toDateString();
    return (sameDay ? timeOfDay : dateAndTime).format(at);
  };
  const write = (element, text) => {
    if (element.textContent !== text) element.textContent = text;
  };
  const showTimes = () => {
    for (const time of all("[data-ago]")) {
      write(time, sinceWords(Number(time.dataset.ago)));
      time.title = clockWords(Number(time.dataset.ago));
    }
    for (const time of all("[data-at]")) write(time, clockWords(Number(time.dataset.at)));
    for (const clock of all("[data-left]")) {
      const seconds = Math.max(0, Math.floor((Number(clock.dataset.left) - now()) / 1000));
      write(clock, `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`);
    }
    for (const ring of all(".ring[data-until]")) {
      const from = Number(ring.dataset.from);
      const until = Number(ring.dataset.until);
      const share = Math.min(1, Math.max(0, (until - now()) / Math.max(1, until - from)));
      ring.lastElementChild.setAttribute("stroke-dasharray", `${Math.round(share * 100)} 100`);
    }
  };

  /* The live badge: silent for ten seconds means that what stands here may be old. */
  let heardAt = Date.now();
  const heard = () => {
    heardAt = Date.now();
    showPulse();
  };
  const showPulse = () => {
    const late = Date.now() - heardAt > 10_000;
    if (late) reconnect();
    for (const pulse of all("[data-pulse]")) {
      if (pulse.hasAttribute("data-late") !== late) pulse.toggleAttribute("data-late", late);
      const mark = pulse.querySelector(".st");
      const icon = mark.querySelector("use");
      const shape = late ? "#s-wait" : "#s-open";
      if (icon.getAttribute("href") !== shape) icon.setAttribute("href", shape);
      write(mark.lastChild, late ? words.staleWord.replace("{when}", sinceWords(heardAt + skewMs)) : words.liveWord);
    }
  };
  /* The extension reconnects a stream that breaks, but not one whose first request failed: that one is asked again here. */
  const live = byId("live");
  let triedAt = 0;
  const reconnect = () => {
    if (!live || live._htmx?.sse || Date.now() - triedAt < 5000) return;
    triedAt = Date.now();
    htmx.ajax("GET", live.getAttribute("hx-sse:connect"), { source: live }).catch(() => undefined);
  };
  document.addEventListener("htmx:sse:after:message", heard);
  document.addEventListener("htmx:sse:after:connection", heard);
  document.addEventListener("htmx:sse:error", (event) => {
    if (event.detail.status === 401 || event.detail.status === 403) location.reload();
  });
  /* A page that was opened behind others connects when it is looked at: browsers take six connections to one host. */
  let isHeldBack = false;
  live?.addEventListener("htmx:before:request", (event) => {
    isHeldBack = document.hidden;
    if (isHeldBack) event.preventDefault();
  });
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) return;
    heard();
    if (isHeldBack) reconnect();
  });
  setInterval(() => {
    if (document.hidden) return;
    showTimes();
    showPulse();
  }, 1000);

  /* A figure that changed flashes once. */
  let figures = new Map();
  const readFigures = () => new Map(all("[data-v]").map((element) => [element.dataset.v, element.textContent]));
  const flashFigures = () => {
    for (const element of all("[data-v]")) {
      const before = figures.get(element.dataset.v);
      if (before === undefined || before === element.textContent) continue;
      element.setAttribute("data-fresh", "");
      element.addEventListener("animationend", () => element.removeAttribute("data-fresh"), { once: true });
    }
    figures = readFigures();
  };

  /* Where the focus stood may be gone after a change: it goes on from the content then, not from the page's beginning. */
  let focused;
  document.addEventListener("focusin", ({ target }) => {
    focused = target;
  });
  const keepFocus = () => {
    if (document.activeElement !== document.body || !focused || focused.isConnected) return;
    byId("main").focus({ preventScroll: true });
  };

  /* The sheet: htmx fills it, this opens it. Live updates never reach into it. */
  const sheet = byId("sheet");
  const openSheet = () => {
    if (!sheet.open) sheet.showModal();
    const field = sheet.querySelector("textarea, input:not([type=hidden]):not([type=radio])");
    const isForm = sheet.querySelector("textarea") !== null;
    (isForm && field ? field : byId("sheet-title"))?.focus();
  };
  const closeSheet = () => {
    if (sheet?.open) sheet.close();
  };
  sheet?.addEventListener("close", () => {
    byId("sheet-body").replaceChildren();
    keepFocus();
  });
  sheet?.addEventListener("click", (event) => {
    if (event.target === sheet && sheet.querySelector("textarea") === null) closeSheet();
  });
  document.addEventListener("sheet-close", closeSheet);

  /* Forms: the error's field is marked, described and focused; what was typed stays. */
  const markErrors = (container) => {
    const [error] = all("[data-field]", container);
    const field = error && error.closest("form, .sheet, main")?.querySelector(`[name="${error.dataset.field}"]`);
    if (!field) return;
    (field.closest("label") ?? field).after(error);
    field.setAttribute("aria-invalid", "true");
    field.setAttribute("aria-describedby", error.id);
    field.focus();
  };
  const clearError = (field) => {
    field.removeAttribute("aria-invalid");
    byId(field.getAttribute("aria-describedby"))?.remove();
    field.removeAttribute("aria-describedby");
  };
  const clearErrors = (form) => all("[aria-invalid=true]", form).forEach(clearError);
  document.addEventListener("input", ({ target }) => {
    if (target.getAttribute("aria-invalid") === "true") clearError(target);
  });
  document.addEventListener("change", ({ target }) => {
    if (!target.matches("[data-help-choice]")) return;
    for (const help of all("[data-help]")) help.hidden = help.dataset.help !== target.value;
  });
  const setBusy = (element, busy) => {
    const button = element.matches?.("[data-busy]") ? element : element.querySelector?.("[data-busy]");
    if (!button) return;
    if (busy && button.dataset.rest === undefined) {
      button.dataset.rest = button.textContent;
      button.textContent = button.dataset.busy;
      button.setAttribute("aria-busy", "true");
      button.setAttribute("hx-morph-skip", "");
    } else if (!busy && button.dataset.rest !== undefined) {
      button.textContent = button.dataset.rest;
      delete button.dataset.rest;
      button.removeAttribute("aria-busy");
      button.removeAttribute("hx-morph-skip");
    }
  };
  document.addEventListener("submit", ({ target }) => {
    if (!target.hasAttribute("hx-post")) setBusy(target, true);
  });
  addEventListener("pageshow", () => all("form").forEach((form) => setBusy(form, false)));
  byId("filter")?.addEventListener("submit", (event) => event.preventDefault());

  /* The status line: announced by readers, gone after a while. */
  let silence;
  const say = (text, tone) => {
    const line = document.createElement("span");
    line.className = tone;
    line.textContent = text;
    byId("say").replaceChildren(line);
  };
  new MutationObserver(() => {
    const line = byId("say");
    // A modal sheet hides what lies beneath it, so the line moves to where it can be read.
    const home = sheet?.open ? sheet : document.body;
    if (line.parentElement !== home) home.append(line);
    clearTimeout(silence);
    silence = setTimeout(() => line.replaceChildren(), 6000);
  }).observe(byId("say"), { childList: true });
  sheet?.addEventListener("close", () => document.body.append(byId("say")));

  /* Copying, also without a secure context. */
  const copyText = async (text) => {
    if (navigator.clipboard && isSecureContext) return navigator.clipboard.writeText(text);
    const area = document.createElement("textarea");
    area.value = text;
    area.className = "vh";
    const focused = document.activeElement;
    (sheet?.open ? sheet : document.body).append(area);
    area.select();
    const copied = document.execCommand("copy");
    area.remove();
    focused?.focus({ preventScroll: true });
    if (!copied) throw new Error("copy");
  };
  const copy = async (button) => {
    const source = button.dataset.copy
      ? document.querySelector(button.dataset.copy)
      : button.parentElement.querySelector("[data-copy-text]");
    try {
      await copyText(source.textContent);
    } catch {
      getSelection().selectAllChildren(source);
      return;
    }
    const [icon, label] = [button.querySelector("use"), button.querySelector("span")];
    const rest = label.dataset.rest ?? label.textContent;
    label.dataset.rest = rest;
    button.dataset.copied = "";
    button.setAttribute("hx-morph-skip", "");
    icon.setAttribute("href", "#tick");
    label.textContent = words.copiedWord;
    say(words.copiedWord, "open");
    setTimeout(() => {
      delete button.dataset.copied;
      button.removeAttribute("hx-morph-skip");
      icon.setAttribute("href", "#copy");
      label.textContent = rest;
    }, 2000);
  };

  /* A file that the page holds is saved without another request. */
  const save = ({ dataset }) => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(
      new Blob([document.querySelector(dataset.save).textContent], { type: "application/json" }),
    );
    link.download = dataset.name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
  };

  /* The filter works on what is there, so that each live update can pass through it. */
  let state = new URLSearchParams(location.search).get("state") ?? "";
  const filter = () => {
    if (!byId("filter")) return;
    const text = byId("find").value.trim().toLowerCase();
    const provider = byId("filter-provider").value;
    let shown = 0;
    for (const entry of all("#accounts [data-account]")) {
      const { state: its, provider: where, find } = entry.dataset;
      const fits = (state === "" || its === state) && (provider === "" || where === provider) && find.includes(text);
      entry.hidden = !fits;
      if (fits) shown += 1;
    }
    for (const group of all("#accounts [data-group]"))
      group.hidden = !group.querySelector("[data-account]:not([hidden])");
    const none = byId("no-match");
    if (none) none.hidden = shown > 0;
    for (const chip of all("[data-chip]")) chip.setAttribute("aria-pressed", String(chip.dataset.chip === state));
  };
  for (const name of ["input", "change"]) byId("filter")?.addEventListener(name, filter);

  document.addEventListener("click", (event) => {
    const { target } = event;
    const button = target.closest("[data-copy], [data-save], [data-close], [data-chip], [data-theme-choice]");
    if (!button) return;
    if (button.dataset.copy !== undefined) copy(button);
    if (button.dataset.save !== undefined) save(button);
    if (button.dataset.close !== undefined) closeSheet();
    if (button.dataset.chip !== undefined) {
      state = button.dataset.chip;
      filter();
    }
    if (button.dataset.themeChoice) {
      event.preventDefault();
      root.dataset.theme = button.dataset.themeChoice;
      const path = words.root.slice(0, -1);
      document.cookie = `sluice_theme=${button.dataset.themeChoice}; Path=${path}; Max-Age=31536000; SameSite=Lax`;
      document.querySelector(`.to-${button.dataset.themeChoice === "dark" ? "light" : "dark"}`).focus();
    }
  });

  /* htmx: before and after each exchange. */
  document.addEventListener("htmx:before:request", ({ target }) => {
    setBusy(target, true);
    if (target.matches?.("form")) clearErrors(target);
  });
  document.addEventListener("htmx:finally:request", ({ target }) => setBusy(target, false));
  document.addEventListener("htmx:error", ({ detail }) => {
    if (detail.ctx?.response === undefined && detail.ctx?.sourceElement?.id !== "live") say(words.failedWord, "bad");
  });
  document.addEventListener("htmx:after:swap", ({ detail }) => {
    filter();
    showTimes();
    showPulse();
    showOrigin();
    flashFigures();
    keepFocus();
    const target = detail.ctx?.target;
    if (target?.id === "sheet-body" && target.childElementCount > 0 && detail.ctx.response.status < 400) openSheet();
    if (target instanceof Element && detail.ctx.sourceElement?.id !== "live") markErrors(target);
  });

  /* The address of this gateway is the one in the browser's bar. */
  const base = words.root.slice(0, -"/console/".length);
  const showOrigin = () => {
    for (const element of all("[data-origin]")) write(element, location.origin + base);
  };

  showTimes();
  showOrigin();
  filter();
  figures = readFigures();
})();
