//! Chat in two languages, with a translation service on a socket of its own.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Json;
use axum::extract::State;
use axum::routing::post;
use http::StatusCode;
use lado::session::Ticket;
use lado::translate::{self, LibreTranslate, Service};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::stage::Stage;

/// What the service was asked, and with what status it answers.
#[derive(Clone, Default)]
struct Asked(Arc<Mutex<Vec<Value>>>, Option<u16>);

/// Speaks LibreTranslate's API, and answers each text with its target before it.
async fn service(asked: Asked) -> SocketAddr {
    async fn translate(State(asked): State<Asked>, Json(question): Json<Value>) -> (StatusCode, Json<Value>) {
        asked.0.lock().unwrap().push(question.clone());
        if let Some(status) = asked.1 {
            return (StatusCode::from_u16(status).unwrap(), Json(json!({"error": "not today"})));
        }
        let text = question["q"].as_str().unwrap();
        let detected = if text.starts_with("Hello") { "en" } else { "pt" };
        let text = format!("[{}] {text}", question["target"].as_str().unwrap());
        let detected = json!({"confidence": 90.0, "language": detected});
        (StatusCode::OK, Json(json!({"translatedText": text, "detectedLanguage": detected})))
    }
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let routes = axum::Router::new().route("/libre/translate", post(translate)).with_state(asked);
    tokio::spawn(async move { axum::serve(listener, routes).await });
    address
}

async fn stage(asked: &Asked) -> Stage {
    let url = Service::try_from(format!("http://{}/libre/", service(asked.clone()).await)).unwrap();
    let config = translate::Config { url: Some(url), api_key: Some("key".into()), ..translate::Config::default() };
    Stage::translated(Arc::new(LibreTranslate::new(&config, &[]).unwrap().unwrap())).await
}

fn hello(language: &str) -> Value {
    json!({"type": "hello", "language": language})
}

#[tokio::test]
async fn each_reads_the_other_in_their_own_language_and_the_service_reads_nothing_private() {
    let asked = Asked::default();
    let stage = stage(&asked).await;
    let session = stage.active();
    let mut panel = stage.panel().await;
    panel.say(json!({"type": "hello", "language": "pt-BR", "ticket": session.ticket(Ticket::Panel)})).await;
    panel.until(|message| message["type"] == "state").await;
    let cookie = stage.sign_in("ana").await;
    let mut agent = stage.talk(&session, &cookie).await;
    agent.say(hello("en")).await;
    panel.say(json!({"type": "say", "key": "1", "text": "O cartão é 4539 1488 0343 6467"})).await;
    let told = agent.until(|message| message["type"] == "translated").await;
    assert_eq!(told["translation"], json!({"to": "en", "text": "[en] O cartão é ••••••", "from": "pt"}));
    agent.say(json!({"type": "say", "key": "2", "text": "Hello there"})).await;
    let told = panel.until(|message| message["type"] == "translated").await;
    assert_eq!(told["translation"]["text"], "[pt] Hello there");

    // Who comes late or reads another language from now on reads the same.
    let mut late = stage.talk(&session, &cookie).await;
    late.say(hello("en")).await;
    let said = late.until(|message| message["entries"].as_array().is_some_and(|all| all.len() > 1)).await;
    let texts: Vec<&Value> =
        said["entries"].as_array().unwrap().iter().map(|entry| &entry["translation"]["text"]).collect();
    assert!(texts.contains(&&json!("[en] O cartão é ••••••")), "{said}");
    late.say(json!({"type": "language", "language": "de"})).await;
    let told = late.until(|message| message["type"] == "translated").await;
    assert_eq!(told["translation"], json!({"to": "de", "text": "[de] O cartão é ••••••", "from": "pt"}));

    let asked = asked.0.lock().unwrap();
    assert_eq!(asked.len(), 3, "once for each message and language: {asked:?}");
    assert!(asked.iter().all(|question| !question.to_string().contains("4539") && question["api_key"] == "key"));
}

#[tokio::test]
async fn what_is_in_the_readers_language_already_stays_as_it_is() {
    let asked = Asked::default();
    let stage = stage(&asked).await;
    let session = stage.active();
    let mut panel = stage.panel().await;
    panel.say(json!({"type": "hello", "language": "en", "ticket": session.ticket(Ticket::Panel)})).await;
    let mut agent = stage.talk(&session, &stage.sign_in("ana").await).await;
    agent.say(hello("en")).await;
    agent.say(json!({"type": "say", "key": "1", "text": "Hello"})).await;
    agent.say(json!({"type": "say", "key": "2", "text": "Bom dia"})).await;
    let told = panel.until(|message| message["type"] == "translated").await;
    assert_eq!(told["translation"]["text"], "[en] Bom dia", "nothing is told of the other");
}

#[tokio::test]
async fn a_service_that_fails_leaves_the_message_as_it_was_written() {
    let asked = Asked(Arc::default(), Some(500));
    let stage = stage(&asked).await;
    let session = stage.active();
    let mut panel = stage.panel().await;
    panel.say(json!({"type": "hello", "language": "pt-BR", "ticket": session.ticket(Ticket::Panel)})).await;
    let mut agent = stage.talk(&session, &stage.sign_in("ana").await).await;
    agent.say(hello("en")).await;
    agent.say(json!({"type": "say", "key": "1", "text": "Hello"})).await;
    let said = panel.until(|message| message["type"] == "said" && message["entries"][0]["text"] == "Hello").await;
    assert_eq!(said["entries"][0]["translation"], Value::Null);
    let told = panel.until(|message| message["type"] == "translated").await;
    assert_eq!(told["translation"], json!({"to": "pt-BR"}));
    // It is not asked again and again.
    agent.say(json!({"type": "say", "key": "2", "text": "Still there"})).await;
    panel.until(|message| message["type"] == "translated").await;
    assert_eq!(asked.0.lock().unwrap().len(), 2);
}
