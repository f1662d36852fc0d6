// Small helpers for elements of the page.

export const of = id => document.getElementById(id);

/** An element with properties; those that are no properties of elements (aria-…, role, data-…) become attributes. */
export function make(tag, settings = {}, ...children) {
  const element = document.createElement(tag);
  for (const [key, value] of Object.entries(settings))
    if (key in element) element[key] = value;
    else element.setAttribute(key, value);
  element.append(...children);
  return element;
}

/** An element of a drawing. */
export function draw(tag, settings = {}, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [key, value] of Object.entries(settings)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

/** MathML from a short form: strings are elements' text, [tag, ...children] elements. */
export function math(form) {
  if (typeof form === "string") return document.createTextNode(form);
  const [tag, ...children] = form, element = document.createElementNS("http://www.w3.org/1998/Math/MathML", tag);
  element.append(...children.map(math));
  return element;
}

/** Gives a select its options, [value, text] or a group {label, options}, and chooses one; an open list is not disturbed. */
export function fill(select, options, chosen) {
  const option = ([value, text]) => make("option", { value, textContent: text }), key = JSON.stringify(options);
  if (select.filled !== key) select.replaceChildren(...options.map(each => Array.isArray(each) ? option(each) :
    make("optgroup", { label: each.label }, ...each.options.map(option))));
  select.filled = key;
  select.value = chosen;
}

/** Arrow keys, Home and End move within a group of buttons, of which one is in the tab order. */
export function roving(group, isOne = button => true) {
  group.addEventListener("keydown", event => {
    const buttons = [...group.querySelectorAll("button")].filter(isOne), at = buttons.indexOf(document.activeElement);
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (at < 0 || (!step && !["Home", "End"].includes(event.key))) return;
    event.preventDefault();
    const next = step ? (at + step + buttons.length) % buttons.length : event.key === "Home" ? 0 : buttons.length - 1;
    buttons[next].focus();
    buttons[next].click();
  });
}
