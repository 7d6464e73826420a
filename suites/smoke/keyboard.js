// A page as somebody walks it by the Tab key: where there is to go, and where the focus is. See keyboard.py.
() => {
  const anyRole = (...roles) => roles.map(role => `[role=${role}]`).join();
  const COMPOSITE = anyRole(
    "toolbar", "tablist", "menu", "menubar", "listbox", "radiogroup", "tree", "grid", "treegrid");
  const INTERACTIVE = "a[href], button, input:not([type=hidden]), select, textarea, details > summary:first-of-type,"
    + "[contenteditable=''], [contenteditable=true], [tabindex='0'],"
    + anyRole("button", "link", "checkbox", "switch", "textbox", "combobox", "searchbox", "slider", "spinbutton");
  const BUTTONS = "checkbox, radio, button, submit, reset, image, range, color, file".split(", ");
  const TEXT = `textarea, input:not(${BUTTONS.map(type => `[type=${type}]`).join()})`;

  // The focus moves at once: a mark that fades in would not be there yet.
  const still = new CSSStyleSheet();
  still.replaceSync("*, ::before, ::after { transition: none !important; scroll-behavior: auto !important; }");
  document.adoptedStyleSheets.push(still);

  const deep = root => [...root.querySelectorAll("*")].flatMap(
    one => one.shadowRoot ? [one, ...deep(one.shadowRoot)] : [one]);
  const shows = one => one.checkVisibility({ visibilityProperty: true }) && one.getClientRects().length > 0;
  const modal = [...document.querySelectorAll("dialog:modal")].at(-1);
  // Of a composite widget one element is reached by Tab and the others by arrows. A hidden double is meant for nobody.
  const meant = one => !one.matches(":disabled, [aria-disabled=true]") && !one.closest("[inert], [aria-hidden=true]")
    && !(one.tabIndex < 0 && one.closest(COMPOSITE)) && (!modal || modal.contains(one));
  const wanted = deep(document).filter(one => one.matches(INTERACTIVE) && shows(one) && meant(one));
  const reached = [];
  // As good as reached: what leads where a reached link leads, another choice of a reached group, a box around one.
  const left = () => wanted.filter(one => !reached.some(other => one.contains(other)
    || (one.href && one.href === other.href)
    || (one.type === "radio" && other.type === "radio" && one.name === other.name && one.form === other.form)));

  const place = one => {
    const path = [];
    for (let at = one; at && at !== document.body && path.length < 3; at = at.parentElement ?? at.getRootNode().host)
      path.unshift(at.tagName.toLowerCase() + (at.id && !/\d/.test(at.id) ? `#${at.id}` : ""));
    return path.join(" > ");
  };
  const tell = one => ({
    place: place(one),
    text: (one.getAttribute("aria-label") || one.innerText || one.name || one.value || "").trim().slice(0, 40),
  });
  const outlined = one => {
    const style = getComputedStyle(one);
    return style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0 && !style.outlineColor.endsWith(", 0)");
  };
  const always = new Set(wanted.filter(outlined));
  // A field that text goes into shows the caret; a frame shows what is inside it.
  const plain = one => (outlined(one) && !always.has(one))
    || one.isContentEditable || one.matches(TEXT) || one.tagName === "IFRAME";
  const focused = () => {
    let one = document.activeElement;
    while (one?.shadowRoot?.activeElement) one = one.shadowRoot.activeElement;
    return one === document.body || one === document.documentElement ? null : one;
  };
  const seen = one => !reached.includes(one) ? "new" : one.tagName === "IFRAME" ? "inside"
    : one === last ? "same" : one === reached[0] ? "first" : "again";
  let last = null;

  return {
    // Where the focus is after Tab; null where it left the page.
    step: () => {
      const one = focused();
      if (!one) return last = null;
      const stop = { ...tell(one), seen: seen(one), plain: plain(one), box: one.getBoundingClientRect().toJSON() };
      if (stop.seen === "new") reached.push(one);
      last = one;
      return { ...stop, left: left().length };
    },
    blur: () => last.blur(),
    back: () => last.focus({ preventScroll: true }),
    unreached: () => left().map(tell),
  };
}
