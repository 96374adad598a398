//! Frames of other origins over real sockets: where each shows, to whom, and when it does not.

use lado::hub;
use lado::protocol::{
    FrameAt, Level, Op, PageCommand, PageMessage, Refusal, Tree, TreeNode, VERSION, ViewerMessage, ViewerNotice,
    ViewerRequest,
};
use lado::session::{Session, Ticket};

use super::stage::{Page, SITE, Stage, Viewer, click, element, open, shown, snapshot, texts};

impl Stage {
    /// The agent's viewer shows what is in a frame.
    pub async fn frame_viewer(&self, session: &Session, page: u32) -> Viewer {
        let ticket = session.ticket(Ticket::Viewer(session.agent.clone()));
        let mut viewer = self.silent_viewer(session).await;
        viewer.ask(&ViewerRequest::Enter { version: VERSION, ticket, page }).await;
        viewer
    }

    /// A document in a frame of another origin, and the nonce that it is to say.
    pub async fn frame(&self, session: &Session, name: &str) -> (Page, String) {
        let mut page = self.silent_page(session).await;
        page.hello_in("", name, 0).await;
        let PageCommand::Frame { nonce } = page.until(|command| matches!(command, PageCommand::Frame { .. })).await
        else {
            unreachable!()
        };
        (page, nonce)
    }
}

impl Viewer {
    /// The frames of its page that show, as the viewer is told of them next.
    pub async fn frames(&mut self) -> Vec<FrameAt> {
        match self.notice(|notice| matches!(notice, ViewerNotice::Frames { .. })).await {
            ViewerNotice::Frames { frames } => frames,
            _ => unreachable!(),
        }
    }
}

/// In [`snapshot`] the frame is node 4.
fn framing(attrs: &[(&str, &str)]) -> Op {
    snapshot(vec![open("iframe", attrs), TreeNode::End])
}

fn framed(nonce: &str) -> Op {
    Op::Framed { node: 4, nonce: nonce.to_owned() }
}

/// Opens what the viewer has just been told of.
async fn look_into(stage: &Stage, session: &Session, viewer: &mut Viewer) -> (u32, Viewer, String) {
    let frames = viewer.frames().await;
    let [FrameAt { page, .. }] = frames[..] else { panic!("{frames:?}") };
    let mut inside = stage.frame_viewer(session, page).await;
    let ops = shown(&mut inside).await;
    (page, inside, texts(&ops))
}

async fn told(page: &mut Page, ops: Vec<Op>) {
    page.batch(ops).await;
    page.acked().await;
}

#[tokio::test]
async fn a_frame_shows_where_the_page_around_it_has_heard_its_nonce() {
    let stage = Stage::set().await;
    let session = stage.active();
    let mut page = stage.page(&session, "p1").await;
    told(&mut page, vec![framing(&[])]).await;
    let mut viewer = stage.viewer(&session).await;
    shown(&mut viewer).await;
    let (mut inner, nonce) = stage.frame(&session, "f1").await;
    told(&mut inner, vec![snapshot(element("p", &[], "inside"))]).await;
    told(&mut page, vec![framed(&nonce)]).await;

    let (number, mut inside, text) = look_into(&stage, &session, &mut viewer).await;
    assert!(text.contains("inside"));
    told(&mut inner, vec![Op::SetText { node: 5, text: "live".into() }]).await;
    assert!(texts(&inside.ops().await).contains("live"));

    // It is no tab, and nobody's page in front; one person watches, on however many lines.
    viewer.ask(&ViewerRequest::Watch { tab: Some(number) }).await;
    viewer.tabs(&["Carrinho"], "Carrinho", true).await;
    assert_eq!(session.state().watching.len(), 1);

    // A late viewer is told at once.
    let mut late = stage.viewer(&session).await;
    assert_eq!(late.frames().await, [FrameAt { node: 4, page: number }]);

    // The page is told anew under other ids, and says again where the frame is.
    let Op::Snapshot { url, base_url, title, viewport, .. } = framing(&[]) else { unreachable!() };
    let again = Op::Snapshot {
        epoch: 2,
        base: 20,
        url,
        base_url,
        title,
        quirks: false,
        viewport,
        scroll_x: 0,
        scroll_y: 0,
        tree: Tree {
            nodes: [open("html", &[]), open("body", &[]), open("iframe", &[])]
                .into_iter()
                .chain([TreeNode::End, TreeNode::End, TreeNode::End])
                .collect(),
        },
    };
    told(&mut page, vec![again, Op::Framed { node: 22, nonce }]).await;
    assert_eq!(viewer.frames().await, [FrameAt { node: 22, page: number }]);

    // The frame's element goes, and with it what it showed.
    told(&mut page, vec![Op::Remove { nodes: vec![22] }]).await;
    assert_eq!(viewer.frames().await, []);
    inside.notice(|notice| *notice == ViewerNotice::NoPage {}).await;
}

#[tokio::test]
async fn a_nonce_is_good_for_one_page_of_its_own_session() {
    let stage = Stage::set().await;
    let (session, other) = (stage.active(), stage.active());
    let mut viewers = Vec::new();
    let mut pages = Vec::new();
    for session in [&session, &other] {
        let mut page = stage.page(session, "p1").await;
        told(&mut page, vec![framing(&[])]).await;
        let mut viewer = stage.viewer(session).await;
        shown(&mut viewer).await;
        pages.push(page);
        viewers.push(viewer);
    }
    let (mut inner, nonce) = stage.frame(&session, "f1").await;
    told(&mut inner, vec![snapshot(element("p", &[], "inside"))]).await;

    // Made up, and another session's.
    told(&mut pages[0], vec![framed("made up"), framed(&"x".repeat(10_000))]).await;
    told(&mut pages[1], vec![framed(&nonce)]).await;
    // The first page of its own that says it has it; a frame that says it of itself is nowhere.
    told(&mut pages[0], vec![framed(&nonce)]).await;
    let (number, ..) = look_into(&stage, &session, &mut viewers[0]).await;
    let mut second = stage.silent_page(&session).await;
    second.hello_in("another tab", "p2", 0).await;
    told(&mut second, vec![framing(&[]), framed(&nonce)]).await;
    let told_of = viewers[0].notice(|notice| {
        assert!(!matches!(notice, ViewerNotice::Frames { frames } if !frames.is_empty()), "{notice:?}");
        matches!(notice, ViewerNotice::Tabs { tabs, .. } if tabs.len() == 2)
    });
    told_of.await;
    // Nothing of it was told to the other session's.
    assert!(!String::from_utf8_lossy(&viewers[1].bytes).contains("inside"));
    let mut spy = stage.frame_viewer(&other, number).await;
    spy.notice(|notice| *notice == ViewerNotice::NoPage {}).await;
    viewers[1].ask(&ViewerRequest::Resync {}).await;
    shown(&mut viewers[1]).await;
}

#[tokio::test]
async fn a_frame_in_itself_and_frames_in_a_circle_show_nowhere() {
    let stage = Stage::set().await;
    let session = stage.active();
    let mut page = stage.page(&session, "p1").await;
    told(&mut page, vec![framing(&[])]).await;
    let mut viewer = stage.viewer(&session).await;
    shown(&mut viewer).await;
    let (mut one, of_one) = stage.frame(&session, "f1").await;
    let (mut two, of_two) = stage.frame(&session, "f2").await;
    let (mut own, of_own) = stage.frame(&session, "f3").await;
    told(&mut one, vec![framing(&[]), framed(&of_two)]).await;
    told(&mut two, vec![framing(&[]), framed(&of_one)]).await;
    told(&mut own, vec![framing(&[]), framed(&of_own)]).await;
    for nonce in [of_one, of_two, of_own] {
        told(&mut page, vec![framed(&nonce)]).await;
    }
    viewer.ask(&ViewerRequest::Resync {}).await;
    loop {
        match viewer.next().await {
            ViewerMessage::Ops { .. } => break,
            ViewerMessage::Notice { notice } => {
                assert!(!matches!(notice, ViewerNotice::Frames { .. }), "{notice:?}");
            }
        }
    }
}

#[tokio::test]
async fn what_is_in_a_masked_frame_is_nobodys_and_what_is_masked_later_is_taken_back() {
    let stage = Stage::set().await;
    let session = stage.active();
    let mut page = stage.page(&session, "p1").await;
    let (mut inner, nonce) = stage.frame(&session, "f1").await;
    told(&mut inner, vec![snapshot(element("p", &[], "inside"))]).await;
    told(&mut page, vec![framing(&[("data-lado-mask", "")]), framed(&nonce)]).await;
    let mut viewer = stage.viewer(&session).await;
    shown(&mut viewer).await;
    // Numbers are guessed easily.
    for number in 1..5 {
        let mut spy = stage.frame_viewer(&session, number).await;
        spy.notice(|notice| *notice == ViewerNotice::NoPage {}).await;
        assert!(!String::from_utf8_lossy(&spy.bytes).contains("inside"));
    }

    // Shown, and then hidden by the customer.
    told(&mut page, vec![framing(&[]), framed(&nonce)]).await;
    let (_, mut inside, text) = look_into(&stage, &session, &mut viewer).await;
    assert!(text.contains("inside"));
    page.say(&PageMessage::Hide { node: 4 }).await;
    assert_eq!(viewer.frames().await, []);
    inside.notice(|notice| *notice == ViewerNotice::NoPage {}).await;
    told(&mut inner, vec![Op::SetText { node: 5, text: "later".into() }]).await;
    inside.ask(&ViewerRequest::Resync {}).await;
    inside.notice(|notice| *notice == ViewerNotice::NoPage {}).await;
    assert!(!String::from_utf8_lossy(&inside.bytes).contains("later"));
}

#[tokio::test]
async fn a_pause_blanks_frames_too() {
    let stage = Stage::set().await;
    let session = stage.active();
    let mut page = stage.page(&session, "p1").await;
    let (mut inner, nonce) = stage.frame(&session, "f1").await;
    told(&mut inner, vec![snapshot(element("p", &[], "inside"))]).await;
    told(&mut page, vec![framing(&[]), framed(&nonce)]).await;
    let mut viewer = stage.viewer(&session).await;
    let (number, mut inside, _) = look_into(&stage, &session, &mut viewer).await;
    stage.hubs.of(&session).unwrap().pause(true);
    inside.notice(|notice| *notice == ViewerNotice::NoPage {}).await;
    assert_eq!(viewer.frames().await, []);
    let mut spy = stage.frame_viewer(&session, number).await;
    spy.notice(|notice| *notice == ViewerNotice::NoPage {}).await;
    assert!(!String::from_utf8_lossy(&spy.bytes).contains("inside"));
    stage.hubs.of(&session).unwrap().pause(false);
    assert_eq!(viewer.frames().await.len(), 1);
    assert!(texts(&shown(&mut inside).await).contains("inside"));
}

#[tokio::test]
async fn the_agent_acts_in_a_frame_as_far_as_its_locks_and_those_around_it_allow() {
    let stage = Stage::set().await;
    let session = stage.active();
    let mut page = stage.page(&session, "p1").await;
    let (mut inner, nonce) = stage.frame(&session, "f1").await;
    let mut children = element("button", &[], "Comprar agora");
    children.extend(element("button", &[], "Ver mais"));
    told(&mut inner, vec![snapshot(children)]).await;
    told(&mut page, vec![framing(&[]), framed(&nonce)]).await;
    let mut viewer = stage.viewer(&session).await;
    let (_, mut inside, _) = look_into(&stage, &session, &mut viewer).await;
    inside.ask(&ViewerRequest::Act { id: 1, action: click(6) }).await;
    assert_eq!(inside.answer(1).await.0, Some(Refusal::NotAllowed));
    stage.set_level(&session, Level::Control);
    inside.ask(&ViewerRequest::Act { id: 2, action: click(4) }).await;
    assert_eq!(inside.answer(2).await.0, Some(Refusal::Locked));
    inside.ask(&ViewerRequest::Act { id: 3, action: click(6) }).await;
    let act = inner.until(|command| matches!(command, PageCommand::Act { .. })).await;
    let PageCommand::Act { id, action } = act else { unreachable!() };
    assert_eq!(action, click(6));
    inner.say(&PageMessage::Done { id, refusal: None }).await;
    assert_eq!(inside.answer(3).await.0, None);

    // What is around the frame is locked: so is everything in it.
    told(&mut page, vec![Op::SetAttr { node: 4, name: "data-lado-lock".into(), value: Some("x".into()) }]).await;
    let lock = Op::SetAttr { node: 4, name: "aria-label".into(), value: Some("Comprar agora".into()) };
    let role = Op::SetAttr { node: 4, name: "role".into(), value: Some("button".into()) };
    told(&mut page, vec![lock, role]).await;
    inside.ask(&ViewerRequest::Act { id: 4, action: click(6) }).await;
    assert_eq!(inside.answer(4).await.0, Some(Refusal::Locked));
}

#[tokio::test]
async fn frames_are_bounded_and_push_no_page_out() {
    let stage = Stage::with(hub::Config { max_frames: 2, max_pages: 1, ..hub::Config::default() }).await;
    let session = stage.active();
    let mut page = stage.page(&session, "p1").await;
    told(&mut page, vec![framing(&[])]).await;
    let (one, _) = stage.frame(&session, "f1").await;
    let _two = stage.frame(&session, "f2").await;
    let mut third = stage.silent_page(&session).await;
    let hello = PageMessage::Hello {
        version: VERSION,
        page: "f3".into(),
        tab: String::new(),
        url: SITE.into(),
        sent: 0,
        visible: true,
    };
    third.say(&hello).await;
    assert_eq!(third.rest().await.1, Some(4008));
    // One that has lost its socket makes room.
    drop(one);
    loop {
        let mut again = stage.silent_page(&session).await;
        again.say(&hello).await;
        let next = tokio::time::timeout(std::time::Duration::from_secs(5), again.try_next()).await.unwrap();
        if next.is_some() {
            break;
        }
    }
    let mut viewer = stage.viewer(&session).await;
    assert!(texts(&shown(&mut viewer).await).contains("iframe"));
}
