//! What agents find again later: favourites, past sessions, notes and outcomes, and who may read whose.

use std::time::Duration;

use http::StatusCode;
use lado::session::EndedBy;
use serde_json::{Value, json};

use super::stage::{SITE, Stage, patiently};

/// The history follows the sessions: it is asked until it has caught up.
async fn until(so: impl AsyncFn() -> bool) {
    let again = Duration::from_millis(10);
    patiently(async {
        while !so().await {
            tokio::time::sleep(again).await;
        }
    })
    .await;
}

async fn history(stage: &Stage, cookie: &str, query: &str) -> Vec<Value> {
    let answer = stage.get(&format!("/api/history{query}"), cookie).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    answer.body["sessions"].as_array().unwrap().clone()
}

#[tokio::test]
async fn a_site_becomes_a_favourite_and_stops_being_one() {
    let stage = Stage::set().await;
    let (ana, bia) = (stage.sign_in("ana").await, stage.sign_in("bia").await);
    let site = format!("{SITE}/help?customer=4711#top");
    for body in [json!({"site": site}), json!({"site": "shop.example", "name": " The other "})] {
        assert_eq!(stage.post("/api/favourites", &ana, body).await.status, StatusCode::NO_CONTENT);
    }
    let kept = json!({"favourites": [
        {"site": "https://shop.example", "name": "The other"},
        {"site": "https://www.shop.com/help", "name": "shop.com"},
    ]});
    assert_eq!(stage.get("/api/favourites", &ana).await.body, kept, "without the query: it may name a customer");
    assert_eq!(stage.get("/api/favourites", &bia).await.body, json!({"favourites": []}));
    let gone = stage.post("/api/favourites/remove", &ana, json!({"site": "https://shop.example"})).await;
    assert_eq!(gone.status, StatusCode::NO_CONTENT);
    assert_eq!(stage.get("/api/favourites", &ana).await.body["favourites"].as_array().unwrap().len(), 1);
    let wrong = stage.post("/api/favourites", &ana, json!({"site": "javascript:alert(1)"})).await;
    assert_eq!(wrong.code(), "bad_address");
}

#[tokio::test]
async fn a_session_stands_in_the_history_of_those_who_took_part_and_of_those_who_oversee() {
    let stage = Stage::set().await;
    let cookie = stage.sign_in("ana").await;
    let session = stage.active();
    let path = format!("/api/sessions/{}/notes", session.id);
    assert_eq!(stage.get(&path, &cookie).await.body, json!({"notes": "", "outcome": null}));

    // While it goes on, and without the card number that slipped in.
    let notes = json!({"notes": "Paid with 4539 1488 0343 6467, calls back", "outcome": "follow_up"});
    let kept = stage.post(&path, &cookie, notes).await;
    assert_eq!(kept.status, StatusCode::OK, "{}", kept.body);
    assert_eq!(kept.body, json!({"notes": "Paid with ••••••, calls back", "outcome": "follow_up"}));
    stage.sessions.end(&session, EndedBy::Customer);
    until(async || history(&stage, &cookie, "").await.first().is_some_and(|past| past["ended_by"] == "customer")).await;
    let past = history(&stage, &cookie, "?search=BACK").await.remove(0);
    for (key, value) in [
        ("id", json!(session.id.as_str())),
        ("site", json!("www.shop.com")),
        ("via", json!("link")),
        ("joined", json!(true)),
        ("people", json!(["Ana Souza"])),
        ("outcome", json!("follow_up")),
        ("notes", json!("Paid with ••••••, calls back")),
    ] {
        assert_eq!(past[key], value, "{key}");
    }
    assert!(past["seconds"].as_u64().is_some_and(|seconds| seconds < 60));
    assert!(!past.to_string().contains("/cart"), "the address itself is not kept: {past}");

    for (name, sees, writes) in [
        ("bia", false, false),
        ("dora", true, true),
        ("sara", true, false),
        ("caio", false, false),
        ("eva", false, false),
    ] {
        let other = stage.sign_in(name).await;
        let past = history(&stage, &other, "").await;
        let mine: Vec<_> = past.iter().map(|past| past["mine"] == true).collect();
        assert_eq!(mine, if sees { vec![writes] } else { Vec::new() }, "{name}");
        assert_eq!(stage.get(&path, &other).await.status == StatusCode::OK, sees, "{name}");
        let written = stage.post(&path, &other, json!({"notes": format!("by {name}")})).await;
        let wanted = if writes { (StatusCode::OK, "") } else { (StatusCode::NOT_FOUND, "no_session") };
        assert_eq!((written.status, written.code()), wanted, "{name}");
    }
    assert_eq!(stage.get(&path, &cookie).await.body, json!({"notes": "by dora", "outcome": null}));
}

#[tokio::test]
async fn notes_of_yesterday_can_still_be_written_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("lado.db");
    let id = {
        let stage = Stage::stored(&file).await;
        let session = stage.active();
        let cookie = stage.sign_in("ana").await;
        until(async || history(&stage, &cookie, "").await.len() == 1).await;
        session.id
    };
    let stage = Stage::stored(&file).await;
    let cookie = stage.sign_in("ana").await;
    assert_eq!(history(&stage, &cookie, "").await[0]["ended_by"], "restart");
    let path = format!("/api/sessions/{id}/notes");
    let kept = stage.post(&path, &cookie, json!({"notes": "was cut off", "outcome": "technical"})).await;
    assert_eq!(kept.status, StatusCode::OK);
    assert_eq!(history(&stage, &cookie, "?search=cut").await[0]["outcome"], "technical");
    let bia = stage.sign_in("bia").await;
    assert_eq!(stage.post(&path, &bia, json!({"notes": "mine?"})).await.code(), "no_session");
    assert_eq!(stage.get(&path, &stage.sign_in("caio").await).await.code(), "no_session");
}

#[tokio::test]
async fn the_history_is_read_page_by_page() {
    let stage = Stage::set().await;
    let cookie = stage.sign_in("ana").await;
    for _ in 0..23 {
        let session = stage.waiting();
        stage.sessions.end(&session, EndedBy::Agent);
    }
    until(async || {
        let first = stage.get("/api/history", &cookie).await.body;
        let last = first["sessions"].as_array().unwrap().last().map(|last| last["id"].as_str().unwrap().to_owned());
        let Some(last) = last.filter(|_| first["more"] == true) else { return false };
        let rest = stage.get(&format!("/api/history?before={last}"), &cookie).await.body;
        first["sessions"].as_array().unwrap().len() == 20
            && rest["sessions"].as_array().unwrap().len() == 3
            && rest["more"] == false
    })
    .await;
    assert_eq!(stage.get("/api/history?before=x", &cookie).await.code(), "no_session");
    assert_eq!(stage.get("/api/history?sort=x", &cookie).await.code(), "bad_request");
}

#[tokio::test]
async fn a_broken_disk_costs_the_history_and_no_session() {
    let folder = tempfile::tempdir().unwrap();
    let disk = folder.path().join("disk");
    std::fs::write(&disk, "not a folder").unwrap();
    let stage = Stage::stored(&disk.join("lado.db")).await;
    let cookie = stage.sign_in("ana").await;
    let session = stage.active();
    for path in ["/api/favourites", "/api/history"] {
        let answer = stage.get(path, &cookie).await;
        assert_eq!((answer.status, answer.code()), (StatusCode::SERVICE_UNAVAILABLE, "not_kept"), "{path}");
        assert!(!answer.body.to_string().contains("disk"), "paths are nothing for browsers: {}", answer.body);
    }
    let path = format!("/api/sessions/{}/notes", session.id);
    assert_eq!(stage.post(&path, &cookie, json!({"notes": "lost"})).await.code(), "not_kept");
    assert_eq!(stage.get(&format!("/api/sessions/{}", session.id), &cookie).await.body["state"], "active");
    // The disk is back, and what is written from now on is kept.
    std::fs::remove_file(&disk).unwrap();
    assert_eq!(stage.post(&path, &cookie, json!({"notes": "kept"})).await.status, StatusCode::OK);
    stage.sessions.end(&session, EndedBy::Agent);
    until(async || history(&stage, &cookie, "").await[0]["ended_by"] == "agent").await;
}
