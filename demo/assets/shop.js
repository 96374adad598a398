// The demo shop in the browser: the bag's badge, reviews, the filter, and what the visitor has looked at.
const words = JSON.parse(document.getElementById("words").textContent);
const badge = document.querySelector(".badge");

async function refreshBadge() {
  const answer = await fetch("/api/cart");
  const cart = await answer.json();
  badge.textContent = String(cart.count);
  badge.dataset.ready = "yes";
}

function toast(text) {
  document.querySelector(".toast")?.remove();
  const box = document.createElement("div");
  box.className = "toast";
  box.setAttribute("role", "status");
  box.textContent = text;
  document.body.append(box);
  setTimeout(() => box.remove(), 4000);
}

/** The forms that change the bag or the terms answer in place; without script they are plain posts. */
for (const form of document.querySelectorAll("form[data-inline]")) {
  form.addEventListener("submit", async (event) => {
    if (event.submitter?.hasAttribute("formaction")) return;
    event.preventDefault();
    const answer = await fetch(form.action, {
      method: "POST",
      headers: { accept: "application/json" },
      body: new URLSearchParams(new FormData(form)),
    });
    if (!answer.ok) return toast(words.failed);
    if (form.dataset.inline === "terms") {
      form.classList.add("agreed");
      form.querySelector("button").textContent = words.agreed;
      form.querySelector("button").disabled = true;
      return;
    }
    await refreshBadge();
    toast(words.added);
  });
}

const search = document.getElementById("search");
const order = document.getElementById("order");
function arrange() {
  const grid = document.querySelector(".grid");
  const items = [...grid.children];
  const by = {
    name: (a, b) => a.dataset.name.localeCompare(b.dataset.name),
    price: (a, b) => a.dataset.price - b.dataset.price,
    shelf: (a, b) => a.dataset.shelf - b.dataset.shelf,
  };
  items.sort(by[order.value]);
  const wanted = search.value.trim().toLowerCase();
  for (const item of items) item.hidden = !item.dataset.name.toLowerCase().includes(wanted);
  grid.append(...items);
}
search?.addEventListener("input", arrange);
order?.addEventListener("change", arrange);

const product = document.querySelector("[data-product]")?.dataset.product;
if (product) {
  const seen = document.cookie.match(/(?:^|; )sol_seen=([^;]*)/)?.[1].split("-") ?? [];
  const next = [product, ...seen.filter((slug) => slug && slug !== product)].slice(0, 4);
  // biome-ignore lint/suspicious/noDocumentCookie: the shop reads it on the next request, as many sites do
  document.cookie = `sol_seen=${next.join("-")}; path=/; max-age=604800; samesite=lax`;

  const answer = await fetch(`/api/products/${product}?lang=${document.documentElement.lang}`);
  const facts = await answer.json();
  document.querySelector(".stock").textContent = facts.stock;
  document.querySelector(".reviews").replaceChildren(
    ...facts.reviews.map((review) => {
      const line = document.createElement("li");
      const stars = document.createElement("div");
      stars.className = "stars";
      stars.textContent = "★".repeat(review.stars) + "☆".repeat(5 - review.stars);
      const text = document.createElement("p");
      text.textContent = review.text;
      const name = document.createElement("strong");
      name.textContent = review.name;
      line.append(stars, text, name);
      return line;
    }),
  );
}

/** Digits in groups while typing, as people read them from the card. */
const card = document.querySelector("input[name=card_number]");
card?.addEventListener("input", () => {
  card.value = card.value
    .replace(/\D/g, "")
    .slice(0, 19)
    .replace(/(\d{4})(?=\d)/g, "$1 ");
});

await refreshBadge();
