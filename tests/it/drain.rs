//! Lado is told to stop: everybody who holds a socket hears it, and when to be back.

use futures_util::{SinkExt as _, StreamExt as _};
use http::Request;
use hyper::body::Incoming;
use lado::protocol::{self, Dictionary, PageCommand, PageMessage, VERSION, ViewerMessage, ViewerNotice, ViewerRequest};
use lado::respond;
use lado::session::Ticket;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use crate::agent::{sign_in, two_companies};
use crate::kit::{Customer, Running, Site, Socket, answer};
use crate::sessions::stage::patiently;

/// What comes on a socket until its end, and the code it ends with: one second, and "service restart".
async fn rest(mut socket: Socket) -> (Vec<Message>, Option<u16>) {
    let mut messages = Vec::new();
    patiently(async {
        loop {
            match socket.next().await {
                Some(Ok(Message::Close(frame))) => return (messages, frame.map(|frame| frame.code.into())),
                Some(Ok(message)) => messages.push(message),
                Some(Err(_)) | None => return (messages, None),
            }
        }
    })
    .await
}

async fn hear<T>(socket: &mut Socket, wanted: impl Fn(&Message) -> Option<T>) -> T {
    patiently(async {
        loop {
            let message = socket.next().await.expect("the socket was closed").unwrap();
            if let Some(found) = wanted(&message) {
                return found;
            }
        }
    })
    .await
}

fn json_of(message: &Message) -> Option<Value> {
    message.to_text().ok().and_then(|text| serde_json::from_str(text).ok())
}

async fn say_hello_as_page(socket: &mut Socket, name: &str) {
    let hello = PageMessage::Hello {
        version: VERSION,
        page: name.into(),
        tab: "tab".into(),
        url: "http://shop.test/".into(),
        sent: 0,
        visible: true,
    };
    let bytes = protocol::encode_with(&hello, &mut Dictionary::default());
    socket.send(Message::Binary(bytes.into())).await.unwrap();
}

async fn say_hello_as_viewer(socket: &mut Socket, customer: &Customer<'_>) {
    let ticket = customer.session.ticket(Ticket::Viewer(customer.session.agent.clone()));
    let hello = protocol::encode(&ViewerRequest::Hello { version: VERSION, ticket });
    socket.send(Message::binary(hello)).await.unwrap();
}

fn page_is_called_back(messages: &[Message]) -> bool {
    let commands = messages.iter().filter(|message| message.is_binary());
    let mut commands = commands.map(|message| protocol::decode::<PageCommand>(&message.clone().into_data()).unwrap());
    commands.any(|command| command == PageCommand::Reconnect { after: 1000 })
}

fn viewer_is_called_back(messages: &[Message]) -> bool {
    let notices = messages.iter().filter(|message| message.is_binary());
    let mut notices = notices.map(|message| protocol::decode::<ViewerMessage>(&message.clone().into_data()).unwrap());
    notices.any(|message| message == ViewerMessage::Notice { notice: ViewerNotice::Reconnect { after: 1000 } })
}

/// A site with a socket that stays open and says nothing.
async fn site() -> Site {
    Site::new(|mut request: Request<Incoming>| async move {
        if !respond::is_websocket(&request) {
            return answer("text/html", "<p>shop");
        }
        let (response, socket) = respond::websocket(&mut request).unwrap();
        tokio::spawn(async move {
            let mut socket = socket.await.unwrap();
            socket.send(Message::text("hello")).await.unwrap();
            while let Some(Ok(_)) = socket.next().await {}
        });
        response
    })
    .await
}

#[tokio::test]
async fn every_socket_is_told_to_come_back_when_lado_stops() {
    let site = site().await;
    let lado = two_companies(&site).await;
    let customer = lado.customer(&site.url());
    customer.session.update(|state| {
        state.phase = lado::session::Phase::Active;
        true
    });
    let (view, cookie) = (customer.host(&site.url()), customer.cookie());
    let viewer_host = customer.session.views.viewer_origin().replace("http://", "");
    let console = format!("lado.localhost:{}", lado.address.port());

    let mut page = lado.socket(&view, "/__lado/sync", &cookie).await;
    say_hello_as_page(&mut page, "p1").await;
    hear(&mut page, |message| message.is_binary().then_some(())).await;
    let mut late_page = lado.socket(&view, "/__lado/sync", &cookie).await;

    let mut viewer = lado.socket(&viewer_host, "/__lado/watch", "").await;
    say_hello_as_viewer(&mut viewer, &customer).await;
    hear(&mut viewer, |message| message.is_binary().then_some(())).await;
    let mut late_viewer = lado.socket(&viewer_host, "/__lado/watch", "").await;

    let hello = json!({"type": "hello", "token": customer.session.panel_token()}).to_string();
    let mut panel = lado.socket(&console, "/api/panel/socket", "").await;
    panel.send(Message::text(hello)).await.unwrap();
    hear(&mut panel, |message| json_of(message).filter(|message| message["type"] == "state")).await;
    // One that has said nothing yet hears it, too.
    let silent_panel = lado.socket(&console, "/api/panel/socket", "").await;

    let ana = sign_in(&lado, "ana").await;
    let mut talk = lado.socket(&console, &format!("/api/sessions/{}/talk", customer.session.id), &ana).await;
    talk.send(Message::text(r#"{"type":"hello"}"#)).await.unwrap();
    hear(&mut talk, |message| json_of(message).filter(|message| message["type"] == "marks")).await;

    let mut of_the_site = lado.socket(&view, "/chat", &cookie).await;
    hear(&mut of_the_site, |message| message.to_text().is_ok_and(|text| text == "hello").then_some(())).await;

    lado.stop();
    let (messages, _) = rest(page).await;
    assert!(page_is_called_back(&messages), "the page: {messages:?}");
    let (messages, _) = rest(viewer).await;
    assert!(viewer_is_called_back(&messages), "the viewer: {messages:?}");
    for (who, socket) in [("the panel", panel), ("a panel that is silent", silent_panel), ("the talk", talk)] {
        let (messages, code) = rest(socket).await;
        let last = messages.iter().filter_map(json_of).last();
        assert_eq!((last, code), (Some(json!({"type": "reconnect", "after": 1000})), Some(1012)), "{who}");
    }
    assert_eq!(rest(of_the_site).await.1, Some(1012), "the site's own socket");

    // Their greeting was on its way.
    say_hello_as_page(&mut late_page, "p2").await;
    let (messages, _) = rest(late_page).await;
    assert!(page_is_called_back(&messages), "the late page: {messages:?}");
    say_hello_as_viewer(&mut late_viewer, &customer).await;
    let (messages, _) = rest(late_viewer).await;
    assert!(viewer_is_called_back(&messages), "the late viewer: {messages:?}");
    drop(customer);
    patiently(lado.ended()).await;
}

#[tokio::test]
async fn a_sites_own_socket_closes_in_order_when_the_session_ends() {
    let site = site().await;
    let lado = Running::before(&[&site]).await;
    let customer = lado.customer(&site.url());
    let mut socket = lado.socket(&customer.host(&site.url()), "/chat", &customer.cookie()).await;
    hear(&mut socket, |message| message.to_text().is_ok_and(|text| text == "hello").then_some(())).await;
    lado.lado.sessions.end(&customer.session, lado::session::EndedBy::Customer);
    assert_eq!(rest(socket).await.1, Some(1001));
}
