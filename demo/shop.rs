//! Loja Sol, the demo shop: a small real shop with a bag, accounts and orders, kept in memory.
//!
//! It knows nothing of Lado. It stands in for a site that somebody else runs.

mod asked;
mod books;
mod shelf;
mod template;

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::header::{ACCEPT_LANGUAGE, CACHE_CONTROL, CONTENT_TYPE, LOCATION};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::json;

use self::asked::{Asked, Form, cookie, text_of, total};
use self::books::{Account, Buyer, MAX_ACCOUNTS, Shop, Visit, token};
use self::shelf::{digits, money, product, products};
use self::template::{Html, Lang};

/// Answers on `listener` until `shutdown` is done.
///
/// # Errors
/// When the listener fails.
pub async fn serve(
    listener: tokio::net::TcpListener,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    axum::serve(listener, app()).with_graceful_shutdown(shutdown).await
}

pub fn app() -> Router {
    Router::new()
        .route("/", get(front_door))
        .route("/assets/{file}", get(asset))
        .route("/api/cart", get(api_cart))
        .route("/api/products/{slug}", get(api_product))
        .route("/api/orders/count", get(api_orders))
        .route("/{lang}/", get(home))
        .route("/{lang}/product/{slug}", get(product_page))
        .route("/{lang}/cart", get(cart))
        .route("/{lang}/cart/add", post(cart_add))
        .route("/{lang}/cart/update", post(cart_update))
        .route("/{lang}/buy", post(buy))
        .route("/{lang}/checkout", get(checkout).post(place_order))
        .route("/{lang}/checkout/agree", post(agree))
        .route("/{lang}/order/{number}", get(order))
        .route("/{lang}/login", get(login).post(log_in))
        .route("/{lang}/logout", post(log_out))
        .route("/{lang}/account", get(account))
        .fallback(not_found)
        .with_state(Arc::new(Shop::open()))
}

const STATES: [&str; 27] = [
    "AC", "AL", "AM", "AP", "BA", "CE", "DF", "ES", "GO", "MA", "MG", "MS", "MT", "PA", "PB", "PE", "PI", "PR", "RJ",
    "RN", "RO", "RR", "RS", "SC", "SE", "SP", "TO",
];

async fn front_door(headers: HeaderMap) -> Response {
    let wanted = cookie(&headers, "sol_lang").and_then(|code| Lang::parse(&code));
    let english = text_of(&headers, ACCEPT_LANGUAGE).starts_with("en");
    let lang = wanted.unwrap_or(if english { Lang::En } else { Lang::Pt });
    (StatusCode::SEE_OTHER, [(LOCATION, format!("/{}/", lang.code()))]).into_response()
}

async fn home(asked: Asked) -> Response {
    let lang = asked.lang;
    let items = Html::join(products().iter().zip(0u64..).map(|(product, shelf)| {
        let text = product.text(lang);
        asked.part(
            include_str!("templates/item.html"),
            &[
                ("slug", (&product.slug).into()),
                ("name", (&text.name).into()),
                ("line", (&text.line).into()),
                ("cents", product.cents.into()),
                ("shelf", shelf.into()),
                ("price", (&money(product.cents, lang)).into()),
            ],
        )
    }));
    let seen: Vec<Html> = asked
        .seen
        .iter()
        .filter_map(|slug| product(slug))
        .map(|product| {
            asked.part(
                include_str!("templates/seen_item.html"),
                &[("slug", (&product.slug).into()), ("name", (&product.text(lang).name).into())],
            )
        })
        .collect();
    let seen = if seen.is_empty() {
        Html::default()
    } else {
        asked.part(include_str!("templates/seen.html"), &[("items", Html::join(seen).into())])
    };
    let main = asked.part(include_str!("templates/home.html"), &[("items", items.into()), ("seen", seen.into())]);
    asked.page(StatusCode::OK, lang.word("products"), main)
}

async fn product_page(asked: Asked, Path((_, slug)): Path<(String, String)>) -> Response {
    let Some(product) = product(&slug) else { return asked.missing() };
    let text = product.text(asked.lang);
    let main = asked.part(
        include_str!("templates/product.html"),
        &[
            ("slug", (&product.slug).into()),
            ("origin", (&asked.origin).into()),
            ("name", (&text.name).into()),
            ("line", (&text.line).into()),
            ("more", (&text.more).into()),
            ("price", (&money(product.cents, asked.lang)).into()),
            ("csrf", (&asked.visit().csrf).into()),
        ],
    );
    asked.page(StatusCode::OK, &text.name, main)
}

async fn cart(asked: Asked) -> Response {
    let lang = asked.lang;
    let bag = asked.bag();
    if bag.is_empty() {
        let main = asked.part(include_str!("templates/cart_empty.html"), &[]);
        return asked.page(StatusCode::OK, lang.word("cart"), main);
    }
    let csrf = asked.visit().csrf;
    let lines = Html::join(bag.iter().map(|(product, quantity)| {
        asked.part(
            include_str!("templates/cart_line.html"),
            &[
                ("slug", (&product.slug).into()),
                ("name", (&product.text(lang).name).into()),
                ("csrf", (&csrf).into()),
                ("quantity", (*quantity).into()),
                ("price", (&money(product.cents * quantity, lang)).into()),
            ],
        )
    }));
    let total = money(total(&bag), lang);
    let fields = [("lines", lines.into()), ("total", (&total).into())];
    asked.page(StatusCode::OK, lang.word("cart"), asked.part(include_str!("templates/cart.html"), &fields))
}

async fn cart_add(asked: Asked, body: Bytes) -> Response {
    let Some(form) = asked.form(&body) else { return asked.expired() };
    let Some(product) = product(form.get("slug")) else { return asked.missing() };
    asked.change(|visit| *visit.bag.entry(product.slug.clone()).or_default() += form.quantity());
    if asked.json { asked.api(count(&asked)) } else { asked.go("cart") }
}

async fn cart_update(asked: Asked, body: Bytes) -> Response {
    let Some(form) = asked.form(&body) else { return asked.expired() };
    let Some(product) = product(form.get("slug")) else { return asked.missing() };
    asked.change(|visit| match form.quantity() {
        0 => drop(visit.bag.remove(&product.slug)),
        quantity => drop(visit.bag.insert(product.slug.clone(), quantity)),
    });
    asked.go("cart")
}

/// *Buy now* on a product: an order at once for who has paid before, the checkout for everybody else.
async fn buy(asked: Asked, body: Bytes) -> Response {
    let Some(form) = asked.form(&body) else { return asked.expired() };
    let Some(product) = product(form.get("slug")) else { return asked.missing() };
    asked.change(|visit| *visit.bag.entry(product.slug.clone()).or_default() += form.quantity().max(1));
    let Some(buyer) = asked.account().and_then(|account| account.paid_with) else { return asked.go("checkout") };
    let number = asked.shop.books().order(&asked.id, buyer);
    number.map_or_else(|| asked.missing(), |number| asked.go(&format!("order/{number}")))
}

async fn agree(asked: Asked, body: Bytes) -> Response {
    if asked.form(&body).is_none() {
        return asked.expired();
    }
    asked.change(|visit| visit.agreed = true);
    if asked.json { asked.api(json!({ "agreed": true })) } else { asked.go("checkout") }
}

async fn checkout(asked: Asked) -> Response {
    let buyer = asked.account().and_then(|account| account.paid_with).unwrap_or_default();
    checkout_page(&asked, StatusCode::OK, &buyer, None)
}

fn checkout_page(asked: &Asked, status: StatusCode, buyer: &Buyer, wrong: Option<&str>) -> Response {
    let lang = asked.lang;
    let bag = asked.bag();
    if bag.is_empty() {
        return asked.go("cart");
    }
    let visit = asked.visit();
    let chosen = if buyer.state.is_empty() { "SP" } else { &buyer.state };
    let states = Html::join(STATES.iter().map(|state| {
        let template = if *state == chosen {
            include_str!("templates/option_selected.html")
        } else {
            include_str!("templates/option.html")
        };
        asked.part(template, &[("value", (*state).into())])
    }));
    let create =
        if visit.account.is_some() { Html::default() } else { asked.part(include_str!("templates/create.html"), &[]) };
    let (class, disabled, button) = if visit.agreed { ("agreed", "disabled", "agreed") } else { ("", "", "agree") };
    let main = asked.part(
        include_str!("templates/checkout.html"),
        &[
            ("notice", asked.notice(wrong).into()),
            ("csrf", (&visit.csrf).into()),
            ("terms_class", class.into()),
            ("terms_disabled", disabled.into()),
            ("terms_button", lang.word(button).into()),
            ("name", (&buyer.name).into()),
            ("email", (&buyer.email).into()),
            ("postcode", (&buyer.postcode).into()),
            ("street", (&buyer.street).into()),
            ("city", (&buyer.city).into()),
            ("states", states.into()),
            ("create", create.into()),
            ("lines", asked.summary(&bag).into()),
            ("total", (&money(total(&bag), lang)).into()),
        ],
    );
    asked.page(status, lang.word("checkout"), main)
}

async fn place_order(asked: Asked, body: Bytes) -> Response {
    let Some(form) = asked.form(&body) else { return asked.expired() };
    let card = digits(form.get("card_number"));
    let buyer = Buyer {
        name: form.get("name").into(),
        email: form.get("email").into(),
        cpf: form.get("cpf").into(),
        postcode: form.get("postcode").into(),
        street: form.get("street").into(),
        city: form.get("city").into(),
        state: form.get("state").into(),
        last4: card.iter().skip(card.len().saturating_sub(4)).filter_map(|n| char::from_digit(*n, 10)).collect(),
    };
    if let Some(wrong) = mistake(&asked.visit(), &form, &buyer) {
        return checkout_page(&asked, StatusCode::UNPROCESSABLE_ENTITY, &buyer, Some(wrong));
    }
    if asked.bag().is_empty() {
        return asked.go("cart");
    }
    let password = form.get("password");
    if !password.is_empty() {
        open_account(&asked, &buyer, password);
    }
    let number = asked.shop.books().order(&asked.id, buyer);
    number.map_or_else(|| asked.missing(), |number| asked.go(&format!("order/{number}")))
}

/// The first thing that keeps an order from being placed, as a key of the words.
fn mistake(visit: &Visit, form: &Form, buyer: &Buyer) -> Option<&'static str> {
    let cvv = form.get("cvv");
    let checks = [
        (visit.agreed, "bad_terms"),
        (!buyer.name.is_empty(), "bad_name"),
        (buyer.email.split_once('@').is_some_and(|(name, domain)| !name.is_empty() && !domain.is_empty()), "bad_email"),
        (shelf::is_cpf(&buyer.cpf), "bad_cpf"),
        (![&buyer.postcode, &buyer.street, &buyer.city].iter().any(|part| part.is_empty()), "bad_address"),
        (STATES.contains(&buyer.state.as_str()), "bad_address"),
        (shelf::is_card(form.get("card_number")), "bad_card"),
        (shelf::is_expiry(form.get("card_expiry")), "bad_expiry"),
        (matches!(cvv.len(), 3 | 4) && cvv.bytes().all(|b| b.is_ascii_digit()), "bad_cvv"),
    ];
    checks.into_iter().find(|(good, _)| !good).map(|(_, key)| key)
}

/// An address that has an account already keeps it: a checkout is no way to take it over.
fn open_account(asked: &Asked, buyer: &Buyer, password: &str) {
    let secret = asked.shop.secret(password);
    let mut books = asked.shop.books();
    if books.accounts.len() >= MAX_ACCOUNTS || books.accounts.contains_key(&buyer.email) {
        return;
    }
    let account = Account { name: buyer.name.clone(), secret, paid_with: Some(buyer.clone()), orders: Vec::new() };
    books.accounts.insert(buyer.email.clone(), account);
    if let Some(visit) = books.visits.get_mut(&asked.id) {
        visit.account = Some(buyer.email.clone());
    }
}

async fn order(asked: Asked, Path((_, number)): Path<(String, String)>) -> Response {
    let visit = asked.visit();
    let own = asked.account().map(|account| account.orders).unwrap_or_default();
    let Some(order) = visit.orders.iter().chain(&own).find(|order| order.number.to_string() == number) else {
        return asked.missing();
    };
    let lines: Vec<_> = order.lines.iter().filter_map(|(slug, quantity)| Some((product(slug)?, *quantity))).collect();
    let buyer = &order.buyer;
    let address = format!("{}, {} {}, {}", buyer.street, buyer.postcode, buyer.city, buyer.state);
    let main = asked.part(
        include_str!("templates/order.html"),
        &[
            ("number", order.number.into()),
            ("lines", asked.summary(&lines).into()),
            ("name", (&buyer.name).into()),
            ("email", (&buyer.email).into()),
            ("cpf", (&buyer.cpf).into()),
            ("address", (&address).into()),
            ("last4", (&buyer.last4).into()),
            ("total", (&money(total(&lines), asked.lang)).into()),
        ],
    );
    asked.page(StatusCode::OK, asked.lang.word("order_number"), main)
}

async fn login(asked: Asked) -> Response {
    login_page(&asked, StatusCode::OK, "", None)
}

fn login_page(asked: &Asked, status: StatusCode, email: &str, wrong: Option<&str>) -> Response {
    let visit = asked.visit();
    let fields = [("notice", asked.notice(wrong).into()), ("csrf", (&visit.csrf).into()), ("email", email.into())];
    asked.page(status, asked.lang.word("log_in"), asked.part(include_str!("templates/login.html"), &fields))
}

async fn log_in(asked: Asked, body: Bytes) -> Response {
    let Some(form) = asked.form(&body) else { return asked.expired() };
    let email = form.get("email").to_lowercase();
    let secret = asked.shop.secret(form.get("password"));
    let right = asked.shop.books().accounts.get(&email).is_some_and(|account| account.secret == secret);
    if !right {
        return login_page(&asked, StatusCode::UNPROCESSABLE_ENTITY, &email, Some("wrong_login"));
    }
    asked.change(|visit| visit.account = Some(email));
    asked.go("account")
}

async fn log_out(asked: Asked, body: Bytes) -> Response {
    if asked.form(&body).is_none() {
        return asked.expired();
    }
    asked.change(|visit| *visit = Visit { csrf: token(), ..Visit::default() });
    asked.go("")
}

async fn account(asked: Asked) -> Response {
    let (Some(email), Some(account)) = (asked.visit().account, asked.account()) else { return asked.go("login") };
    let orders = Html::join(account.orders.iter().rev().map(|order| {
        let lines: Vec<_> = order.lines.iter().filter_map(|(slug, n)| Some((product(slug)?, *n))).collect();
        asked.part(
            include_str!("templates/account_order.html"),
            &[("number", order.number.into()), ("total", (&money(total(&lines), asked.lang)).into())],
        )
    }));
    let fields = [("name", (&account.name).into()), ("email", (&email).into()), ("orders", orders.into())];
    asked.page(StatusCode::OK, asked.lang.word("account"), asked.part(include_str!("templates/account.html"), &fields))
}

async fn api_cart(asked: Asked) -> Response {
    asked.api(count(&asked))
}

fn count(asked: &Asked) -> serde_json::Value {
    let bag = asked.bag();
    json!({ "count": bag.iter().map(|(_, quantity)| quantity).sum::<u64>(), "cents": total(&bag) })
}

/// What the product page draws in the browser: stock and reviews.
async fn api_product(asked: Asked, Path(slug): Path<String>) -> Response {
    if product(&slug).is_none() {
        return (StatusCode::NOT_FOUND, Json(json!({ "error": "no such product" }))).into_response();
    }
    let texts = match asked.lang {
        Lang::Pt => ["Chegou antes do prazo e é ainda mais bonito ao vivo.", "Gostei, mas a caixa veio amassada."],
        Lang::En => ["Came early, and even prettier than in the picture.", "Nice, but the box was dented."],
    };
    asked.api(json!({
        "stock": asked.lang.word("in_stock"),
        "reviews": [
            { "name": "Lia", "stars": 5, "text": texts[0] },
            { "name": "Davi & filhos", "stars": 4, "text": texts[1] },
        ],
    }))
}

/// How many orders this shop has taken, from anybody: for tests that show that nothing was ordered.
async fn api_orders(State(shop): State<Arc<Shop>>) -> Response {
    ([(CACHE_CONTROL, "no-store")], Json(json!({ "count": shop.books().ordered }))).into_response()
}

async fn asset(Path(file): Path<String>) -> Response {
    macro_rules! files {
        ($($name:literal),* $(,)?) => {
            match file.as_str() {
                $($name => include_bytes!(concat!("assets/", $name)).as_slice(),)*
                _ => return not_found().await.into_response(),
            }
        };
    }
    let bytes: &'static [u8] = files!(
        "shop.css",
        "shop.js",
        "logo.svg",
        "hero.svg",
        "wave.svg",
        "bag.svg",
        "mug.svg",
        "kettle.svg",
        "pot.svg",
        "lamp.svg",
        "notebook.svg",
        "cushion.svg",
        "bottle.svg",
        "clock.svg",
    );
    let kind = match file.rsplit('.').next() {
        Some("css") => "text/css; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        _ => "image/svg+xml",
    };
    ([(CONTENT_TYPE, kind), (CACHE_CONTROL, "public, max-age=300")], bytes).into_response()
}

async fn not_found() -> impl IntoResponse {
    let text = format!("{} · {}\n", Lang::Pt.word("not_found_text"), Lang::En.word("not_found_text"));
    (StatusCode::NOT_FOUND, [(CONTENT_TYPE, "text/plain; charset=utf-8")], text)
}

#[cfg(test)]
mod tests;
