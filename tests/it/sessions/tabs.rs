//! Several tabs of one customer: what viewers are told of them, and which each shows.

use lado::protocol::{
    Action, Button, Level, MASK, Op, PageCommand, PageMessage, ViewerMessage, ViewerNotice, ViewerRequest,
};
use lado::session::Session;

use super::stage::{Page, Stage, Viewer, element, snapshot};

/// A tab of the customer's with a page of this title, which is also its text.
async fn tab(stage: &Stage, session: &Session, tab: &str, title: &str) -> Page {
    let mut page = stage.silent_page(session).await;
    page.hello_in(tab, title, 0).await;
    page.batch(vec![snapshot(element("button", &[], title)), Op::SetTitle { title: title.into() }]).await;
    page.acked().await;
    page
}

/// Until the viewer has been told of these tabs and has been sent the page that shows.
async fn turned(viewer: &mut Viewer, wanted: &[&str], shows: &str, follow: bool) -> Vec<u32> {
    let (mut told, mut page) = (None, String::new());
    loop {
        if let Some(tabs) = told.clone().filter(|_| page.contains(shows)) {
            viewer.breathe().await;
            return tabs;
        }
        match viewer.next().await {
            ViewerMessage::Notice { notice: ViewerNotice::Tabs { tabs, shown, follows } } => {
                let titles: Vec<_> = tabs.iter().map(|tab| tab.title.as_str()).collect();
                let title = tabs.iter().find(|tab| tab.id == shown).map_or("", |tab| tab.title.as_str());
                let good = titles == wanted && title == shows && follows == follow;
                told = good.then(|| tabs.iter().map(|tab| tab.id).collect());
            }
            ViewerMessage::Ops { ops, .. } => page = format!("{ops:?}"),
            ViewerMessage::Notice { .. } => {}
        }
    }
}

#[tokio::test]
async fn a_new_tab_joins_the_strip_and_the_viewer_goes_where_the_customer_goes() {
    let stage = Stage::set().await;
    let session = stage.active();
    let mut one = tab(&stage, &session, "t1", "Carrinho").await;
    let mut viewer = stage.viewer(&session).await;
    turned(&mut viewer, &["Carrinho"], "Carrinho", true).await;
    let two = tab(&stage, &session, "t2", "Ajuda").await;
    let ids = turned(&mut viewer, &["Carrinho", "Ajuda"], "Ajuda", true).await;
    one.say(&PageMessage::Visible { visible: true }).await;
    assert_eq!(turned(&mut viewer, &["Carrinho", "Ajuda"], "Carrinho", true).await, ids);
    // The customer closes it.
    drop(two);
    viewer.tabs(&["Carrinho"], "Carrinho", true).await;
    assert_eq!(session.state().page.map(|page| page.title).as_deref(), Some("Carrinho"));
}

#[tokio::test]
async fn an_agent_stays_on_a_tab_whatever_the_customer_does_until_it_closes() {
    let stage = Stage::set().await;
    let session = stage.active();
    stage.set_level(&session, Level::Control);
    let mut one = tab(&stage, &session, "t1", "Carrinho").await;
    let mut two = tab(&stage, &session, "t2", "Ajuda").await;
    let mut viewer = stage.viewer(&session).await;
    let mut other = stage.viewer(&session).await;
    let ids = turned(&mut viewer, &["Carrinho", "Ajuda"], "Ajuda", true).await;
    turned(&mut other, &["Carrinho", "Ajuda"], "Ajuda", true).await;
    viewer.ask(&ViewerRequest::Watch { tab: Some(ids[0]) }).await;
    turned(&mut viewer, &["Carrinho", "Ajuda"], "Carrinho", false).await;

    // Each viewer gets the changes of its own tab, and acts on it.
    two.batch(vec![Op::SetText { node: 5, text: "só aqui".into() }]).await;
    one.batch(vec![Op::SetText { node: 5, text: "só ali".into() }]).await;
    assert!(format!("{:?}", viewer.ops().await).contains("só ali"));
    assert!(format!("{:?}", other.ops().await).contains("só aqui"));
    let action = Action::Click { node: 4, x: 500, y: 500, button: Button::Left, count: 1 };
    viewer.ask(&ViewerRequest::Act { id: 1, action: action.clone() }).await;
    one.until(|command| matches!(command, PageCommand::Act { .. })).await;
    other.ask(&ViewerRequest::Act { id: 1, action }).await;
    two.until(|command| matches!(command, PageCommand::Act { .. })).await;

    // The tab's next page is still the tab, also in the background.
    drop(one);
    let mut next = stage.silent_page(&session).await;
    next.hello_in("t1", "p3", 0).await;
    next.say(&PageMessage::Visible { visible: false }).await;
    next.batch(vec![snapshot(element("p", &[], "Pagamento")), Op::SetTitle { title: "Pagamento".into() }]).await;
    assert_eq!(turned(&mut viewer, &["Pagamento", "Ajuda"], "Pagamento", false).await, ids);
    two.say(&PageMessage::Visible { visible: true }).await;

    viewer.ask(&ViewerRequest::Watch { tab: None }).await;
    turned(&mut viewer, &["Pagamento", "Ajuda"], "Ajuda", true).await;
    viewer.ask(&ViewerRequest::Watch { tab: Some(ids[0]) }).await;
    turned(&mut viewer, &["Pagamento", "Ajuda"], "Pagamento", false).await;
    drop(next);
    turned(&mut viewer, &["Ajuda"], "Ajuda", true).await;
    viewer.ask(&ViewerRequest::Watch { tab: Some(4711) }).await;
    viewer.tabs(&["Ajuda"], "Ajuda", true).await;
}

#[tokio::test]
async fn titles_of_tabs_are_masked_and_a_blanked_view_tells_none() {
    let stage = Stage::set().await;
    let session = stage.active();
    let _one = tab(&stage, &session, "t1", "Cartão 4111 1111 1111 1111").await;
    let _two = tab(&stage, &session, "t2", "Ajuda").await;
    let mut viewer = stage.viewer(&session).await;
    let masked = format!("Cartão {MASK}");
    viewer.tabs(&[&masked, "Ajuda"], "Ajuda", true).await;
    stage.hubs.of(&session).unwrap().pause(true);
    viewer.tabs(&[], "", true).await;
    stage.hubs.of(&session).unwrap().pause(false);
    viewer.tabs(&[&masked, "Ajuda"], "Ajuda", true).await;
    assert!(!viewer.bytes.windows(4).any(|window| window == b"4111"));
}
