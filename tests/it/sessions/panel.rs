//! The customer's panel, over its real socket.

use lado::protocol::Level;
use lado::session::{EndedBy, Ticket};
use serde_json::json;

use super::stage::{Stage, try_connect};

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
    assert_eq!(state["agents"], json!([{"display": "Ana Souza", "role": "agent"}]));
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
        assert_eq!(panel.next().await, None);
    }
}

#[tokio::test]
async fn only_the_consoles_own_documents_open_a_panels_socket() {
    let stage = Stage::set().await;
    for origin in [None, Some("http://evil.localhost"), Some("null")] {
        assert!(try_connect(stage.web(), "/api/panel/socket", origin).await.is_err(), "{origin:?}");
    }
}
