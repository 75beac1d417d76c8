// What makes the pages nicer. Every page works without it.
"use strict";

const get = async (path) => {
  const answer = await fetch(path, { headers: { accept: "application/json" }, credentials: "same-origin" });
  if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
  return answer.json();
};

// Pages are cached for everybody; what is personal comes apart from them.
const fillHeader = async () => {
  const { name, cart_count: count } = await get("/fragment/header");
  if (name) document.querySelector("[data-account-name]").textContent = name;
  const badge = document.querySelector("[data-cart-count]");
  badge.hidden = !count;
  badge.textContent = count > 99 ? "99+" : String(count);
  badge.setAttribute("aria-label", `${count} in the cart`);
};

const showVariant = (page, { price, listPrice, stock, stockText, picture, alt }) => {
  const find = (name) => page.querySelector(`.offer > .price [data-${name}], .offer > [data-${name}]`);
  const [before, saving] = [find("list-price"), find("saving")];
  if (find("price").textContent !== price) find("price").textContent = price;
  if (saving && before.textContent !== listPrice) saving.hidden = true; // it was of another price
  before.textContent = listPrice || "";
  before.hidden = !listPrice;
  find("stock").className = `stock stock-${stock}`;
  find("stock").textContent = stockText;
  const buy = page.querySelector("[data-buy]");
  buy.disabled = stock === "out";
  buy.textContent = stock === "out" ? "Sold out" : "Add to cart";
  if (picture) showPicture(page, picture, alt);
};

const showPicture = (page, src, alt) => {
  const main = page.querySelector("[data-gallery-main]");
  main.src = src;
  main.alt = alt;
  for (const pick of page.querySelectorAll("[data-gallery-pick]")) {
    pick.setAttribute("aria-current", String(pick.getAttribute("href") === src));
  }
};

const refreshOffer = async (page) => {
  const { skus } = await get(`/product/${page.dataset.product}/offer`);
  const now = new Map(skus.map((offer) => [String(offer.sku), offer]));
  const radios = page.querySelectorAll("input[type=radio][name=sku]");
  for (const radio of radios) {
    const offer = now.get(radio.value);
    if (!offer) continue;
    Object.assign(radio.dataset, { price: offer.price, listPrice: offer.list_price ?? "", stock: offer.stock, stockText: offer.stock_text });
    const face = radio.parentElement;
    const priceTag = face.querySelector("[data-variant-price]");
    if (priceTag) priceTag.textContent = offer.price;
    face.querySelector("[data-variant-out]").hidden = offer.stock !== "out";
  }
  const chosen = [...radios].find((radio) => radio.checked);
  if (chosen) return showVariant(page, chosen.dataset);
  const only = now.get(page.querySelector("input[name=sku]").value);
  if (only) showVariant(page, { price: only.price, listPrice: only.list_price ?? "", stock: only.stock, stockText: only.stock_text });
};

const startProduct = (page) => {
  page.addEventListener("change", ({ target }) => {
    if (target.matches("input[type=radio][name=sku]")) showVariant(page, target.dataset);
  });
  page.addEventListener("click", (event) => {
    const pick = event.target.closest("[data-gallery-pick]");
    if (!pick) return;
    event.preventDefault();
    showPicture(page, pick.getAttribute("href"), pick.querySelector("img").alt);
  });
  return refreshOffer(page);
};

// On a wide screen there is room for every facet; on a phone they stay folded.
if (matchMedia("(min-width: 60rem)").matches) {
  for (const facet of document.querySelectorAll("[data-facet]")) facet.open = true;
}

// The server counts a repeated form once; this only spares the second press.
for (const form of document.querySelectorAll("[data-once]")) {
  form.addEventListener("submit", () => {
    for (const button of form.querySelectorAll("button")) button.disabled = true;
  });
}
addEventListener("pageshow", ({ persisted }) => {
  if (persisted) for (const button of document.querySelectorAll("[data-once] button")) button.disabled = false;
});

for (const form of document.querySelectorAll("[data-quantity-form]")) {
  form.querySelector("button").hidden = true; // leaving the field is enough
  form.addEventListener("change", () => form.reportValidity() && form.submit());
}

const product = document.querySelector("[data-product]");
for (const task of [fillHeader(), product && startProduct(product)]) {
  Promise.resolve(task).catch((error) => console.warn(error)); // the page as served is good enough
}
