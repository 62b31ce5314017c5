// Everything works without this file. It saves clicks: select all, a range of ticks, news without a reload, and the place in
// the list that one came from.
(() => {
  "use strict";
  const ticks = () => [...document.querySelectorAll('#rows input[name="uid"]')];

  // Select all, and with shift all between two ticks.
  let last = null;
  const prepare = () => {
    const all = document.querySelector("[data-select-all]");
    if (!all) return;
    all.closest("label").hidden = false;
    all.checked = false;
    all.addEventListener("change", () => ticks().forEach((t) => { t.checked = all.checked; }));
  };
  document.addEventListener("click", (event) => {
    const tick = event.target.closest?.('#rows input[name="uid"]');
    if (!tick) return;
    const list = ticks();
    if (event.shiftKey && last && list.includes(last)) {
      const [from, to] = [list.indexOf(last), list.indexOf(tick)].sort((a, b) => a - b);
      list.slice(from, to + 1).forEach((t) => { t.checked = tick.checked; });
    }
    last = tick;
  });
  prepare();

  // A list keeps its place when a message of it is opened.
  const list = document.getElementById("list");
  if (list) {
    const key = "place " + location.pathname.split("/").slice(0, 3).join("/") + (new URLSearchParams(location.search).get("p") || "");
    const place = sessionStorage.getItem(key);
    if (place !== null && document.body.classList.contains("reading")) list.scrollTop = Number(place);
    list.addEventListener("scroll", () => sessionStorage.setItem(key, String(list.scrollTop)), { passive: true });
  }

  // The mailbox that is open stands in sight, and menus close when the eye goes elsewhere.
  document.querySelector(".folder.current")?.scrollIntoView({ block: "nearest" });
  const closeMenus = (but) => document.querySelectorAll("details.menu[open]").forEach((m) => { if (m !== but) m.open = false; });
  document.addEventListener("click", (event) => closeMenus(event.target.closest?.("details.menu")));
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    const open = document.querySelector("details.menu[open]");
    closeMenus();
    open?.querySelector("summary").focus();
  });

  // News: once a minute the page is asked for again, and list and mailboxes are put in place, unless something is ticked.
  const pause = 60000;
  const news = async () => {
    if (document.hidden || !list || ticks().some((t) => t.checked)) return;
    const path = document.body.classList.contains("reading") ? list.querySelector(".list-head a[aria-label=Refresh]").href : location.href;
    const answer = await fetch(path, { headers: { "Restante-Auto": "1" }, cache: "no-store" });
    if (answer.redirected && new URL(answer.url).pathname === "/login") return location.assign("/login");
    if (!answer.ok) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const current = document.querySelector(".row.current")?.id;
    for (const id of ["rows", "folders"]) {
      const [now, next] = [document.getElementById(id), page.getElementById(id)];
      if (now && next) now.replaceWith(document.adoptNode(next));
      else if ((now || next) && id === "rows") return location.reload();
    }
    if (current) document.getElementById(current)?.classList.add("current");
    const sum = [document, page].map((d) => d.querySelector(".list-head h1"));
    if (sum[0] && sum[1]) sum[0].innerHTML = sum[1].innerHTML;
  };
  setInterval(() => news().catch(() => {}), pause);
})();
