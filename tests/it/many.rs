//! Further viewers cost the customer's browser and the site nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use bytes::Bytes;
use futures_util::{SinkExt as _, StreamExt as _};
use http::Request;
use http_body_util::Full;
use hyper::body::Incoming;
use lado::protocol::{self, Dictionary, Op, PageCommand, PageMessage, TreeNode, VERSION, ViewerMessage};
use tokio_tungstenite::tungstenite::Message;

use crate::kit::{Running, Site, Socket, answer, text};
use crate::sessions::stage::{element, open, patiently, snapshot};
use crate::viewer::watch;

const CHANGES: u32 = 20;

/// What one session has cost.
#[derive(Debug, PartialEq, Eq)]
struct Cost {
    /// Requests that the site got.
    requests: usize,
    /// What the page was told, but for the beat of the line and for how many watch.
    told: Vec<PageCommand>,
    told_bytes: usize,
}

#[tokio::test]
async fn five_viewers_cost_the_customer_and_the_site_what_one_costs() {
    let (one, once) = watched_by(1).await;
    let (five, more) = watched_by(5).await;
    assert_eq!(one, five);
    assert_eq!(one.requests, 2, "the page and its picture");
    // The greeting, and that the snapshot and each change has arrived.
    assert_eq!(one.told.len(), 1 + 1 + CHANGES as usize, "{:?}", one.told);
    // How many watch: a number each time it changes.
    assert_eq!((once, more), (2 * 2, 6 * 2));
}

/// The story of a session with so many viewers: what it cost, and the bytes that said how many they are.
async fn watched_by(viewers: usize) -> (Cost, usize) {
    let requests = Arc::new(AtomicUsize::new(0));
    let count = requests.clone();
    let site = Site::new(move |request: Request<Incoming>| {
        count.fetch_add(1, SeqCst);
        std::future::ready(match request.uri().path() {
            "/picture.png" => answer("image/png", "a picture"),
            _ => answer("text/html", "<img src=/picture.png><p>0"),
        })
    })
    .await;
    let lado = Running::before(&[&site]).await;
    let customer = lado.customer(&site.url());
    let picture = site.url().join("/picture.png").unwrap();
    text(customer.open(&site.url()).await).await;
    text(customer.open(&picture).await).await;

    let mut page = Line::open(lado.socket(&customer.host(&site.url()), "/__lado/sync", &customer.cookie()).await);
    let url = site.url().to_string();
    page.say(&PageMessage::Hello {
        version: VERSION,
        page: "p1".into(),
        tab: "tab".into(),
        url,
        sent: 0,
        visible: true,
    })
    .await;
    let mut children = vec![open("img", &[("src", picture.as_str())]), TreeNode::End];
    children.extend(element("p", &[], "0"));
    page.batch(vec![snapshot(children)]).await;

    let mut watching = Vec::new();
    for _ in 0..viewers {
        let mut viewer = watch(&lado, &customer).await;
        until(&mut viewer, "0").await;
        watching.push(viewer);
        let host = customer.session.views.viewer_origin().replace("http://", "");
        let request =
            Request::builder().uri(customer.shows(&picture)).header("host", host).header("sec-fetch-dest", "image");
        let shown = lado.send(request.body(Full::<Bytes>::default()).unwrap()).await;
        assert_eq!(text(shown).await, "a picture");
        page.until(|command| *command == PageCommand::Watched { viewers: watching.len().try_into().unwrap() }).await;
    }
    for change in 1..=CHANGES {
        page.batch(vec![Op::SetText { node: 6, text: change.to_string() }]).await;
    }
    for viewer in &mut watching {
        until(viewer, &CHANGES.to_string()).await;
    }
    let cost = Cost { requests: requests.load(SeqCst), told: page.told, told_bytes: page.told_bytes };
    (cost, page.watched_bytes)
}

/// Waits until a viewer shows a text.
async fn until(viewer: &mut Socket, wanted: &str) {
    patiently(async {
        loop {
            let Message::Binary(bytes) = viewer.next().await.unwrap().unwrap() else { continue };
            let ViewerMessage::Ops { ops, .. } = protocol::decode(&bytes).unwrap() else { continue };
            let shows = |op: &Op| match op {
                Op::Snapshot { tree, .. } => tree.nodes.iter().any(|it| *it == TreeNode::Text(wanted.into())),
                Op::SetText { text, .. } => text == wanted,
                _ => false,
            };
            if ops.iter().any(shows) {
                return;
            }
        }
    })
    .await;
}

/// The page's end of its line.
struct Line {
    socket: Socket,
    dictionary: Dictionary,
    seq: u32,
    told: Vec<PageCommand>,
    told_bytes: usize,
    watched_bytes: usize,
}

impl Line {
    fn open(socket: Socket) -> Self {
        let dictionary = Dictionary::default();
        Self { socket, dictionary, seq: 0, told: Vec::new(), told_bytes: 0, watched_bytes: 0 }
    }

    async fn say(&mut self, message: &PageMessage) {
        let bytes = protocol::encode_with(message, &mut self.dictionary);
        self.socket.send(Message::Binary(bytes.into())).await.unwrap();
    }

    async fn batch(&mut self, ops: Vec<Op>) {
        self.seq += 1;
        let seq = self.seq;
        self.say(&PageMessage::Batch { seq, ops }).await;
        self.until(|command| *command == PageCommand::Ack { seq }).await;
    }

    async fn until(&mut self, wanted: impl Fn(&PageCommand) -> bool) {
        patiently(async {
            loop {
                let Message::Binary(bytes) = self.socket.next().await.unwrap().unwrap() else { continue };
                let command: PageCommand = protocol::decode(&bytes).unwrap();
                let found = wanted(&command);
                match command {
                    PageCommand::Beat {} => {}
                    PageCommand::Watched { .. } => self.watched_bytes += bytes.len(),
                    command => {
                        self.told_bytes += bytes.len();
                        self.told.push(command);
                    }
                }
                if found {
                    return;
                }
            }
        })
        .await;
    }
}
