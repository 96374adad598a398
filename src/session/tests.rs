use std::time::Duration;

use http::header::{COOKIE, HeaderMap};

use super::*;
use crate::mask::{AssetMap as _, Part, Place};
use crate::rewrite::url::ViewDomain;

const HASH: &str = "$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ$Wjw6GbOd2JBjJ7bzRBQ9Wg";

fn companies() -> Companies {
    let config = |id: &str, name: &str, agents: &[(&str, Role)]| CompanyConfig {
        brand: super::brand::BrandConfig::default(),
        scripts: Vec::new(),
        id: id.into(),
        name: name.into(),
        color: None,
        allow: vec!["https://www.shop.com".into()],
        agents: agents
            .iter()
            .map(|(name, role)| AgentConfig {
                name: (*name).into(),
                display: None,
                role: *role,
                password: HASH.into(),
                photo: None,
            })
            .collect(),
        rules: Vec::new(),
        rules_files: Vec::new(),
        mode: Mode::default(),
    };
    Companies::load(&[
        config("sol", "Loja Sol", &[("ana", Role::Agent), ("bia", Role::Agent)]),
        config("outra", "Outra", &[("caio", Role::Agent)]),
    ])
    .unwrap()
}

fn sessions_with(config: Config) -> Arc<Sessions> {
    Sessions::new(config, companies(), ViewDomain::parse("http://view.localhost:7070").unwrap()).unwrap()
}

fn sessions() -> Arc<Sessions> {
    sessions_with(Config::default())
}

fn start() -> Url {
    Url::parse("https://www.shop.com/cart").unwrap()
}

fn create(sessions: &Sessions) -> Arc<Session> {
    let (company, account) = sessions.companies().account("ana").unwrap();
    sessions.create(&company, &account.agent, start()).unwrap()
}

/// A session whose customer is in and waits for the agent.
fn waiting(sessions: &Sessions) -> (Arc<Session>, Pin) {
    let session = create(sessions);
    sessions.accept(&sessions.link(&session).unwrap()).unwrap();
    let pin = session.state().pin.unwrap();
    (session, pin)
}

fn enter(sessions: &Sessions, name: &str, pin: &Pin) -> Result<Arc<Session>, PinError> {
    let (company, account) = sessions.companies().account(name).unwrap();
    sessions.enter_pin(&company, &account.agent, pin.reveal())
}

fn cookies(text: &str) -> HeaderMap {
    HeaderMap::from_iter([(COOKIE, text.parse().unwrap())])
}

fn cookie_pair(session: &Session) -> String {
    session.cookie().split(';').next().unwrap().to_owned()
}

#[test]
fn a_link_is_used_up_by_yes_and_not_by_a_look() {
    let sessions = sessions();
    let session = create(&sessions);
    let token = sessions.link(&session).unwrap();
    assert!(sessions.by_link(&token).is_ok());
    assert!(sessions.by_link(&token).is_ok(), "a preview uses nothing up");
    assert!(sessions.accept(&token).is_ok());
    assert_eq!(sessions.by_link(&token).unwrap_err(), LinkError::Used);
    assert_eq!(sessions.accept(&token).unwrap_err(), LinkError::Used);
    assert_eq!(sessions.link(&session), None);
}

#[test]
fn two_browsers_that_say_yes_at_once_do_not_both_get_in() {
    let sessions = sessions();
    let token = sessions.link(&create(&sessions)).unwrap();
    let accepted = std::thread::scope(|scope| {
        let tries: Vec<_> = (0..8).map(|_| scope.spawn(|| sessions.accept(&token).is_ok())).collect();
        tries.into_iter().filter(|_| true).map(|it| it.join().unwrap()).filter(|accepted| *accepted).count()
    });
    assert_eq!(accepted, 1);
}

#[test]
fn a_customer_who_says_no_ends_the_session() {
    let sessions = sessions();
    let session = create(&sessions);
    let token = sessions.link(&session).unwrap();
    sessions.decline(&token).unwrap();
    assert_eq!(sessions.ended(session.id).unwrap().by, EndedBy::Declined);
    assert_eq!(sessions.accept(&token).unwrap_err(), LinkError::Used);
}

#[test]
fn only_sites_of_the_allow_list_start_a_session() {
    let sessions = sessions();
    let (company, account) = sessions.companies().account("ana").unwrap();
    for (url, error) in [
        ("https://evil.example/", SessionError::NotAllowed("https://evil.example".into())),
        ("file:///etc/passwd", SessionError::Address),
    ] {
        assert_eq!(sessions.create(&company, &account.agent, Url::parse(url).unwrap()).unwrap_err(), error);
    }
}

#[test]
fn the_agent_gets_in_with_the_pin_once_and_no_other_company_does() {
    let sessions = sessions();
    let (session, pin) = waiting(&sessions);
    assert_eq!(enter(&sessions, "caio", &pin).unwrap_err(), PinError::Invalid);
    assert_eq!(session.phase(), Phase::Waiting);
    assert_eq!(enter(&sessions, "ana", &pin).unwrap().id, session.id);
    assert_eq!(session.phase(), Phase::Active);
    assert_eq!(session.state().pin, None, "a used PIN is shown no longer");
    assert!(session.admits(&session.agent));
    assert_eq!(enter(&sessions, "bia", &pin).unwrap_err(), PinError::Invalid);
}

#[test]
fn a_good_pin_is_not_replaced() {
    let sessions = sessions();
    let (session, pin) = waiting(&sessions);
    sessions.renew_pin(&session);
    assert_eq!(session.state().pin, Some(pin));
    session.update(|state| {
        state.pin_expires = Some((Instant::now(), SystemTime::now()));
        true
    });
    sessions.renew_pin(&session);
    let fresh = session.state();
    assert!(fresh.pin_expires.unwrap().0 > Instant::now());
    assert!(enter(&sessions, "ana", &fresh.pin.unwrap()).is_ok());
}

#[test]
fn the_customers_cookie_lets_in_and_nothing_else_does() {
    let sessions = sessions();
    let (session, _) = waiting(&sessions);
    let (other, _) = waiting(&sessions);
    let good = cookie_pair(&session);
    assert!(session.is_customer(&cookies(&good)));
    assert!(session.is_customer(&cookies(&format!("a=b; {good}; c"))));
    let beside = [b"price=\xe9; ".as_slice(), good.as_bytes()].concat();
    let beside = HeaderMap::from_iter([(COOKIE, http::HeaderValue::from_bytes(&beside).unwrap())]);
    assert!(session.is_customer(&beside), "beside a cookie of the site that is not ASCII");
    assert!(session.is_customer(&cookies(&format!("{}=forged; {good}", session.views.cookie_name()))));
    assert!(!session.is_customer(&HeaderMap::new()));
    assert!(!session.is_customer(&cookies(&cookie_pair(&other))));
    let renamed = cookie_pair(&other).replace(other.id.as_str(), session.id.as_str());
    assert!(!session.is_customer(&cookies(&renamed)));
    assert!(session.cookie().contains("; HttpOnly; Domain=view.localhost; Path=/; SameSite=Lax"));
}

#[test]
fn a_ticket_opens_once() {
    let sessions = sessions();
    let (session, _) = waiting(&sessions);
    let ticket = session.ticket(Ticket::Panel);
    let (found, opens) = sessions.redeem(&ticket).unwrap();
    assert_eq!((found.id, opens), (session.id, Ticket::Panel));
    assert!(sessions.redeem(&ticket).is_none());
    assert!(sessions.redeem(&format!("{}.{}", session.id, Secret::random().reveal())).is_none());
    let stale = session.ticket(Ticket::Panel);
    session.drop_stale_tickets(Instant::now() + ticket::LIFETIME);
    assert!(sessions.redeem(&stale).is_none());
}

#[test]
fn the_end_leaves_nothing_behind() {
    let sessions = sessions();
    let (session, pin) = waiting(&sessions);
    let cookie = cookie_pair(&session);
    let ticket = session.ticket(Ticket::Panel);
    let token = session.panel_token();
    let mirror = session.showing();
    let place = Place { node: 2, part: Part::Attribute("src") };
    let asset = (&mirror).asset(place, &Url::parse("https://www.shop.com/logo.png").unwrap(), false);
    assert!(session.asset(asset.rsplit('/').next().unwrap()).is_some());
    let told = Arc::new(Mutex::new(Vec::new()));
    sessions.at_end({
        let told = Arc::clone(&told);
        move |session| lock(&told).push((session.id, session.is_over()))
    });
    sessions.end(&session, EndedBy::Customer);
    sessions.end(&session, EndedBy::Agent);
    assert_eq!(*lock(&told), [(session.id, true)], "once, when nothing more can be kept");
    assert!(sessions.get(session.id).is_none());
    assert!(matches!(sessions.find(session.id), Found::Ended(ended) if ended.by == EndedBy::Customer));
    assert!(session.is_over());
    assert!(!session.is_customer(&cookies(&cookie)));
    assert!(sessions.redeem(&ticket).is_none());
    assert!(sessions.by_panel_token(&token).is_none());
    assert_eq!(session.asset(asset.rsplit('/').next().unwrap()), None);
    assert_eq!(enter(&sessions, "ana", &pin).unwrap_err(), PinError::Invalid);
    assert!(!session.update(|state| std::mem::replace(&mut state.online, true)), "it stays over");
}

#[test]
fn sessions_that_nobody_uses_end_by_themselves() {
    let sessions = sessions();
    let invited = create(&sessions);
    let (session, _) = waiting(&sessions);
    let (now, date) = (Instant::now(), SystemTime::now());
    sessions.sweep(now + Duration::from_secs(29 * 60), date);
    assert!(sessions.get(session.id).is_some());
    sessions.sweep(now + Duration::from_secs(31 * 60), date);
    assert_eq!(sessions.ended(session.id).unwrap().by, EndedBy::Idle);
    assert!(sessions.get(invited.id).is_some(), "an unused link waits for its own expiry");
    sessions.sweep(now, date + Duration::from_secs(24 * 3600 + 1));
    assert_eq!(sessions.ended(invited.id).unwrap().by, EndedBy::Expired);
    assert!(sessions.ended(session.id).is_none(), "forgotten after a day");
}

#[test]
fn the_number_of_sessions_is_bounded() {
    let sessions = sessions_with(Config { max_sessions: 3, max_sessions_per_company: 2, ..Config::default() });
    create(&sessions);
    create(&sessions);
    let (company, account) = sessions.companies().account("ana").unwrap();
    assert_eq!(sessions.create(&company, &account.agent, start()).unwrap_err(), SessionError::CompanyFull(2));
    let (company, account) = sessions.companies().account("caio").unwrap();
    sessions.create(&company, &account.agent, start()).unwrap();
    assert_eq!(sessions.create(&company, &account.agent, start()).unwrap_err(), SessionError::Full(3));
}

#[test]
fn mistakes_in_companies_are_named() {
    let agent = |name: &str, password: &str| AgentConfig {
        name: name.into(),
        display: None,
        role: Role::Agent,
        password: password.into(),
        photo: None,
    };
    let company = |id: &str, agents: Vec<AgentConfig>| CompanyConfig {
        brand: super::brand::BrandConfig::default(),
        scripts: Vec::new(),
        id: id.into(),
        name: id.into(),
        color: None,
        allow: Vec::new(),
        agents,
        rules: Vec::new(),
        rules_files: Vec::new(),
        mode: Mode::default(),
    };
    let load = |configs: &[CompanyConfig]| Companies::load(configs).unwrap_err();
    assert!(matches!(load(&[company("A b", vec![])]), CompanyError::Id(_)));
    assert!(matches!(load(&[company("a", vec![]), company("a", vec![])]), CompanyError::DuplicateId(_)));
    assert!(matches!(load(&[company("a", vec![agent("x", "secret")])]), CompanyError::Password(..)));
    let twice = [company("a", vec![agent("x", HASH)]), company("b", vec![agent("x", HASH)])];
    assert!(matches!(load(&twice), CompanyError::DuplicateAgent(_)));
}

#[test]
fn secrets_of_the_configuration_do_not_show_in_debug_output() {
    let secret = Secret::random().reveal();
    let config = Config { link_key: Some(secret.clone()), ..Config::default() };
    assert!(!format!("{config:?}").contains(&secret));
    let account = companies();
    assert!(!format!("{account:?}").contains("argon2id"));
}

#[test]
fn the_customers_places_are_known_while_the_session_lasts() {
    let sessions = sessions();
    let session = create(&sessions);
    let place = |text: &str| text.parse::<std::net::IpAddr>().unwrap();
    assert!(!session.knows(place("203.0.113.7")));
    session.called_from(place("203.0.113.7"));
    session.called_from(place("2001:db8:1:2::3"));
    assert!(session.knows(place("203.0.113.7")));
    assert!(!session.knows(place("203.0.113.8")));
    assert!(session.knows(place("2001:db8:1:2::99")), "privacy addresses of one machine");
    assert!(!session.knows(place("2001:db8:1:3::3")));
    for last in 0..8 {
        session.called_from(place(&format!("198.51.100.{last}")));
    }
    assert!(!session.knows(place("203.0.113.7")), "only the last ones");
    sessions.end(&session, EndedBy::Customer);
    assert!(!session.knows(place("198.51.100.1")));
}

#[test]
fn a_sandboxed_frames_token_is_good_for_its_site_and_session() {
    let sessions = sessions();
    let (session, other) = (create(&sessions), create(&sessions));
    let [shop, pay] = ["https://www.shop.com", "https://pay.example"].map(|site| Site::parse(site).unwrap());
    let token = session.sandbox_token(&shop);
    assert!(session.is_sandbox_token(&shop, &token));
    assert!(!session.is_sandbox_token(&pay, &token));
    assert!(!other.is_sandbox_token(&shop, &token));
    assert!(!session.is_sandbox_token(&shop, ""));
}
