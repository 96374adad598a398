//! Pages and viewers over real sockets: how they meet, act, fall behind, leave and come back.

use std::time::Duration;

use lado::hub;
use lado::protocol::{
    Action, Cap, Level, Op, PageCommand, PageMessage, Refusal, Shape, Tree, VERSION, ViewerMessage, ViewerNotice,
    ViewerRequest,
};
use lado::session::{EndedBy, Ticket};
use lado::span::Span;
use serde_json::json;

use super::stage::{SITE, Stage, click, element, shown, snapshot, texts};

#[tokio::test]
async fn a_hand_made_click_on_a_locked_button_is_refused_and_never_reaches_the_page() {
    let stage = Stage::set().await;
    let session = stage.active();
    let mut page = stage.page(&session, "p1").await;
    let mut children = element("button", &[], "Comprar agora");
    children.extend(element("button", &[], "Ver mais"));
    page.batch(vec![snapshot(children)]).await;
    page.acked().await;
    stage.set_level(&session, Level::Control);
    let mut viewer = stage.viewer(&session).await;
    shown(&mut viewer).await;
    viewer.ask(&ViewerRequest::Act { id: 1, action: click(4) }).await;
    let (refusal, rule) = viewer.answer(1).await;
    assert_eq!(refusal, Some(Refusal::Locked));
    assert!(!rule.is_empty(), "the agent is told which rule");
    let enter = Action::Key { node: 4, key: "Enter".into(), shift: false, ctrl: false, alt: false, meta: false };
    viewer.ask(&ViewerRequest::Act { id: 2, action: enter }).await;
    assert_eq!(viewer.answer(2).await.0, Some(Refusal::Locked));
    viewer.ask(&ViewerRequest::Act { id: 3, action: click(6) }).await;
    let command = page.until(|command| matches!(command, PageCommand::Act { .. })).await;
    let PageCommand::Act { id, action } = command else { unreachable!() };
    assert_eq!(action, click(6), "the first that the page hears of is the one that is free");
    page.say(&PageMessage::Done { id, refusal: None }).await;
    assert_eq!(viewer.answer(3).await, (None, String::new()));
}

#[tokio::test]
async fn the_agent_does_only_what_the_customer_allows() {
    let stage = Stage::set().await;
    let session = stage.active();
    let mut page = stage.page(&session, "p1").await;
    page.batch(vec![snapshot(element("button", &[], "Ver mais"))]).await;
    page.acked().await;
    let mut viewer = stage.viewer(&session).await;
    shown(&mut viewer).await;
    for (id, level) in [(1, Level::Look), (2, Level::Point)] {
        stage.set_level(&session, level);
        viewer.ask(&ViewerRequest::Act { id, action: click(4) }).await;
        assert_eq!(viewer.answer(id).await.0, Some(Refusal::NotAllowed));
    }
    stage.set_level(&session, Level::Control);
    viewer.notice(|notice| *notice == ViewerNotice::SetLevel { level: Level::Control }).await;
    viewer.ask(&ViewerRequest::Act { id: 3, action: click(4) }).await;
    page.until(|command| matches!(command, PageCommand::Act { .. })).await;
    stage.set_level(&session, Level::Look);
    assert_eq!(viewer.answer(3).await.0, Some(Refusal::NotAllowed), "what the page has not done by then");
}

#[tokio::test]
async fn pointers_show_on_both_sides_when_the_customer_allows_it() {
    let stage = Stage::set().await;
    let session = stage.active();
    let mut page = stage.page(&session, "p1").await;
    page.batch(vec![snapshot(element("p", &[], "x"))]).await;
    page.acked().await;
    let mut viewer = stage.viewer(&session).await;
    shown(&mut viewer).await;
    page.say(&PageMessage::Pointer { x: 10, y: 20 }).await;
    viewer.notice(|notice| *notice == ViewerNotice::Pointer { x: 10, y: 20 }).await;
    viewer.ask(&ViewerRequest::Pointer { shown: true, x: 1, y: 2 }).await;
    viewer.ask(&ViewerRequest::Resync {}).await;
    shown(&mut viewer).await;
    stage.set_level(&session, Level::Point);
    viewer.ask(&ViewerRequest::Pointer { shown: true, x: 30, y: 40 }).await;
    let shown = page.until(|command| matches!(command, PageCommand::Pointer { shown: true, .. })).await;
    let PageCommand::Pointer { name, role, x, y, .. } = shown else { unreachable!() };
    assert_eq!((name.as_str(), role.as_str(), x, y), ("Ana Souza", "agent", 30, 40), "not the one before Point");
    stage.set_level(&session, Level::Look);
    page.until(|command| matches!(command, PageCommand::Pointer { shown: false, .. })).await;
}

#[tokio::test]
async fn a_page_is_told_how_many_watch() {
    let stage = Stage::set().await;
    let session = stage.active();
    let mut page = stage.page(&session, "p1").await;
    page.until(|command| *command == PageCommand::Watched { viewers: 0 }).await;
    let one = stage.viewer(&session).await;
    page.until(|command| *command == PageCommand::Watched { viewers: 1 }).await;
    let two = stage.viewer(&session).await;
    page.until(|command| *command == PageCommand::Watched { viewers: 2 }).await;
    assert_eq!(session.state().watching.len(), 2);
    drop((one, two));
    page.until(|command| *command == PageCommand::Watched { viewers: 0 }).await;
}

#[tokio::test]
async fn a_page_that_connects_again_goes_on_where_it_was() {
    let stage = Stage::set().await;
    let session = stage.active();
    let mut page = stage.page(&session, "p1").await;
    page.batch(vec![snapshot(element("p", &[], "um"))]).await;
    page.acked().await;
    let mut viewer = stage.viewer(&session).await;
    shown(&mut viewer).await;
    drop(page);

    let mut page = stage.silent_page(&session).await;
    assert_eq!(page.hello("p1", 3).await, (1, false), "the page sends again what came after 1");
    page.batch_with(1, vec![snapshot(element("p", &[], "never again"))]).await;
    page.batch_with(2, vec![Op::SetText { node: 5, text: "dois".into() }]).await;
    page.batch_with(3, vec![Op::SetText { node: 5, text: "três".into() }]).await;
    page.until(|command| *command == PageCommand::Ack { seq: 3 }).await;
    assert!(texts(&viewer.ops().await).contains("dois"), "no snapshot was needed");
    assert!(texts(&viewer.ops().await).contains("três"));
}

#[tokio::test]
async fn a_page_that_lado_does_not_know_is_asked_for_a_snapshot() {
    let stage = Stage::set().await;
    let session = stage.active();
    let mut page = stage.silent_page(&session).await;
    assert_eq!(page.hello("p1", 17).await, (17, true));
    page.batch_with(18, vec![Op::SetText { node: 5, text: "x".into() }]).await;
    page.batch_with(19, vec![snapshot(element("p", &[], "aqui"))]).await;
    page.until(|command| *command == PageCommand::Ack { seq: 19 }).await;
    let mut viewer = stage.viewer(&session).await;
    assert!(texts(&shown(&mut viewer).await).contains("aqui"));
}

#[tokio::test]
async fn a_batch_that_is_missing_or_does_not_fit_asks_for_a_snapshot() {
    let stage = Stage::set().await;
    let session = stage.active();
    let mut page = stage.page(&session, "p1").await;
    page.batch(vec![snapshot(element("p", &[], "um"))]).await;
    page.acked().await;
    let mut viewer = stage.viewer(&session).await;
    shown(&mut viewer).await;
    page.batch_with(5, vec![Op::SetText { node: 5, text: "cinco".into() }]).await;
    page.until(|command| *command == PageCommand::Resync {}).await;
    page.batch_with(6, vec![snapshot(element("p", &[], "seis"))]).await;
    assert!(texts(&shown(&mut viewer).await).contains("seis"));
    page.batch_with(7, vec![Op::SetText { node: 9999, text: "x".into() }]).await;
    page.until(|command| *command == PageCommand::Resync {}).await;
    page.batch_with(8, vec![snapshot(element("p", &[], "oito"))]).await;
    assert!(texts(&shown(&mut viewer).await).contains("oito"));
}

#[tokio::test]
async fn an_agent_is_told_when_a_page_is_too_much_and_sees_it_when_it_is_less() {
    let stage = Stage::with(hub::Config { max_nodes_per_page: 50, ..hub::Config::default() }).await;
    let session = stage.active();
    let mut page = stage.page(&session, "p1").await;
    let mut viewer = stage.viewer(&session).await;
    let many = || (0..60).flat_map(|_| element("p", &[], "x")).collect::<Vec<_>>();
    page.batch(vec![snapshot(many())]).await;
    viewer.notice(|notice| *notice == ViewerNotice::Limited { cap: Some(Cap::Nodes) }).await;
    let mut late = stage.viewer(&session).await;
    late.notice(|notice| *notice == ViewerNotice::Limited { cap: Some(Cap::Nodes) }).await;
    page.batch(vec![Op::SetText { node: 5, text: "not for a mirror that is not there".into() }]).await;
    page.batch(vec![snapshot(element("p", &[], "kurz"))]).await;
    assert!(texts(&shown(&mut viewer).await).contains("kurz"));
    assert!(texts(&shown(&mut late).await).contains("kurz"));
    // It grows while it is shown.
    page.batch(vec![Op::Insert { parent: 3, prev: 0, base: 100, tree: Tree { nodes: many() } }]).await;
    viewer.notice(|notice| *notice == ViewerNotice::Limited { cap: Some(Cap::Nodes) }).await;
    page.say(&PageMessage::TooLarge {}).await;
    viewer.notice(|notice| *notice == ViewerNotice::Limited { cap: Some(Cap::Bytes) }).await;
    assert_eq!(stage.hubs.counts().capped.load(std::sync::atomic::Ordering::Relaxed), 3);
}

/// A drawing's path of `bytes`: detectors look for nothing in it.
fn path(bytes: usize) -> Op {
    Op::SetAttr { node: 4, name: "d".into(), value: Some("1".repeat(bytes)) }
}

#[tokio::test]
async fn a_viewer_that_stops_reading_costs_little_and_gets_the_page_when_it_reads_again() {
    let stage = Stage::set().await;
    let session = stage.active();
    let mut page = stage.page(&session, "p1").await;
    page.batch(vec![snapshot(element("path", &[], "x"))]).await;
    page.acked().await;
    let mut viewer = stage.viewer(&session).await;
    shown(&mut viewer).await;
    let mut other = stage.viewer(&session).await;
    shown(&mut other).await;
    let counts = stage.hubs.counts();
    let behind = || counts.viewers_behind.load(std::sync::atomic::Ordering::Relaxed);
    // What the system's own buffers hold goes out; then the queue fills.
    for _ in 0..400 {
        page.batch(vec![path(200_000)]).await;
        page.acked().await;
        while behind() < 1 && texts(&other.ops().await).len() < 100 {}
        if behind() > 0 {
            break;
        }
    }
    assert!(behind() > 0, "the queue was dropped");
    page.batch(vec![path(3)]).await;
    page.acked().await;
    let again = shown(&mut viewer).await;
    assert!(texts(&again).contains("\"111\""), "the page as it is now");
}

#[tokio::test]
async fn a_page_that_takes_too_much_time_is_slowed_and_the_agent_is_told() {
    let little = Span(Duration::from_millis(1));
    let stage = Stage::with(hub::Config { work_per_page: little, ..hub::Config::default() }).await;
    let session = stage.active();
    let mut page = stage.page(&session, "p1").await;
    let mut viewer = stage.viewer(&session).await;
    page.batch(vec![snapshot((0..15_000).flat_map(|n| element("p", &[], &format!("line {n}"))).collect())]).await;
    viewer.notice(|notice| *notice == ViewerNotice::Limited { cap: Some(Cap::Changes) }).await;
    assert_eq!(stage.hubs.counts().slowed.load(std::sync::atomic::Ordering::Relaxed), 1);
    viewer.notice(|notice| *notice == ViewerNotice::Limited { cap: None }).await;
}

#[tokio::test]
async fn a_page_that_waits_for_its_turn_hears_beats() {
    let stage = Stage::set().await;
    let session = stage.active();
    let mut page = stage.page(&session, "p1").await;
    page.batch(vec![snapshot(element("p", &[], "one"))]).await;
    page.acked().await;
    let hub = stage.hubs.of(&session).unwrap();
    let turn = hub.turn().await;
    page.batch(vec![path(3)]).await;
    page.beat().await;
    page.beat().await;
    drop(turn);
    page.acked().await;
}

#[tokio::test]
async fn a_viewer_that_loads_again_needs_nothing_of_the_customers_browser() {
    let stage = Stage::set().await;
    let session = stage.active();
    let mut page = stage.page(&session, "p1").await;
    page.batch(vec![snapshot(element("p", &[], "ainda aqui"))]).await;
    page.acked().await;
    drop(page);
    for _ in 0..2 {
        let mut viewer = stage.viewer(&session).await;
        assert!(texts(&shown(&mut viewer).await).contains("ainda aqui"));
        viewer.ask(&ViewerRequest::Act { id: 1, action: click(4) }).await;
        assert!(viewer.answer(1).await.0.is_some(), "nobody is there to do it");
    }
}

#[tokio::test]
async fn the_next_page_of_the_tab_takes_the_place_of_the_one_before() {
    let stage = Stage::set().await;
    let session = stage.active();
    let mut one = stage.page(&session, "p1").await;
    one.batch(vec![snapshot(element("p", &[], "carrinho"))]).await;
    one.acked().await;
    let mut viewer = stage.viewer(&session).await;
    shown(&mut viewer).await;
    drop(one);
    let mut two = stage.page(&session, "p2").await;
    two.batch(vec![snapshot(element("p", &[], "pagamento"))]).await;
    assert!(texts(&shown(&mut viewer).await).contains("pagamento"));
    let mut late = stage.viewer(&session).await;
    assert!(texts(&shown(&mut late).await).contains("pagamento"));
}

#[tokio::test]
async fn the_tab_in_front_is_the_one_that_is_shown() {
    let stage = Stage::set().await;
    let session = stage.active();
    let mut one = stage.page(&session, "p1").await;
    one.batch(vec![snapshot(element("p", &[], "primeira"))]).await;
    one.acked().await;
    let mut two = stage.silent_page(&session).await;
    let hello = |visible| PageMessage::Hello {
        version: VERSION,
        page: "p2".into(),
        tab: "tab2".into(),
        url: SITE.into(),
        sent: 0,
        visible,
    };
    two.say(&hello(true)).await;
    two.batch(vec![snapshot(element("p", &[], "segunda"))]).await;
    two.acked().await;
    let mut viewer = stage.viewer(&session).await;
    assert!(texts(&shown(&mut viewer).await).contains("segunda"));
    one.say(&PageMessage::Visible { visible: true }).await;
    assert!(texts(&shown(&mut viewer).await).contains("primeira"));
}

#[tokio::test]
async fn a_page_that_stays_away_is_gone_and_the_agent_is_told() {
    let stage = Stage::with(hub::Config { grace: Span(Duration::from_millis(100)), ..hub::Config::default() }).await;
    let session = stage.active();
    let mut page = stage.page(&session, "p1").await;
    page.batch(vec![snapshot(element("p", &[], "x"))]).await;
    page.acked().await;
    let mut viewer = stage.viewer(&session).await;
    shown(&mut viewer).await;
    assert!(session.state().online);
    drop(page);
    let mut told = Vec::new();
    while told.len() < 2 {
        let news = |notice: &ViewerNotice| matches!(notice, ViewerNotice::NoPage {} | ViewerNotice::Online { .. });
        told.push(viewer.notice(news).await);
    }
    assert!(told.contains(&ViewerNotice::NoPage {}) && told.contains(&ViewerNotice::Online { online: false }));
    assert!(!session.state().online && session.state().page.is_none());
}

#[tokio::test]
async fn the_end_is_told_to_everybody_and_leaves_nothing() {
    let stage = Stage::set().await;
    let session = stage.active();
    let mut page = stage.page(&session, "p1").await;
    page.batch(vec![snapshot(element("p", &[], "x"))]).await;
    page.acked().await;
    let mut viewer = stage.viewer(&session).await;
    shown(&mut viewer).await;
    let ticket = session.ticket(Ticket::Viewer(session.agent.clone()));
    stage.sessions.end(&session, EndedBy::Customer);
    let (commands, code) = page.rest().await;
    assert_eq!((commands.last(), code), (Some(&PageCommand::Ended {}), Some(1000)));
    let (messages, code) = viewer.rest().await;
    assert!(messages.contains(&ViewerMessage::Notice { notice: ViewerNotice::Ended {} }));
    assert_eq!(code, Some(1000));
    assert!(stage.hubs.of(&session).is_none());
    assert_eq!(session.state().page, None);
    let mut late = stage.silent_viewer(&session).await;
    late.ask(&ViewerRequest::Hello { version: VERSION, ticket }).await;
    assert_eq!(late.rest().await, (vec![], Some(4003)));
}

#[tokio::test]
async fn a_viewer_needs_a_ticket_of_this_very_session() {
    let stage = Stage::set().await;
    let (session, other) = (stage.active(), stage.active());
    let used = session.ticket(Ticket::Viewer(session.agent.clone()));
    stage.sessions.redeem(&used).unwrap();
    for ticket in [
        String::new(),
        used,
        session.ticket(Ticket::Panel),
        session.panel_token(),
        other.ticket(Ticket::Viewer(session.agent.clone())),
    ] {
        let mut viewer = stage.silent_viewer(&session).await;
        viewer.ask(&ViewerRequest::Hello { version: VERSION, ticket }).await;
        assert_eq!(viewer.rest().await, (vec![], Some(4003)));
    }
    let mut rude = stage.silent_viewer(&session).await;
    rude.ask(&ViewerRequest::Resync {}).await;
    assert_eq!(rude.rest().await, (vec![], Some(4002)));
}

#[tokio::test]
async fn another_version_is_told_so_and_closed() {
    let stage = Stage::set().await;
    let session = stage.active();
    let mut viewer = stage.silent_viewer(&session).await;
    let ticket = session.ticket(Ticket::Viewer(session.agent.clone()));
    viewer.ask(&ViewerRequest::Hello { version: VERSION + 1, ticket }).await;
    assert_eq!(viewer.rest().await.1, Some(4001));
    let mut page = stage.silent_page(&session).await;
    let (name, tab, url) = ("p".to_owned(), "t".to_owned(), SITE.to_owned());
    let hello = PageMessage::Hello { version: VERSION + 1, page: name, tab, url, sent: 0, visible: true };
    page.say(&hello).await;
    assert_eq!(page.rest().await.1, Some(4001));
}

#[tokio::test]
async fn a_page_that_talks_nonsense_is_closed_with_a_reason() {
    let stage = Stage::set().await;
    let session = stage.active();
    for bytes in [vec![], vec![255, 1, 2], vec![2, 1]] {
        let mut page = stage.page(&session, "p1").await;
        page.raw(bytes).await;
        assert_eq!(page.rest().await.1, Some(4002));
    }
    let mut nameless = stage.silent_page(&session).await;
    let (name, tab, url) = (String::new(), "t".to_owned(), SITE.to_owned());
    nameless.say(&PageMessage::Hello { version: VERSION, page: name, tab, url, sent: 0, visible: true }).await;
    assert_eq!(nameless.rest().await.1, Some(4006));
}

#[tokio::test]
async fn the_newer_socket_of_a_page_takes_over() {
    let stage = Stage::set().await;
    let session = stage.active();
    let mut old = stage.page(&session, "p1").await;
    let _new = stage.page(&session, "p1").await;
    assert_eq!(old.rest().await.1, Some(1000));
}

#[tokio::test]
async fn a_supervisor_watches_and_draws_with_their_name_and_role_and_does_nothing_else() {
    let stage = Stage::set().await;
    let session = stage.active();
    let mut page = stage.page(&session, "p1").await;
    page.batch(vec![snapshot(element("p", &[], "x"))]).await;
    page.acked().await;
    let mut panel = stage.panel().await;
    panel.say(json!({"type": "hello", "token": session.panel_token()})).await;
    let (ana, sara) = (stage.sign_in("ana").await, stage.sign_in("sara").await);
    let mut agent = stage.talk(&session, &ana).await;
    agent.say(json!({"type": "hello"})).await;
    agent.say(json!({"type": "ask", "what": "invite", "who": "sara"})).await;
    let asked = panel.until(|message| message["request"]["what"] == "invite").await;
    panel.say(json!({"type": "answer", "id": asked["request"]["id"], "yes": true})).await;
    panel.until(|message| message["agents"][1]["display"] == "Sara Dias").await;
    stage.set_level(&session, Level::Control);

    let supervisor = stage.sessions.companies().account("sara").unwrap().1.agent.clone();
    let mut viewer = stage.viewer_of(&session, supervisor).await;
    shown(&mut viewer).await;
    viewer.ask(&ViewerRequest::Act { id: 1, action: click(4) }).await;
    assert_eq!(viewer.answer(1).await.0, Some(Refusal::NotAllowed));
    viewer.ask(&ViewerRequest::Pointer { shown: true, x: 1, y: 2 }).await;
    let draw = |id, shape| ViewerRequest::Draw { id, colour: 0, stays: true, shape };
    viewer.ask(&draw(1, Shape::Ping { node: 4, x: 0, y: 0 })).await;
    assert_eq!(viewer.answer(0).await.0, Some(Refusal::NotAllowed), "it would scroll the customer's page");
    viewer.ask(&draw(2, Shape::Highlight { node: 4 })).await;
    let does = |command: &PageCommand| {
        matches!(command, PageCommand::Draw { .. } | PageCommand::Act { .. } | PageCommand::Pointer { .. })
    };
    let command = page.until(does).await;
    let PageCommand::Draw { drawing } = command else { panic!("{command:?} came first") };
    assert_eq!((drawing.name.as_str(), drawing.role.as_str(), drawing.id), ("Sara Dias", "supervisor", 2));
    let end = stage.post(&format!("/api/sessions/{}/end", session.id), &sara, json!({})).await;
    assert_eq!((end.status.as_u16(), end.code()), (403, "supervisor"));
}
