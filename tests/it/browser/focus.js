// Where the focus is, whether that can be seen, and how many places the page has for it.
const at = document.activeElement;
const style = at && getComputedStyle(at);
const ring = style && (style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) > 0 || style.boxShadow !== 'none');
const places = [...document.querySelectorAll('a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex]')]
  .filter(element => !element.disabled && element.tabIndex >= 0 && element.checkVisibility());
const name = element => element.tagName.toLowerCase() + ' ' + (element.getAttribute('aria-label') || element.name || element.textContent.trim().slice(0, 60));
return {
  at: places.indexOf(at),
  name: at ? name(at) : '',
  ring: Boolean(ring),
  places: places.map(name),
};
