// Each text that can be seen and stands out too little from what is behind it (WCAG AA: 4.5 : 1, and 3 : 1 where
// it is large).
const canvas = document.createElement('canvas');
canvas.width = canvas.height = 1;
const pen = canvas.getContext('2d', {willReadFrequently: true});
const known = new Map();
// Any colour that CSS can name, as numbers.
const rgba = colour => {
  if (!known.has(colour)) {
    pen.clearRect(0, 0, 1, 1);
    pen.fillStyle = '#000';
    pen.fillStyle = colour;
    pen.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = pen.getImageData(0, 0, 1, 1).data;
    known.set(colour, [r, g, b, a / 255]);
  }
  return known.get(colour);
};
const over = (top, below) => {
  const a = top[3] + below[3] * (1 - top[3]);
  if (a === 0) return [0, 0, 0, 0];
  return [0, 1, 2].map(i => (top[i] * top[3] + below[i] * below[3] * (1 - top[3])) / a).concat(a);
};
const light = colour => {
  const [r, g, b] = colour.map(c => c / 255).map(c => c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const contrast = (one, other) => {
  const [low, high] = [light(one), light(other)].sort((a, b) => a - b);
  return (high + 0.05) / (low + 0.05);
};

const probe = document.body.appendChild(document.createElement('div'));
probe.style.backgroundColor = 'Canvas';
const paper = rgba(getComputedStyle(probe).backgroundColor);
probe.remove();

const inPicture = element => element.namespaceURI === 'http://www.w3.org/2000/svg';

// What is painted below the text, from the nearest on.
const layers = (element, box) => {
  if (!inPicture(element)) {
    const chain = [];
    for (let at = element; at; at = at.parentElement) chain.push(getComputedStyle(at).backgroundColor);
    return chain;
  }
  element.scrollIntoView({block: 'center', inline: 'center', behavior: 'instant'});
  box = element.getBoundingClientRect();
  return document.elementsFromPoint(box.x + box.width / 2, box.y + box.height / 2)
    .filter(at => at !== element && !at.contains(element) || !inPicture(at))
    .map(at => inPicture(at) ? (at.matches('svg, a, g, text, tspan, line') ? 'transparent' : getComputedStyle(at).fill)
      : getComputedStyle(at).backgroundColor)
    .map(colour => colour === 'none' || colour.startsWith('url') ? 'transparent' : colour);
};

const faults = [];
const check = (element, colour, text, box) => {
  if (element.closest(':disabled, [aria-disabled=true]')) return;
  let behind = [0, 0, 0, 0];
  for (const layer of layers(element, box)) behind = over(behind, rgba(layer));
  behind = over(behind, paper);
  let ink = rgba(colour).slice();
  for (let at = element; at; at = at.parentElement) ink[3] *= parseFloat(getComputedStyle(at).opacity);
  ink = over(ink, behind);
  const style = getComputedStyle(element);
  const size = parseFloat(style.fontSize);
  const least = size >= 24 || (size >= 18.66 && parseInt(style.fontWeight) >= 700) ? 3 : 4.5;
  const is = contrast(ink, behind);
  if (is < least) {
    const shown = c => '#' + c.slice(0, 3).map(n => Math.round(n).toString(16).padStart(2, '0')).join('');
    const where = element.tagName.toLowerCase() + (element.classList.length ? '.' + [...element.classList].join('.') : '');
    faults.push(`${where} "${text.slice(0, 40)}": ${shown(ink)} on ${shown(behind)} is ${is.toFixed(2)}, not ${least}`);
  }
};

const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
let looked = 0;
while (texts.nextNode()) {
  const text = texts.currentNode, element = text.parentElement;
  if (!text.data.trim() || !element.checkVisibility({opacityProperty: true, visibilityProperty: true})) continue;
  const range = document.createRange();
  range.selectNodeContents(text);
  const box = range.getBoundingClientRect();
  if (box.width <= 1 || box.height <= 1 || element.closest('option, script, style')) continue;
  const style = getComputedStyle(element);
  // Only for those who listen.
  if (style.clipPath !== 'none' && element.getBoundingClientRect().width <= 1) continue;
  looked += 1;
  check(element, inPicture(element) ? style.fill : style.color, text.data.trim(), box);
}
for (const field of document.querySelectorAll('input:not([type=hidden]), select, textarea')) {
  if (!field.checkVisibility()) continue;
  looked += 1;
  check(field, getComputedStyle(field).color, field.value || field.name, field.getBoundingClientRect());
  if (field.placeholder) {
    check(field, getComputedStyle(field, '::placeholder').color, field.placeholder, field.getBoundingClientRect());
  }
}
return {looked, faults: [...new Set(faults)]};
