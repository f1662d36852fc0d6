// The page asks one question at a time. What changes meanwhile is asked when the answer is there, with the newest values:
// so nobody waits for an answer that is out of date, and a hall full of moving sliders asks no faster than it is answered.
"use strict";

const of = id => document.getElementById(id);
const number = text => text === "" ? null : Number(text);
let networks, own = {}, asking = false, changed = false;

function fill(select, options, kept) {
  select.replaceChildren(...options.map(([value, text]) => new Option(text, value)));
  if (options.some(([value]) => String(value) === String(kept))) select.value = kept;
}

function choice(layer, class_) {
  return { method: of("method").value, layer: of(layer).value, class: number(of(class_).value), opacity: of("opacity").value / 100 };
}

function question() {
  const choices = [choice("layer", "class")];
  if (of("compare").checked) choices.push(choice("layer2", "class2"));
  return { network: of("network").value, image: own[of("image").value] ?? of("image").value, choices };
}

function say(sentence, wrong = false) {
  of("status").textContent = sentence;
  of("status").classList.toggle("wrong", wrong);
}

async function answerOf(address, body) {
  const response = await fetch(address, { method: "POST", body });
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.error);
  return answer;
}

async function ask() {
  changed = true;
  if (asking) return;
  asking = true;
  while (changed) {
    changed = false;
    const asked = question();
    try {
      show(await answerOf("view", JSON.stringify(asked)), asked);
    } catch (error) {
      say(error instanceof TypeError ? "The server does not answer; is the network there?" : error.message + ".", true);
    }
  }
  asking = false;
}

function place(figure, picture) {
  const img = figure.querySelector("img");        // it keeps its old picture until the new one is decoded
  if (img.src !== picture.src) img.src = picture.src;
  img.alt = picture.alt;
  img.classList.toggle("pixelated", picture.pixelated);
  figure.querySelector("figcaption").textContent = picture.caption;
}

function show(answer, asked) {
  place(of("input"), answer.input);
  document.querySelectorAll(".pair").forEach((pair, n) => {
    if (!answer.pictures[n]) return;
    pair.querySelector("h2").textContent = answer.titles[n];
    pair.querySelectorAll("figure").forEach((figure, k) => place(figure, answer.pictures[n][k]));
  });
  document.querySelectorAll(".other").forEach(each => each.hidden = answer.pictures.length < 2);
  of("scores").innerHTML = answer.scores;
  for (const select of document.querySelectorAll("select.class")) offerClasses(select, answer.classes);
  of("save").href = "figure.png?asked=" + encodeURIComponent(JSON.stringify(asked));
  say(answer.titles.join(" and "));
}

function offerClasses(select, classes) {
  const options = [["", "the predicted one"], ...classes];
  if (select.options.length !== options.length || options.some(([, text], n) => select.options[n].text !== text))
    fill(select, options, select.value);
}

function setLayers() {
  const without = !networks[of("network").value].with_layer.includes(of("method").value);
  for (const select of document.querySelectorAll("select.layer")) select.disabled = without;
}

function setNetwork() {
  const network = networks[of("network").value];
  own = {};
  fill(of("image"), network.images.map(name => [name, name]));
  fill(of("method"), network.methods.map(name => [name, name]), of("method").value);
  for (const id of ["layer", "layer2"]) fill(of(id), network.layers.map(name => [name, name]), network.last_layer);
  for (const id of ["class", "class2"]) fill(of(id), [["", "the predicted one"]]);
  of("drawing").hidden = !network.reads_digits;
}

async function take(name, blob) {
  try {
    own[name] = (await answerOf("picture?network=" + of("network").value, blob)).image;
    if (![...of("image").options].some(option => option.value === name)) of("image").add(new Option(name, name));
    of("image").value = name;
    ask();
  } catch (error) {
    say(error instanceof TypeError ? "The picture could not be sent." : error.message + ".", true);
  }
}

function draw() {
  const canvas = of("canvas"), ink = canvas.getContext("2d");
  const clear = () => ink.fillRect(0, 0, canvas.width, canvas.height);      // black paper
  let pen = null;
  Object.assign(ink, { strokeStyle: "white", lineWidth: 14, lineCap: "round", lineJoin: "round" });
  canvas.addEventListener("pointerdown", event => { canvas.setPointerCapture(event.pointerId); pen = [event.offsetX, event.offsetY]; });
  canvas.addEventListener("pointermove", event => {
    if (!pen) return;
    ink.beginPath();
    ink.moveTo(...pen);
    ink.lineTo(...pen = [event.offsetX, event.offsetY]);
    ink.stroke();
  });
  canvas.addEventListener("pointerup", () => {
    pen = null;
    canvas.toBlob(blob => take("your drawing", blob));
  });
  of("clear").addEventListener("click", clear);
  clear();
}

async function start() {
  networks = await (await fetch("networks")).json();
  fill(of("network"), Object.entries(networks).map(([name, network]) => [name, network.title]));
  setNetwork();
  of("controls").addEventListener("submit", event => event.preventDefault());
  of("controls").addEventListener("input", event => {
    if (event.target.id === "network") setNetwork();
    setLayers();
    document.querySelector("output").textContent = of("opacity").value + "%";
    ask();
  });
  of("upload").addEventListener("change", () => {
    if (of("upload").files.length) take("your picture", of("upload").files[0]);
    of("upload").value = "";
  });
  draw();
  setLayers();
  ask();
}

start();
