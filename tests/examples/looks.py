"""How a page looks, as a number that a test can hold."""

CONTRAST = """(element) => {
  const parts = (color) => color.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((part) => part / 255)
    .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4))
    .reduce((sum, part, index) => sum + part * [0.2126, 0.7152, 0.0722][index], 0);
  let behind = element;
  const ground = (at) => parts(getComputedStyle(at).backgroundColor);
  while (behind.parentElement && ground(behind)[3] === 0) behind = behind.parentElement;
  const pair = [light(parts(getComputedStyle(element).color)), light(ground(behind))].sort((a, b) => b - a);
  return (pair[0] + 0.05) / (pair[1] + 0.05);
}"""
"""The contrast of an element's text with what is behind it, as WCAG 2.2 counts it: 1 to 21."""
