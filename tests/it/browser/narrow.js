// What a narrow window cannot show: whatever makes the page wider than the window, and what nobody can reach.
const wide = window.innerWidth;
const faults = [];
if (document.documentElement.scrollWidth > wide) faults.push(`the page is ${document.documentElement.scrollWidth} wide`);
const scrolls = element => {
  for (let at = element.parentElement; at && at !== document.body; at = at.parentElement) {
    if (['auto', 'scroll'].includes(getComputedStyle(at).overflowX) && at.scrollWidth > at.clientWidth) return true;
  }
  return false;
};
for (const element of document.body.querySelectorAll('*')) {
  if (!element.checkVisibility() || getComputedStyle(element).position === 'absolute' || scrolls(element)) continue;
  if (element.closest('svg') && element.tagName !== 'svg') continue;
  const box = element.getBoundingClientRect();
  if (box.width > 1 && (box.right > wide + 1 || box.left < -1)) {
    faults.push(`${element.tagName.toLowerCase()} "${element.textContent.trim().slice(0, 40)}" from ${box.left} to ${box.right}`);
  }
}
for (const control of document.querySelectorAll('button, input:not([type=hidden]), select, textarea, nav a')) {
  const box = control.getBoundingClientRect();
  // WCAG 2.2, 2.5.8: large enough for a finger.
  if (control.checkVisibility() && (box.width < 24 || box.height < 24) && !control.closest('label')) {
    faults.push(`${control.tagName.toLowerCase()} "${control.textContent.trim()}" is ${box.width} by ${box.height}`);
  }
}
return {wide, faults};
