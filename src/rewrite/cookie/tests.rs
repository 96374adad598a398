//! Stories of the jar: what sites get to see, what scripts may do, and races that must not matter.

use std::time::{Duration, SystemTime};

use ::url::Url;
use http::HeaderValue;
use proptest::prelude::*;

use super::*;
use crate::rewrite::url::Scheme;

const SHOP: &str = "https://www.shop.com/cart/items";

fn url(text: &str) -> Url {
    Url::parse(text).unwrap()
}

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000 + seconds)
}

/// A jar, a browser that holds replicas for one view host, and the time.
struct Story {
    jar: Jar,
    browser: Vec<(String, String, String)>,
    second: u64,
}

impl Story {
    fn new() -> Self {
        Self { jar: Jar::new(), browser: Vec::new(), second: 0 }
    }

    fn site_sets(&mut self, from: &str, set_cookie: &str) -> bool {
        self.jar.store(set_cookie.as_bytes(), &url(from), Source::Http, Relation::SameSite, at(self.second))
    }

    fn site_gets(&mut self, at_url: &str) -> String {
        self.site_gets_as(at_url, Relation::SameSite)
    }

    fn site_gets_as(&mut self, at_url: &str, relation: Relation) -> String {
        let header = self.jar.header(&url(at_url), relation, at(self.second));
        header.map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default()
    }

    /// What the browser would send: the paths of the story are all `/` or fit.
    fn browser_sends(&self, at_url: &str) -> String {
        let path = url(at_url).path().to_owned();
        let fitting = self.browser.iter().filter(|(_, at, _)| path_matches(&path, at));
        fitting.map(|(name, _, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ")
    }

    fn request(&mut self, header: &str, at_url: &str) -> Seen {
        self.jar.merge([header.as_bytes()], &url(at_url), None, at(self.second))
    }

    fn response(&mut self, seen: &Seen, at_url: &str, freshness: Freshness) -> Vec<String> {
        let headers = self.jar.replicate(&url(at_url), seen, Scheme::Http, freshness, at(self.second));
        headers.iter().map(|value| value.to_str().unwrap().to_owned()).collect()
    }

    fn browser_takes(&mut self, headers: &[String]) {
        for header in headers {
            let mut parts = header.split("; ");
            let (name, value) = parts.next().unwrap().split_once('=').unwrap();
            let path = parts.clone().find_map(|part| part.strip_prefix("Path=")).unwrap_or("/");
            self.browser.retain(|(n, p, _)| (n.as_str(), p.as_str()) != (name, path));
            if !header.contains("Max-Age=0") {
                self.browser.push((name.to_owned(), path.to_owned(), value.to_owned()));
            }
        }
    }

    /// A whole exchange that nothing overtakes.
    fn exchange(&mut self, at_url: &str) {
        let seen = self.request(&self.browser_sends(at_url).clone(), at_url);
        let headers = self.response(&seen, at_url, Freshness::Document);
        self.browser_takes(&headers);
    }

    /// `document.cookie = text` in a hooked page: a native cookie without Domain, and a note.
    fn script_sets(&mut self, number: u64, text: &str) {
        let native = text.split(';').filter(|part| !part.trim().to_lowercase().starts_with("domain"));
        let native: Vec<String> = native.map(|part| part.trim().to_owned()).collect();
        let mut header = native[0].clone();
        for part in &native[1..] {
            header.push_str("; ");
            header.push_str(&part.replace("path=", "Path=").replace("max-age=0", "Max-Age=0"));
        }
        self.browser_takes(&[header]);
        let encoded = percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC);
        self.browser.push((format!("__lado_w{number}"), "/".to_owned(), encoded.to_string()));
    }

    fn browser_has(&self) -> Vec<String> {
        let mut all: Vec<String> = self.browser.iter().map(|(name, _, value)| format!("{name}={value}")).collect();
        all.sort();
        all
    }
}

#[test]
fn a_cookie_goes_back_to_the_site_that_set_it_and_nowhere_else() {
    let mut story = Story::new();
    assert!(story.site_sets(SHOP, "id=1; Path=/"));
    assert!(story.site_sets(SHOP, "all=2; Path=/; Domain=.shop.com"));
    assert_eq!(story.site_gets("https://www.shop.com/"), "id=1; all=2");
    assert_eq!(story.site_gets("https://pay.shop.com/"), "all=2");
    assert_eq!(story.site_gets("https://other.com/"), "");
    assert_eq!(story.site_gets("https://notshop.com/"), "");
}

#[test]
fn nobody_sets_a_cookie_for_a_public_suffix_or_a_stranger() {
    let mut story = Story::new();
    for (from, domain) in [
        (SHOP, "com"),
        ("https://ana.github.io/", "github.io"),
        ("https://loja.com.br/", "com.br"),
        (SHOP, "other.com"),
        (SHOP, "pay.shop.com"),
        ("https://10.0.0.1/", "0.0.1"),
    ] {
        assert!(!story.site_sets(from, &format!("a=1; Domain={domain}")), "{from} for {domain}");
    }
    assert!(story.site_sets("https://github.io/", "a=1; Domain=github.io"));
    assert_eq!(story.site_gets("https://ana.github.io/"), "");
    assert!(story.site_sets("http://127.0.0.1:3000/", "a=1; Domain=127.0.0.1"));
    assert_eq!(story.site_gets("http://127.0.0.1:4000/"), "a=1");
}

#[test]
fn paths_choose_and_order_cookies() {
    let mut story = Story::new();
    story.site_sets(SHOP, "a=root; Path=/");
    story.site_sets(SHOP, "a=cart");
    story.site_sets(SHOP, "b=1; Path=/cart/items");
    assert_eq!(story.site_gets("https://www.shop.com/cart/items?x"), "b=1; a=cart; a=root");
    assert_eq!(story.site_gets("https://www.shop.com/cartoon"), "a=root");
    assert_eq!(story.site_gets("https://www.shop.com/cart"), "a=cart; a=root");
}

#[test]
fn cookies_end_by_max_age_before_expires() {
    let mut story = Story::new();
    story.site_sets(SHOP, "a=1; Max-Age=10; Expires=Thu, 01 Jan 1970 00:00:00 GMT");
    story.site_sets(SHOP, "b=1; Expires=Thu, 01 Jan 1970 00:00:00 GMT");
    story.site_sets(SHOP, "c=1; Max-Age=999999999999999999999");
    assert_eq!(story.site_gets(SHOP), "a=1; c=1");
    story.second = 11;
    assert_eq!(story.site_gets(SHOP), "c=1");
    story.second = 401 * 24 * 3600;
    assert_eq!(story.site_gets(SHOP), "");
}

#[test]
fn secure_cookies_need_https_or_loopback() {
    let mut story = Story::new();
    assert!(!story.site_sets("http://shop.com/", "a=1; Secure"));
    assert!(story.site_sets("https://shop.com/", "a=1; Secure; Path=/"));
    assert_eq!(story.site_gets("http://shop.com/"), "");
    assert!(!story.site_sets("http://shop.com/", "a=2; Path=/"), "an insecure cookie would hide a secure one");
    assert!(story.site_sets("http://127.0.0.1:3000/", "b=1; Secure"));
    assert_eq!(story.site_gets("http://127.0.0.1:3000/"), "b=1");
    assert!(story.site_sets("http://localhost/", "__Host-c=1; Secure; Path=/"));
}

#[test]
fn prefixes_hold_their_promise() {
    let mut story = Story::new();
    for bad in [
        "__Secure-a=1",
        "__Host-a=1; Secure",
        "__Host-a=1; Path=/",
        "__HOST-a=1; Secure; Path=/; Domain=www.shop.com",
        "__Http-a=1; Secure",
        "=__Host-a=1; Secure; Path=/",
        "__Host-a",
    ] {
        assert!(!story.site_sets(SHOP, bad), "{bad}");
    }
    for good in ["__Secure-a=1; Secure", "__Host-a=1; Secure; Path=/", "__Http-a=1; Secure; HttpOnly"] {
        assert!(story.site_sets(SHOP, good), "{good}");
    }
}

#[test]
fn same_site_is_judged_on_the_sites() {
    let mut story = Story::new();
    story.site_sets(SHOP, "strict=1; SameSite=Strict");
    story.site_sets(SHOP, "lax=1; SameSite=Lax");
    story.site_sets(SHOP, "none=1; SameSite=None; Secure");
    story.site_sets(SHOP, "unset=1");
    assert!(!story.site_sets(SHOP, "bad=1; SameSite=None"));
    assert_eq!(story.site_gets_as(SHOP, Relation::SameSite), "strict=1; lax=1; none=1; unset=1");
    assert_eq!(story.site_gets_as(SHOP, Relation::Navigation), "lax=1; none=1; unset=1");
    assert_eq!(story.site_gets_as(SHOP, Relation::Submission), "none=1; unset=1");
    assert_eq!(story.site_gets_as(SHOP, Relation::CrossSite), "none=1");
    story.second = 121;
    assert_eq!(story.site_gets_as(SHOP, Relation::Submission), "none=1");
}

#[test]
fn a_third_party_response_sets_only_cookies_that_ask_for_it() {
    let mut jar = Jar::new();
    let mut set = |text: &str| jar.store(text.as_bytes(), &url(SHOP), Source::Http, Relation::CrossSite, at(0));
    assert!(!set("a=1"));
    assert!(!set("a=1; SameSite=Strict"));
    assert!(set("a=1; SameSite=None; Secure"));
}

#[test]
fn a_flood_of_cookies_costs_the_flooder_its_oldest() {
    let mut story = Story::new();
    story.site_sets("https://other.com/", "kept=1");
    for i in 0..400 {
        story.site_sets(SHOP, &format!("c{i}=1"));
    }
    assert_eq!(story.jar.len(), MAX_PER_DOMAIN + 1);
    assert!(story.site_gets(SHOP).starts_with("c220=1; "));
    for i in 0..40 {
        for j in 0..100 {
            story.site_sets(&format!("https://s{i}.com/"), &format!("c{j}=1"));
        }
    }
    assert!(story.jar.len() <= MAX_TOTAL);
}

#[test]
fn lados_own_cookies_never_reach_a_site_or_the_jar() {
    let mut story = Story::new();
    assert!(!story.site_sets(SHOP, "lado_abcdefghijklmnop=stolen"));
    assert!(!story.site_sets(SHOP, "__lado_w1=x"));
    story.request("lado_abcdefghijklmnop=secret; a=1; __lado_w7=b%3D2", SHOP);
    assert_eq!(story.site_gets(SHOP), "b=2; a=1");
}

#[test]
fn scripts_see_what_is_not_http_only() {
    let mut story = Story::new();
    story.site_sets(SHOP, "id=1; HttpOnly; Path=/");
    story.site_sets(SHOP, "theme=dark; Path=/; Domain=shop.com; Max-Age=60");
    let headers = {
        let seen = story.request("", SHOP);
        story.response(&seen, SHOP, Freshness::Document)
    };
    assert_eq!(headers, ["theme=dark; Path=/; Expires=Fri, 15 Jan 2027 08:01:00 GMT; SameSite=Lax"]);
    story.browser_takes(&headers);
    let seen = story.request(&story.browser_sends(SHOP).clone(), SHOP);
    assert!(story.response(&seen, SHOP, Freshness::Document).is_empty(), "nothing is sent twice");
    assert_eq!(story.jar.script_visible(&url(SHOP), at(0)), b"theme=dark");
}

#[test]
fn what_a_script_sets_reaches_the_site_with_its_domain_and_its_path() {
    let mut story = Story::new();
    story.exchange(SHOP);
    story.script_sets(1, "cart=42; domain=shop.com; path=/; max-age=60");
    story.exchange(SHOP);
    assert_eq!(story.site_gets("https://pay.shop.com/"), "cart=42");
    assert_eq!(story.browser_has(), ["cart=42"], "the note is gone, the cookie stays");
}

#[test]
fn a_note_without_a_path_means_its_page() {
    let mut story = Story::new();
    let page = url("https://www.shop.com/help/faq");
    let note = [&b"__lado_w1=a%3D1"[..]];
    story.jar.merge(note, &url("https://www.shop.com/api/x"), Some(&page), at(0));
    assert_eq!(story.site_gets("https://www.shop.com/help/faq"), "a=1");
    assert_eq!(story.site_gets("https://www.shop.com/api/x"), "");
}

#[test]
fn a_script_removes_a_cookie_but_not_an_http_only_one() {
    let mut story = Story::new();
    story.site_sets(SHOP, "id=1; HttpOnly; Path=/");
    story.site_sets(SHOP, "a=1; Path=/");
    story.exchange(SHOP);
    story.script_sets(1, "a=; path=/; max-age=0");
    story.script_sets(2, "id=evil; path=/");
    story.script_sets(3, "x=1; path=/; HttpOnly");
    story.exchange(SHOP);
    assert_eq!(story.site_gets(SHOP), "id=1");
    assert!(story.browser_has().is_empty(), "the copy that would hide an HttpOnly cookie is removed");
}

#[test]
fn notes_are_followed_in_the_order_of_their_numbers() {
    let mut story = Story::new();
    story.request("__lado_w10=a%3Dlast; __lado_w9=a%3Dfirst; a=last", SHOP);
    assert_eq!(story.site_gets(SHOP), "a=last");
}

#[test]
fn a_cookie_written_past_the_hooks_is_taken_in_for_its_host_alone() {
    let mut story = Story::new();
    story.request("native=1", SHOP);
    assert_eq!(story.site_gets("https://www.shop.com/"), "native=1");
    assert_eq!(story.site_gets("https://shop.com/"), "");
    story.site_sets(SHOP, "session=s; HttpOnly; Path=/");
    story.request("session=forged", SHOP);
    assert_eq!(story.site_gets(SHOP), "native=1; session=s");
}

#[test]
fn a_request_overtaken_by_a_response_does_not_bring_the_old_value_back() {
    let mut story = Story::new();
    story.site_sets(SHOP, "a=1; Path=/");
    story.exchange(SHOP);
    let late = story.browser_sends(SHOP);
    story.site_sets(SHOP, "a=2; Path=/");
    story.request(&late, SHOP);
    assert_eq!(story.site_gets(SHOP), "a=2");
}

#[test]
fn a_request_overtaken_by_a_removal_does_not_resurrect_the_cookie() {
    let mut story = Story::new();
    story.site_sets(SHOP, "a=1; Path=/");
    story.exchange(SHOP);
    let late = story.browser_sends(SHOP);
    story.site_sets(SHOP, "a=; Path=/; Max-Age=0");
    let seen = story.request(&late, SHOP);
    assert_eq!(story.site_gets(SHOP), "");
    let headers = story.response(&seen, SHOP, Freshness::Document);
    story.browser_takes(&headers);
    assert!(story.browser_has().is_empty());
}

#[test]
fn a_script_write_that_several_requests_carry_counts_once() {
    let mut story = Story::new();
    story.script_sets(1, "a=script; path=/");
    let first = story.browser_sends(SHOP);
    let second = first.clone();
    story.request(&first, SHOP);
    story.site_sets(SHOP, "a=site; Path=/");
    story.request(&second, SHOP);
    assert_eq!(story.site_gets(SHOP), "a=site");
}

#[test]
fn a_slow_response_does_not_undo_what_a_script_did_meanwhile() {
    let mut story = Story::new();
    story.site_sets(SHOP, "a=1; Path=/");
    let slow = story.request("", SHOP);
    let fast = story.request("", SHOP);
    let headers = story.response(&fast, SHOP, Freshness::Subresource);
    assert_eq!(headers.len(), 1);
    assert!(story.response(&slow, SHOP, Freshness::Subresource).is_empty(), "it is on its way already");
    story.second = 6;
    let again = story.request("", SHOP);
    assert_eq!(story.response(&again, SHOP, Freshness::Subresource).len(), 1, "it never arrived");
}

#[test]
fn cookies_of_other_paths_are_sent_once() {
    let mut story = Story::new();
    story.site_sets(SHOP, "deep=1; Path=/account");
    story.exchange(SHOP);
    let seen = story.request(&story.browser_sends(SHOP).clone(), SHOP);
    assert!(story.response(&seen, SHOP, Freshness::Document).is_empty());
    story.site_sets(SHOP, "deep=; Path=/account; Max-Age=0");
    story.exchange(SHOP);
    assert!(story.browser_has().is_empty());
}

#[test]
fn a_site_that_clears_its_data_loses_its_cookies_only() {
    let mut story = Story::new();
    story.site_sets(SHOP, "a=1; Path=/; Domain=shop.com");
    story.site_sets("https://other.com/", "b=1");
    story.exchange(SHOP);
    story.jar.clear(&url("https://pay.shop.com/"));
    story.exchange(SHOP);
    assert!(story.browser_has().is_empty());
    assert_eq!(story.site_gets(SHOP), "");
    assert_eq!(story.site_gets("https://other.com/"), "b=1");
}

#[test]
fn at_the_end_every_cookie_the_browser_showed_is_removed_by_name() {
    let headers = farewell([&b"a=1; lado_abcdefghijklmnop=s; __lado_w1=x"[..]], "/cart/items", Scheme::Https);
    let texts: Vec<&str> = headers.iter().map(|value: &HeaderValue| value.to_str().unwrap()).collect();
    assert!(texts.contains(&"a=; Path=/cart; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT; SameSite=Lax; Secure"));
    assert!(texts.iter().any(|text| text.starts_with("__lado_w1=; Path=/;")));
    assert!(!texts.iter().any(|text| text.starts_with("lado_")), "the participant's cookie lives on the domain");
}

#[test]
fn the_jars_debug_output_holds_no_cookie() {
    let mut story = Story::new();
    story.site_sets(SHOP, "a=secret");
    assert_eq!(format!("{:?}", story.jar), "Jar(1 cookies)");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn any_set_cookie_is_followed_or_refused(text in prop::collection::vec(any::<u8>(), 0..200)) {
        let mut jar = Jar::new();
        if jar.store(&text, &url(SHOP), Source::Http, Relation::SameSite, at(0)) {
            jar.header(&url(SHOP), Relation::SameSite, at(0));
            let seen = jar.merge([&text[..]], &url(SHOP), None, at(0));
            jar.replicate(&url(SHOP), &seen, Scheme::Http, Freshness::Document, at(0));
        }
    }

    /// Whatever the site and scripts do, one quiet exchange later browser and jar agree.
    #[test]
    fn browser_and_jar_agree_after_a_quiet_exchange(
        steps in prop::collection::vec((0u8..4, 0u8..3, 0u8..4, any::<bool>()), 1..30),
    ) {
        let mut story = Story::new();
        let mut in_flight: Vec<String> = Vec::new();
        for (number, (kind, name, value, deep)) in steps.into_iter().enumerate() {
            let path = if deep { "/cart" } else { "/" };
            match kind {
                0 => { story.site_sets(SHOP, &format!("n{name}={value}; Path={path}")); }
                1 => { story.site_sets(SHOP, &format!("n{name}=; Path={path}; Max-Age=0")); }
                2 => story.script_sets(number as u64, &format!("n{name}={value}; path={path}")),
                _ => in_flight.push(story.browser_sends(SHOP)),
            }
            if number % 3 == 2 && let Some(late) = in_flight.pop() {
                let seen = story.request(&late, SHOP);
                let headers = story.response(&seen, SHOP, Freshness::Subresource);
                story.browser_takes(&headers);
            }
        }
        story.exchange(SHOP);
        story.exchange(SHOP);
        let mut sends: Vec<String> = story.browser_sends(SHOP).split("; ").map(str::to_owned).collect();
        let gets = story.site_gets(SHOP);
        let mut gets: Vec<String> = gets.split("; ").map(str::to_owned).collect();
        sends.sort();
        gets.sort();
        prop_assert_eq!(sends, gets);
    }
}
