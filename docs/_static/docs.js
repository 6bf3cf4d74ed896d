// A button that copies a block of code, and scrolled areas that the keyboard reaches. Pages read the same without it.
"use strict";

for (const block of document.querySelectorAll("article div.highlight")) {
  const pre = block.querySelector("pre");
  if (!pre || !navigator.clipboard || block.closest(".highlight-text, .highlight-default")) continue;
  const button = document.createElement("button");
  button.type = "button";
  button.className = "copy";
  button.textContent = "Copy";
  button.setAttribute("aria-label", "Copy this code");
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(pre.textContent.trimEnd() + "\n");
      button.textContent = "Copied";
    } catch {
      button.textContent = "Not copied";
    }
    setTimeout(() => (button.textContent = "Copy"), 2000);
  });
  block.append(button);
}

const areas = document.querySelectorAll("article pre, article p:has(> img), .table-wrapper, .sidebar-scroll, .toc-scroll");
const reach = () => {
  for (const area of areas) {
    const scrolls = area.scrollWidth > area.clientWidth || area.scrollHeight > area.clientHeight;
    if (scrolls) area.tabIndex = 0;
    else area.removeAttribute("tabindex");
  }
};
reach();
addEventListener("resize", reach);

const box = document.querySelector("form.search input");
if (box) box.value = new URLSearchParams(location.search).get("q") ?? "";
