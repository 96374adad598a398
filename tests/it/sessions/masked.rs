//! What agents may know of a page, over real sockets, whatever the page sends.

use lado::protocol::{
    Level, MASK, Op, PageCommand, PageMessage, Refusal, Tree, TreeNode, VERSION, ViewerNotice, ViewerRequest,
};
use lado::session::EndedBy;

use super::stage::{SITE, Stage, click, contains, element, open, shown, snapshot, text, texts};

const CARD: &str = "4111 1111 1111 1111";

#[tokio::test]
async fn a_viewer_that_joins_late_gets_the_page_masked() {
    let stage = Stage::set().await;
    let session = stage.active();
    let mut page = stage.page(&session, "p1").await;
    let mut children = element("p", &[], "Olá, Maria");
    children.extend([open("input", &[("type", "password"), ("value", "hunter2")]), TreeNode::End]);
    page.batch(vec![snapshot(children)]).await;
    page.batch(vec![Op::SetText { node: 5, text: "Tudo bem?".into() }]).await;
    page.acked().await;
    let mut viewer = stage.viewer(&session).await;
    viewer.notice(|notice| *notice == ViewerNotice::Welcome { version: VERSION, level: Level::Look }).await;
    let seen = texts(&viewer.ops().await);
    assert!(seen.contains("Tudo bem?") && !seen.contains("Maria"), "{seen}");
    assert!(seen.contains(MASK) && !seen.contains("hunter2"), "{seen}");
}

#[tokio::test]
async fn what_a_hostile_page_sends_unmasked_never_reaches_a_viewer() {
    let stage = Stage::set().await;
    let session = stage.active();
    let mut viewer = stage.viewer(&session).await;
    let mut page = stage.page(&session, "p1").await;
    let mut children = element("p", &[("title", CARD), ("data-card", "4111111111111111")], &format!("card {CARD}."));
    children.extend([open("input", &[("type", "password"), ("value", "hunter2")]), TreeNode::End]);
    children.extend([open("input", &[("autocomplete", "cc-number"), ("value", CARD)]), TreeNode::End]);
    page.batch(vec![snapshot(children)]).await;
    page.batch(vec![Op::SetText { node: 5, text: "4111-1111-1111-1111".into() }]).await;
    page.batch(vec![Op::SetValue { node: 6, value: "hunter2".into() }]).await;
    page.batch(vec![Op::SetValue { node: 7, value: "4111111111111111".into() }]).await;
    page.batch(vec![Op::SetTitle { title: format!("Paid with {CARD}") }]).await;
    page.batch(vec![Op::SetUrl { url: format!("{SITE}/pay/4111111111111111?card=4111111111111111") }]).await;
    page.batch(vec![Op::Insert {
        parent: 3,
        prev: 0,
        base: 100,
        tree: Tree { nodes: vec![open("b", &[]), text("41111111"), TreeNode::End, text("11111111")] },
    }])
    .await;
    page.acked().await;
    viewer.breathe().await;
    let mut late = stage.viewer(&session).await;
    late.ops().await;
    late.breathe().await;
    for (who, bytes) in [("early", &viewer.bytes), ("late", &late.bytes)] {
        let digits: Vec<u8> = bytes.iter().copied().filter(u8::is_ascii_digit).collect();
        assert!(!contains(&digits, "4111111111111111"), "{who}");
        assert!(!contains(bytes, "hunter2"), "{who}");
        assert!(contains(bytes, MASK), "{who}");
    }
    let listed = format!("{:?}", session.state().page);
    assert!(!listed.replace([' ', '-'], "").contains("4111111111111111"), "{listed}");
}

#[tokio::test]
async fn a_page_cannot_pass_for_another_site() {
    let stage = Stage::set().await;
    let session = stage.active();
    let mut page = stage.page(&session, "p1").await;
    let Op::Snapshot { epoch, base, title, quirks, viewport, tree, .. } = snapshot(element("p", &[], "x")) else {
        unreachable!()
    };
    let url = "https://bank.example/login".to_owned();
    let base_url = url.clone();
    page.batch(vec![Op::Snapshot {
        epoch,
        base,
        url,
        base_url,
        title,
        quirks,
        viewport,
        scroll_x: 0,
        scroll_y: 0,
        tree,
    }])
    .await;
    page.acked().await;
    assert_eq!(session.state().page.unwrap().url, format!("{SITE}/login"));
}

#[tokio::test]
async fn a_pause_blanks_what_agents_see_and_refuses_what_they_ask() {
    let stage = Stage::set().await;
    let session = stage.active();
    stage.set_level(&session, Level::Control);
    let mut page = stage.page(&session, "p1").await;
    page.batch(vec![snapshot(element("button", &[], "Ver mais"))]).await;
    page.acked().await;
    let mut viewer = stage.viewer(&session).await;
    shown(&mut viewer).await;
    page.say(&PageMessage::Pause {}).await;
    viewer.notice(|notice| *notice == ViewerNotice::Paused { paused: true }).await;
    let blank = shown(&mut viewer).await;
    assert!(!texts(&blank).contains("Ver mais") && !texts(&blank).contains("shop.com"), "{blank:?}");
    assert_eq!(session.state().page, None, "lists of sessions say nothing of the page either");
    page.until(|command| *command == PageCommand::Paused { paused: true }).await;
    viewer.ask(&ViewerRequest::Act { id: 1, action: click(4) }).await;
    assert_eq!(viewer.answer(1).await.0, Some(Refusal::Paused));
    // What happens meanwhile is kept from everybody, from those who come now, too.
    page.batch(vec![Op::SetText { node: 5, text: "Zx81secret".into() }]).await;
    page.acked().await;
    let mut late = stage.viewer(&session).await;
    late.notice(|notice| *notice == ViewerNotice::Paused { paused: true }).await;
    late.breathe().await;
    viewer.breathe().await;
    assert!(!contains(&viewer.bytes, "Zx81secret") && !contains(&late.bytes, "Zx81secret"));
    // A page's script cannot end it; the panel can.
    page.say(&PageMessage::Pause {}).await;
    page.batch(vec![Op::SetTitle { title: "Loja".into() }]).await;
    page.acked().await;
    assert!(session.is_paused());
    stage.hubs.of(&session).unwrap().pause(false);
    assert!(texts(&shown(&mut viewer).await).contains("Zx81secret"));
    viewer.ask(&ViewerRequest::Act { id: 2, action: click(4) }).await;
    page.until(|command| matches!(command, PageCommand::Act { .. })).await;
}

#[tokio::test]
async fn what_the_customer_hides_by_hand_is_taken_back_and_stays_hidden() {
    let stage = Stage::set().await;
    let session = stage.active();
    let mut page = stage.page(&session, "p1").await;
    let mut children = element("p", &[("title", "Zx81secret")], "Zx81secret");
    children.extend(element("p", &[], "plain"));
    page.batch(vec![snapshot(children)]).await;
    page.acked().await;
    let mut viewer = stage.viewer(&session).await;
    shown(&mut viewer).await;
    page.say(&PageMessage::Hide { node: 5 }).await;
    page.batch(vec![Op::SetText { node: 5, text: "Zx82secret".into() }]).await;
    page.acked().await;
    let hidden = texts(&viewer.ops().await);
    assert!(hidden.contains("Remove") && hidden.contains(MASK) && !hidden.contains("secret"), "{hidden}");
    let mut late = stage.viewer(&session).await;
    let seen = texts(&late.ops().await);
    assert!(seen.contains("plain") && !seen.contains("secret"), "{seen}");
    viewer.breathe().await;
    assert!(!contains(&viewer.bytes, "Zx82secret"));
}

#[tokio::test]
async fn what_is_typed_into_a_masked_field_is_hidden_on_every_later_page() {
    let stage = Stage::set().await;
    let session = stage.active();
    let mut viewer = stage.viewer(&session).await;
    let mut page = stage.page(&session, "p1").await;
    let mut children = vec![open("input", &[("type", "password")]), TreeNode::End];
    children.extend(element("p", &[], "Azul-77 do Mar was here before"));
    page.batch(vec![snapshot(children)]).await;
    page.acked().await;
    shown(&mut viewer).await;
    for value in ["Azul", "Azul-77 do", "Azul-77 do Mar"] {
        page.say(&PageMessage::Secret { field: 4, value: value.into(), done: value.ends_with("Mar") }).await;
    }
    page.batch(vec![Op::SetTitle { title: "azul 77 do mar".into() }]).await;
    page.acked().await;
    let taken = texts(&viewer.ops().await);
    assert!(taken.contains("was here before") && !taken.contains("Azul"), "{taken}");
    let mut next = stage.page(&session, "p2").await;
    next.batch(vec![snapshot(element("p", &[("title", "AZUL77DOMAR")], "your password: Ａzul-77 do Mar!"))]).await;
    next.acked().await;
    let later = texts(&shown(&mut viewer).await);
    assert!(later.contains("your password") && !later.to_lowercase().contains("mar!"), "{later}");
    assert!(!later.contains("AZUL77DOMAR"), "{later}");
    let state = format!("{:?}", session.state().page);
    assert!(!state.contains("azul"), "{state}");
}

#[tokio::test]
async fn rules_that_change_during_a_session_hold_at_once_and_a_mistake_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("sol.toml");
    std::fs::write(&file, "").unwrap();
    let stage = Stage::ruled(&file).await;
    let session = stage.active();
    let mut page = stage.page(&session, "p1").await;
    page.batch(vec![snapshot(element("p", &[("class", "late")], "Zx81secret"))]).await;
    page.acked().await;
    let mut viewer = stage.viewer(&session).await;
    assert!(texts(&shown(&mut viewer).await).contains("Zx81secret"));
    let rules = &session.company.rules;
    assert_eq!(rules.refresh(), Ok(false), "nothing has changed");
    std::fs::write(&file, "[[rule]]\nid = \"late\"\naction = \"mask\"\nselector = \".late\"\n").unwrap();
    assert_eq!(rules.refresh(), Ok(true));
    stage.hubs.rules_changed(&session.company.id);
    let told = page.until(|command| matches!(command, PageCommand::Rules { .. })).await;
    assert!(format!("{told:?}").contains(".late"), "the page leaves it out itself from now on");
    let taken = texts(&viewer.ops().await);
    assert!(taken.contains(MASK) && !taken.contains("Zx81"), "{taken}");
    std::fs::write(&file, "[[rule]]\nid = \"late\"\naction = \"mask\"\nselector = \".late:hover\"\n").unwrap();
    let mistake = rules.refresh().unwrap_err().to_string();
    assert!(mistake.contains("sol.toml:4: ") && mistake.contains("only :not()"), "{mistake}");
    assert_eq!(rules.refresh(), Ok(false), "told once");
    page.batch(vec![Op::SetText { node: 5, text: "Zx82secret".into() }]).await;
    page.acked().await;
    viewer.breathe().await;
    assert!(!contains(&viewer.bytes, "Zx82secret"), "the rules before hold");
}

#[tokio::test]
async fn a_picture_that_is_masked_or_gone_is_the_agents_no_longer() {
    let stage = Stage::set().await;
    let session = stage.active();
    let mut page = stage.page(&session, "p1").await;
    let picture = |name: &str| [open("img", &[("src", name)]), TreeNode::End];
    let children = ["a.png", "b.png", "c.png", "d.png"].iter().flat_map(|name| picture(name)).collect();
    page.batch(vec![snapshot(children)]).await;
    page.acked().await;
    let told = texts(&shown(&mut stage.viewer(&session).await).await);
    let names: Vec<&str> = told.split("/__lado/a/").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    let good = || names.iter().map(|name| session.asset(name).is_some()).collect::<Vec<_>>();
    assert_eq!(good(), [true; 4]);
    page.say(&PageMessage::Hide { node: 4 }).await;
    page.batch(vec![Op::SetAttr { node: 5, name: "data-lado-mask".into(), value: Some(String::new()) }]).await;
    page.batch(vec![Op::Remove { nodes: vec![6] }]).await;
    page.acked().await;
    assert_eq!(good(), [false, false, false, true]);
    // Another page is another mirror.
    let mut other = stage.page(&session, "p2").await;
    other.batch(vec![snapshot(picture("a.png").to_vec())]).await;
    other.acked().await;
    assert_eq!(good(), [true, false, false, true]);
    other.batch(vec![snapshot(element("p", &[], "nothing"))]).await;
    other.acked().await;
    assert_eq!(good(), [false, false, false, true]);
    stage.sessions.end(&session, EndedBy::Customer);
    assert_eq!(good(), [false; 4]);
}

#[tokio::test]
async fn a_session_leaves_evidence_of_what_its_rules_did_and_no_values() {
    let stage = Stage::set().await;
    let cookie = stage.sign_in("ana").await;
    let session = stage.active();
    stage.set_level(&session, Level::Control);
    let mut page = stage.page(&session, "p1").await;
    let mut children = element("button", &[], "Comprar agora");
    children.extend(element("p", &[], &format!("card {CARD}")));
    children.extend([open("input", &[("type", "password"), ("value", "hunter2")]), TreeNode::End]);
    page.batch(vec![snapshot(children)]).await;
    page.acked().await;
    let mut viewer = stage.viewer(&session).await;
    shown(&mut viewer).await;
    viewer.ask(&ViewerRequest::Act { id: 1, action: click(4) }).await;
    viewer.answer(1).await;
    let path = format!("/api/sessions/{}/evidence", session.id);
    let check = |body: &serde_json::Value| {
        let of =
            |rule: &str| body["rules"].as_array().unwrap().iter().find(|held| held["rule"] == rule).cloned().unwrap();
        assert_eq!((&of("password")["masked"], &of("card")["masked"]), (&1.into(), &1.into()), "{body}");
        assert_eq!((&of("buy-pt")["locked"], &of("buy-pt")["refused"]), (&1.into(), &1.into()), "{body}");
        assert!(body["corrections"].as_u64().unwrap() >= 2 && !body.to_string().contains("hunter2"), "{body}");
    };
    check(&stage.get(&path, &cookie).await.body);
    stage.sessions.end(&session, EndedBy::Customer);
    check(&stage.get(&path, &cookie).await.body);
    let other = stage.sign_in("caio").await;
    assert_eq!(stage.get(&path, &other).await.status, 404);
}
