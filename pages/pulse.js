// Hears the server's pulse (pages/pulse.py): clock and ages go on by it, the page is drawn again when the figures moved,
// and says by itself where nobody has been heard for a while.
if (!window.baikooPulse) {
  const SILENT = 12_000; // ms without a word
  const STRIP = ".bk-strip[data-key]"; // of a page of the present
  const AGAIN = 2_000; // ms, about, until a lost connection is tried again
  const ANEW = 20_000; // ms until a page that could not be drawn is loaded again
  const PRESSES = "bk-presses"; // by this name the tab keeps what was pressed and is not answered yet
  const SAYINGS = "bk-sayings"; // and by this what was said over the page and nobody has closed
  const UNANSWERED = 10_000; // ms without an answer to a press, after which the server is asked for it
  const READ = 10_000; // ms that an answer takes to be read
  const UNSEEN = 1_500; // ms without what a form says on the screen, after which it is said over the page
  const DECIDES = "[class*=st-key-decides_]"; // a button that decides
  let told = null; // what was told last
  let heardAt = performance.now(); // when, by this page's clock (ms), which stands while the machine sleeps
  let awake = Date.now() - heardAt; // between the machine's clock and the page's: it grows in a sleep
  let script = null; // the version of this script, as the server says
  let brokenAt = 0; // since when
  let broken = null; // what the server says that its store cannot do
  let drawing = null; // the timer of a drawing that is about to be asked for
  let failedAt = 0; // since when the page as a whole could not be drawn

  const two = (number) => String(Math.floor(number)).padStart(2, "0");
  const time = (ms, offset) => {
    const seconds = Math.floor(ms / 1000) + offset;
    return [(seconds / 3600) % 24, (seconds / 60) % 60, seconds % 60].map(two).join(":");
  };
  // as pages/words.py says a duration
  const duration = (seconds, words) => {
    const some = (unit, n) => words[unit].replace("{n}", n);
    const [d, h, m, s] = [seconds / 86400, (seconds / 3600) % 24, (seconds / 60) % 60, seconds % 60].map(Math.floor);
    if (d) return h ? `${some("d", d)} ${some("h", h)}` : some("d", d);
    if (h) return m ? `${some("h", h)} ${some("min", m)}` : some("h", h);
    if (m) return s && m < 5 ? `${some("min", m)} ${some("s", s)}` : some("min", m);
    return some("s", s);
  };

  const listen = () => {
    const socket = new WebSocket(new URL("pulse", document.baseURI.replace(/^http/, "ws")));
    socket.onmessage = (message) => {
      const news = JSON.parse(message.data);
      heardAt = performance.now();
      awake = Date.now() - heardAt;
      const over = broken && !news.broken;
      broken = news.broken || null;
      brokenAt = heardAt - 1000 * (news.for || 0);
      script = script || news.script;
      if (news.script !== script) location.reload(); // another version of Baikoo: this script does not know its pages
      // what an outage left broken on a page that is not drawn again by its strip: one of the past, or without any
      if (over && !document.querySelector(STRIP) && document.querySelector(".bk-broken")) location.reload();
      told = news;
      look();
      tick();
    };
    socket.onclose = () => setTimeout(listen, AGAIN * (0.5 + Math.random()));
  };

  // Draws the page again where its strip is of other figures; one that nobody sees waits until somebody does.
  const look = () => {
    const strip = document.querySelector(STRIP);
    if (!told?.key || !strip || document.hidden || strip.dataset.key === told.key || drawing) return;
    drawing = setTimeout(() => { // fifty screens, not all at once
      drawing = null;
      document.querySelector(".st-key-bk_pulse button")?.click();
    }, Math.random() * 300);
  };

  const tick = () => {
    const failed = document.querySelector(".bk-broken") && !document.querySelector(".bk-strip");
    failedAt = failed ? failedAt || performance.now() : 0;
    if (failed && performance.now() - failedAt > ANEW) location.reload();
    const said = document.querySelector(".bk-words");
    if (!said) return;
    const words = JSON.parse(said.dataset.words);
    const silence = Date.now() - awake - heardAt; // ms, a sleep among them
    say(silence > SILENT ? "silent" : broken, words);
    remember(silence <= SILENT);
    const strip = document.querySelector(".bk-strip");
    if (!told?.sources || !strip) return;
    const now = told.now + (performance.now() - heardAt) * told.speed;
    const clock = strip.querySelector("[data-offset]");
    if (clock) write(clock, time(now, Number(clock.dataset.offset)));
    for (const source of document.querySelectorAll("[data-source]")) { // in the strip, in Data health's table
      const since = told.sources[source.dataset.source];
      if (since == null) continue;
      const seconds = Math.max(0, now - since) / 1000;
      const state = seconds > source.dataset.red ? "red" : seconds > source.dataset.amber ? "amber" : "ok";
      const [shown, late] = [source.querySelector(".bk-age") || source, source.querySelector("[data-late]")];
      shown.className = `bk-age bk-${shown.dataset.alarm ? "red" : state}`;
      write(source.querySelector("[data-age]"), duration(seconds, words));
      write(late, (state !== "red" && shown.dataset.alarm) || words[state] || late.dataset.ok || "");
      const last = source.querySelector("[data-offset]");
      if (last) write(last, time(since, Number(last.dataset.offset)));
    }
  };

  // What the server told last of its session's decisions (pages/deciding.py); what stands first is drawn first.
  const deciding = () => {
    const all = [...document.querySelectorAll(".bk-deciding")].map((one) => JSON.parse(one.dataset.told));
    return all.reduce((a, b) => (b.session === a.session && b.telling > a.telling ? b : a), all[0]);
  };

  // Session -> its presses that are not answered yet: `at`, by the page's clock, on which `form`, `after` so many that
  // were answered, `asked` for by that many questions. Where a session ended meanwhile, or was asked and knows nothing
  // of them, nobody will hear what became of them. A browser may keep nothing; then only this page remembers.
  let presses = {};
  let sayings = {}; // all that was said over the page; of what somebody closed nothing
  const recall = () => {
    try {
      presses = JSON.parse(sessionStorage.getItem(PRESSES)) || presses;
      sayings = JSON.parse(sessionStorage.getItem(SAYINGS)) || sayings;
    } catch {}
  };
  const keep = () => {
    for (const session in presses) if (!presses[session].length) delete presses[session];
    try {
      sessionStorage.setItem(PRESSES, JSON.stringify(presses));
      sessionStorage.setItem(SAYINGS, JSON.stringify(sayings));
    } catch {}
  };
  const asClass = (key) => key.replace(/[^a-zA-Z0-9_-]/g, "-"); // as it stands in a class
  const pressed = (event) => {
    const decides = event.type === "click"
      ? event.target.closest?.(`${DECIDES} button`)
      : event.key === "Enter" && event.target.matches?.("[data-testid=stTextInput] input")
        && event.target.closest("[data-testid=stForm]")?.querySelector(DECIDES);
    const told = decides && deciding();
    if (!told) return;
    const at = document.querySelector(".bk-clock [data-offset]")?.textContent || new Date().toTimeString().slice(0, 8);
    const [, key] = decides.closest(DECIDES).className.match(/st-key-decides_[a-z]+_(\S+)/);
    recall();
    const press = { at, since: Date.now(), form: key, after: told.answered };
    presses[told.session] = [...(presses[told.session] || []), press];
    for (const one in sayings) if (one.endsWith(` ${key}`)) sayings[one] = ""; // until the next press, as at the form
    keep();
  };
  // Whether a form says this where the reader looks; a drawing may have moved the page.
  const isSeen = (text) => [...document.querySelectorAll("[data-testid=stAlert]")].some((one) => {
    const { top, bottom } = one.getBoundingClientRect();
    return one.textContent.includes(text) && bottom > 0 && top < innerHeight - 20;
  });
  const isUnseen = (press, text) => {
    press.unseen = isSeen(text) ? null : press.unseen ?? Date.now(); // since when
    return press.unseen !== null && Date.now() - press.unseen > UNSEEN;
  };
  // The number of a press among those that are answered.
  const number = (press, told) =>
    Object.keys(told.came).find((n) => n > press.after && asClass(told.came[n]) === press.form);
  const isOpen = (press, told) => {
    const n = number(press, told);
    if (!n || told.waits.includes(Number(n))) return true;
    press.read ??= Date.now();
    press.refused = told.refused[n]; // it stands at the form, and goes with it when the page is loaded anew
    press.lost = false;
    if (!press.refused) return false;
    // where its form is gone the server says it over the page
    const sentence = press.refused.split(" · ").slice(1).join(" · ");
    if (document.querySelector(`[class*="${press.form}"]`) && isUnseen(press, sentence)) {
      sayings[`${told.session} ${press.at} ${press.form}`] ??= press.refused;
      return false;
    }
    return Date.now() - press.read < READ;
  };
  let askedAt = 0; // when the server was asked last what became of a press
  const remember = (audible) => {
    const told = deciding();
    const said = document.querySelector(".bk-words");
    if (!told || !said) return;
    const words = JSON.parse(said.dataset.words);
    recall();
    const own = (presses[told.session] || []).filter((press) => isOpen(press, told));
    const unheard = own.filter((press) => !number(press, told) && Date.now() - press.since > UNANSWERED);
    for (const press of unheard) press.lost = told.asked >= (press.asked ??= told.asked + 1);
    if (audible && unheard.some((press) => !press.lost) && Date.now() - askedAt > UNANSWERED) {
      askedAt = Date.now();
      document.querySelector(".st-key-bk_ask button")?.click();
    }
    for (const [session, some] of Object.entries(presses)) {
      if (session === told.session) continue;
      for (const press of some) if (press.refused) sayings[`${session} ${press.at} ${press.form}`] ??= press.refused;
      presses[session] = some.filter((press) => !press.refused);
    }
    presses[told.session] = own;
    const waiting = own.filter((press) => told.waits.includes(Number(number(press, told))));
    const unseen = waiting.filter((press) => isUnseen(press, words.waits));
    for (const [n, sentence] of Object.entries(told.said)) sayings[`${told.session} ${n}`] ??= sentence;
    keep();
    over("bk-waits", unseen.length ? words.waits : "", words);
    const isLost = (session, press) => session !== told.session || press.lost;
    const times = Object.entries(presses).flatMap(
      ([session, some]) => some.filter((press) => isLost(session, press)).map(({ at }) => at));
    over("bk-lost", times.length ? words.lost.replace("{time}", times.join(", ")) : "", words, () => {
      recall();
      for (const session in presses) presses[session] = presses[session].filter((press) => !isLost(session, press));
      keep();
    });
    const shown = Object.keys(sayings).filter((one) => sayings[one]);
    over("bk-answer", folded(shown.map((one) => sayings[one])), words, () => {
      recall();
      for (const one of shown) sayings[one] = "";
      keep();
    });
  };

  // What was said several times stands there once, with all its times.
  const folded = (some) => {
    const times = {};
    for (const one of some) {
      const [time, ...sentence] = one.split(" · ");
      (times[sentence.join(" · ")] ||= []).push(time);
    }
    return Object.entries(times).map(([sentence, some]) => `${some.join(", ")} · ${sentence}`).join("\n");
  };

  // What stands over the page's foot, one above the other.
  const foot = () => {
    let box = document.getElementById("bk-foot");
    if (!box) document.body.append(box = Object.assign(document.createElement("div"), { id: "bk-foot" }));
    return box;
  };

  // Over the page, until somebody closes it.
  const over = (id, text, words, closed) => {
    let banner = document.getElementById(id);
    if (!text) return banner?.remove();
    if (!banner) {
      banner = Object.assign(document.createElement("div"), { id, role: "alert" });
      banner.append(document.createElement("span"), document.createElement("button"));
      foot().append(banner);
    }
    const [span, close] = banner.children;
    write(span, text);
    close.hidden = !closed; // it goes by itself
    write(close, words.close);
    close.onclick = () => {
      closed();
      banner.remove();
    };
  };

  // Over everything else: what stands on the page is old.
  const say = (wrong, words) => {
    document.documentElement.classList.toggle("bk-stale", Boolean(wrong));
    let banner = document.getElementById("bk-stale");
    if (!wrong) return banner?.remove();
    if (!banner) {
      banner = Object.assign(document.createElement("div"), { id: "bk-stale", role: "alert" });
      foot().append(banner);
    }
    const since = wrong === "silent" ? heardAt : brokenAt;
    write(banner, words[wrong].replace("{age}", duration(Math.max(0, Date.now() - awake - since) / 1000, words)));
  };

  const write = (element, text) => {
    if (element && element.textContent !== text) element.textContent = text;
  };
  window.baikooPulse = { time, duration, told: () => told };
  listen();
  setInterval(tick, 500);
  window.addEventListener("click", pressed, true);
  window.addEventListener("keydown", pressed, true);
  window.addEventListener("pagehide", () => remember(false)); // what was answered a moment ago is answered
  document.addEventListener("visibilitychange", () => {
    tick();
    look();
  });
}
