//! The customer's panel, over its real socket.

use lado::protocol::{Level, PageCommand, PageMessage, ViewerMessage, ViewerNotice};
use lado::session::{EndedBy, Ticket};
use serde_json::json;

use super::stage::{Stage, element, snapshot, try_connect};

#[tokio::test]
async fn the_panel_shows_the_pin_until_the_agent_has_entered_it() {
    let stage = Stage::set().await;
    let session = stage.waiting();
    let mut panel = stage.panel().await;
    panel.say(json!({"type": "hello", "ticket": session.ticket(Ticket::Panel)})).await;
    let token = panel.next().await.unwrap();
    assert_eq!(token["type"], "token");
    let state = panel.next().await.unwrap();
    let pin = session.state().pin.unwrap();
    assert_eq!((&state["type"], &state["phase"]), (&json!("state"), &json!("waiting")));
    assert_eq!(state["pin"], pin.reveal());
    assert!(state["pin_expires"].as_str().unwrap().ends_with('Z'));
    assert_eq!(state["company"], json!({"name": "Loja Sol", "color": "#336699"}));
    assert_eq!(state["agent"], json!({"display": "Ana Souza", "role": "agent"}));
    assert_eq!((&state["agents"], &state["viewers"]), (&json!([]), &json!(0)));
    stage.sessions.enter_pin(&session.company, &session.agent, pin.reveal()).unwrap();
    let state = panel.until(|message| message["phase"] == "active").await;
    assert_eq!(state.get("pin"), None);
    assert_eq!(state["agents"], json!([{"display": "Ana Souza", "role": "agent", "here": false}]));
    assert!(state["session_started"].is_string());
}

#[tokio::test]
async fn the_customer_decides_in_the_panel() {
    let stage = Stage::set().await;
    let session = stage.active();
    let mut panel = stage.panel().await;
    panel.say(json!({"type": "hello", "token": session.panel_token()})).await;
    panel.until(|message| message["level"] == "look").await;
    panel.say(json!({"type": "level", "level": "control"})).await;
    panel.until(|message| message["level"] == "control").await;
    assert_eq!(session.level(), Level::Control);
    panel.say(json!({"type": "end"})).await;
    panel.until(|message| message["type"] == "ended").await;
    assert_eq!(panel.next().await, None);
    assert_eq!(stage.sessions.ended(session.id).unwrap().by, EndedBy::Customer);
}

#[tokio::test]
async fn what_shows_again_is_what_the_customer_saw_named_and_nothing_hidden_since() {
    let stage = Stage::set().await;
    let session = stage.active();
    let mut page = stage.page(&session, "p1").await;
    page.batch(vec![snapshot(element("p", &[], "plain"))]).await;
    page.acked().await;
    let mut panel = stage.panel().await;
    panel.say(json!({"type": "hello", "token": session.panel_token()})).await;
    panel.until(|message| message["hidden"] == 0).await;
    page.say(&PageMessage::Hidden { count: 1, last: 1 }).await;
    let first = panel.until(|message| message["hidden"] == 1).await["hidden_last"].clone();
    page.say(&PageMessage::Hidden { count: 2, last: 2 }).await;
    let second = panel.until(|message| message["hidden"] == 2).await["hidden_last"].clone();
    assert_ne!(first, second);
    // Decided before the second was hidden; then twice, by two presses or over a lost connection.
    for last in [&first, &second, &second] {
        panel.say(json!({"type": "show", "last": last})).await;
    }
    // Behind them, so that all three have been heard.
    panel.say(json!({"type": "level", "level": "point"})).await;
    panel.until(|message| message["level"] == "point").await;
    let mut shown = Vec::new();
    while shown.len() < 2 {
        if let PageCommand::Show { last } = page.next().await {
            shown.push(last);
        }
    }
    // The page shows nothing for the number again that it has shown already.
    assert_eq!(shown, [2, 2]);
    page.say(&PageMessage::Hidden { count: 1, last: 1 }).await;
    let left = panel.until(|message| message["hidden"] == 1).await;
    assert_eq!(left["hidden_last"], first);
}

#[tokio::test]
async fn a_panel_connects_again_and_learns_of_an_end_that_it_missed() {
    let stage = Stage::set().await;
    let session = stage.waiting();
    let mut panel = stage.panel().await;
    panel.say(json!({"type": "hello", "ticket": session.ticket(Ticket::Panel)})).await;
    let token = panel.next().await.unwrap()["token"].clone();
    drop(panel);
    let mut again = stage.panel().await;
    again.say(json!({"type": "hello", "token": token})).await;
    again.until(|message| message["type"] == "state").await;
    drop(again);
    stage.sessions.end(&session, EndedBy::Agent);
    let mut late = stage.panel().await;
    late.say(json!({"type": "hello", "token": token})).await;
    assert_eq!(late.next().await.unwrap()["type"], "ended");
}

#[tokio::test]
async fn a_panel_without_a_good_ticket_is_shown_nothing() {
    let stage = Stage::set().await;
    let (session, other) = (stage.waiting(), stage.waiting());
    let used = session.ticket(Ticket::Panel);
    stage.sessions.redeem(&used).unwrap();
    let swapped = other.panel_token().replace(other.id.as_str(), session.id.as_str());
    for hello in [
        json!({"type": "hello"}),
        json!({"type": "hello", "ticket": used}),
        json!({"type": "hello", "ticket": session.ticket(Ticket::Enter)}),
        json!({"type": "hello", "ticket": session.ticket(Ticket::Viewer(session.agent.clone()))}),
        json!({"type": "hello", "ticket": session.panel_token()}),
        json!({"type": "hello", "token": session.ticket(Ticket::Panel)}),
        json!({"type": "hello", "token": swapped}),
        json!({"type": "end"}),
    ] {
        let mut panel = stage.panel().await;
        panel.say(hello.clone()).await;
        assert_eq!(panel.next().await.unwrap()["error"]["code"], "bad_ticket", "{hello}");
        assert_eq!(panel.next().await, None);
    }
    assert!(!session.is_over() && !other.is_over());
}

#[tokio::test]
async fn what_is_no_message_of_the_panel_closes_its_socket() {
    let stage = Stage::set().await;
    let session = stage.waiting();
    for said in [json!({"type": "level", "level": "root"}), json!({"type": "pin", "x": 1}), json!([1])] {
        let mut panel = stage.panel().await;
        panel.say(json!({"type": "hello", "token": session.panel_token()})).await;
        panel.until(|message| message["type"] == "state").await;
        panel.say(said).await;
        panel.gone().await;
    }
}

#[tokio::test]
async fn only_the_consoles_own_documents_open_a_panels_socket() {
    let stage = Stage::set().await;
    for origin in [None, Some("http://evil.localhost"), Some("null")] {
        assert!(try_connect(stage.web(), "/api/panel/socket", origin).await.is_err(), "{origin:?}");
    }
}

#[tokio::test]
async fn what_the_customer_writes_reaches_the_agent_masked_and_once() {
    let stage = Stage::set().await;
    let session = stage.active();
    let mut panel = stage.panel().await;
    panel.say(json!({"type": "hello", "token": session.panel_token()})).await;
    let ana = stage.sign_in("ana").await;
    let mut agent = stage.talk(&session, &ana).await;
    agent.say(json!({"type": "hello"})).await;
    let mut text = json!({"type": "say", "key": "k1", "text": "My card is 4539 1488 0343 6467"});
    panel.say(text.clone()).await;
    panel.say(text.clone()).await;
    text["key"] = json!("k2");
    text["text"] = json!("and that was it");
    panel.say(text).await;
    let mut read = Vec::new();
    while read.len() < 2 {
        let message = agent.until(|message| message["type"] == "said").await;
        let entries = message["entries"].as_array().unwrap();
        read.extend(entries.iter().filter(|entry| entry["by"] == "customer").map(|entry| entry["text"].clone()));
    }
    assert_eq!(read, [json!("My card is ••••••"), json!("and that was it")]);
    // The customer reads their own words, and that a part of them is hidden.
    let mine = panel.until(|message| message["entries"][0]["key"] == "k1").await;
    assert_eq!(
        (&mine["entries"][0]["text"], &mine["entries"][0]["hidden"]),
        (&json!("My card is 4539 1488 0343 6467"), &json!(true))
    );
    // Marks go the other way, and the agent's words come as they are.
    agent.say(json!({"type": "got", "delivered": 99, "read": 3})).await;
    panel.until(|message| message["type"] == "marks" && message["read"] == 3).await;
    agent.say(json!({"type": "typing"})).await;
    let typing = panel.until(|message| message["type"] == "typing").await;
    assert_eq!(typing["person"]["display"], "Ana Souza");
    agent.say(json!({"type": "say", "key": "a1", "text": "Call 0800 123 4567"})).await;
    panel.until(|message| message["entries"][0]["text"] == "Call 0800 123 4567").await;
    // Who comes back asks only for what is new.
    let mut again = stage.panel().await;
    again.say(json!({"type": "hello", "token": session.panel_token(), "after": 4})).await;
    let news = again.until(|message| message["type"] == "said").await;
    assert_eq!(news["entries"].as_array().unwrap().len(), 1, "{news}");
}

#[tokio::test]
async fn what_an_agent_asks_for_is_done_only_when_the_customer_says_yes() {
    let stage = Stage::set().await;
    let session = stage.active();
    let mut panel = stage.panel().await;
    panel.say(json!({"type": "hello", "token": session.panel_token()})).await;
    let mut agent = stage.talk(&session, &stage.sign_in("ana").await).await;
    agent.say(json!({"type": "hello"})).await;
    agent.say(json!({"type": "ask", "what": "control"})).await;
    let asked = panel.until(|message| message["request"]["what"] == "control").await;
    assert_eq!(asked["request"]["by"]["display"], "Ana Souza");
    assert_eq!(session.level(), Level::Look);
    panel.say(json!({"type": "answer", "id": asked["request"]["id"], "yes": false})).await;
    agent.until(|message| message["entries"][0]["event"] == "answered").await;
    assert_eq!(session.level(), Level::Look);
    agent.say(json!({"type": "ask", "what": "control"})).await;
    let asked = panel.until(|message| message["request"]["what"] == "control").await;
    // An answer to another question is none.
    panel.say(json!({"type": "answer", "id": 1, "yes": true})).await;
    panel.say(json!({"type": "answer", "id": asked["request"]["id"], "yes": true})).await;
    panel.until(|message| message["level"] == "control").await;
    // An address leads through Lado, and only to the company's sites.
    agent.say(json!({"type": "ask", "what": "open", "url": "https://evil.example/"})).await;
    let refused = agent.until(|message| message["type"] == "refused").await;
    assert_eq!(refused["error"]["code"], "not_allowed");
    agent.say(json!({"type": "ask", "what": "open", "url": "https://www.shop.com/help?x=1"})).await;
    let asked = panel.until(|message| message["request"]["what"] == "open").await;
    let open = asked["request"]["open"].as_str().unwrap();
    assert!(open.starts_with(&format!("http://{}-www-shop-com.view.localhost:7070/help?x=1", session.id)), "{open}");
    agent.say(json!({"type": "withdraw"})).await;
    panel.until(|message| message["type"] == "state" && message.get("request").is_none()).await;
}

#[tokio::test]
async fn a_session_is_handed_over_with_the_customers_yes_and_the_one_before_sees_nothing_more() {
    let stage = Stage::set().await;
    let session = stage.active();
    let mut panel = stage.panel().await;
    panel.say(json!({"type": "hello", "token": session.panel_token()})).await;
    let (ana, bia) = (stage.sign_in("ana").await, stage.sign_in("bia").await);
    let colleagues = stage.get("/api/colleagues", &ana).await;
    assert_eq!(colleagues.body["colleagues"][0]["display"], "Bia Lima");
    let mut viewer = stage.viewer(&session).await;
    let mut agent = stage.talk(&session, &ana).await;
    agent.say(json!({"type": "hello"})).await;
    agent.say(json!({"type": "ask", "what": "hand_over", "who": "caio"})).await;
    let refused = agent.until(|message| message["type"] == "refused").await;
    assert_eq!(refused["error"]["code"], "no_colleague", "another company's");
    agent.say(json!({"type": "ask", "what": "hand_over", "who": "bia"})).await;
    let asked = panel.until(|message| message["request"]["what"] == "hand_over").await;
    assert_eq!(asked["request"]["who"]["display"], "Bia Lima");
    let path = format!("/api/sessions/{}/viewer", session.id);
    assert_eq!(stage.post(&path, &bia, json!({})).await.code(), "no_session", "not yet");
    panel.say(json!({"type": "answer", "id": asked["request"]["id"], "yes": true})).await;
    panel.until(|message| message["agents"][0]["display"] == "Bia Lima").await;
    assert_eq!(stage.post(&path, &bia, json!({})).await.status, 200);
    assert_eq!(stage.post(&path, &ana, json!({})).await.code(), "not_active");
    let (messages, _) = viewer.rest().await;
    assert!(matches!(messages.last(), Some(ViewerMessage::Notice { notice: ViewerNotice::Ended {} })), "{messages:?}");
    agent.gone().await;
}
