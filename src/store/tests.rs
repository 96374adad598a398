use super::*;

const ANA: Who<'_> = Who { company: "sol", agent: "ana" };
const CAIO: Who<'_> = Who { company: "outra", agent: "caio" };

fn memory() -> Sqlite {
    Sqlite::new(&Config::default())
}

fn file(path: &std::path::Path) -> Sqlite {
    Sqlite::new(&Config { path: Some(path.to_owned()), ..Config::default() })
}

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

fn record(company: &str, agent: &str, created: u64) -> Record {
    Record {
        id: SessionId::random(),
        company: company.into(),
        site: "www.shop.com".into(),
        via: Via::Link,
        created: at(created),
        active: Some(at(created + 60)),
        end: Some(End { at: at(created + 360), by: "agent".into() }),
        people: vec![Person { name: agent.into(), display: format!("{agent} of {company}") }],
    }
}

fn search(company: &str) -> Search<'_> {
    Search { company, agent: None, text: "", before: None, limit: 50 }
}

async fn ids(store: &dyn Store, search: Search<'_>) -> Vec<SessionId> {
    store.past(search).await.unwrap().into_iter().map(|past| past.record.id).collect()
}

#[tokio::test]
async fn favourites_are_their_agents_own_and_not_without_number() {
    let store = memory();
    let favourite = |n: usize| Favourite { site: format!("https://{n}.example.com"), name: format!("Shop {n:02}") };
    for n in 0..MAX_FAVOURITES {
        store.add_favourite(ANA, &favourite(n)).await.unwrap();
    }
    assert_eq!(store.add_favourite(ANA, &favourite(MAX_FAVOURITES)).await, Err(StoreError::Full));
    let renamed = Favourite { name: "A better name".into(), ..favourite(3) };
    store.add_favourite(ANA, &renamed).await.unwrap();
    assert_eq!(store.favourites(ANA).await.unwrap()[0], renamed);
    store.remove_favourite(CAIO, &renamed.site).await.unwrap();
    assert_eq!(store.favourites(ANA).await.unwrap().len(), MAX_FAVOURITES);
    store.remove_favourite(ANA, &renamed.site).await.unwrap();
    store.add_favourite(ANA, &favourite(MAX_FAVOURITES)).await.unwrap();
    assert_eq!(store.favourites(CAIO).await, Ok(Vec::new()));
}

#[tokio::test]
async fn a_session_reads_back_as_it_was_written_and_its_notes_outlive_changes() {
    let store = memory();
    let mut session = Record { end: None, active: None, via: Via::Pin, ..record("sol", "ana", 100) };
    store.record(&session).await.unwrap();
    let notes = Notes { text: "Wants the blue one".into(), outcome: Some(Outcome::FollowUp) };
    store.note(session.id, &notes).await.unwrap();
    session.active = Some(at(160));
    session.people.push(Person { name: "bia".into(), display: "Bia".into() });
    session.end = Some(End { at: at(400), by: "customer".into() });
    // Who has handed over is no longer in the session, but was.
    store.record(&Record { people: vec![session.people[1].clone()], ..session.clone() }).await.unwrap();
    // Who looked at it just before the end and writes late does not open it again.
    store.record(&Record { end: None, ..session.clone() }).await.unwrap();
    session.people.sort_by(|one, other| one.display.cmp(&other.display));
    let past = store.past_one("sol", session.id).await.unwrap().unwrap();
    assert_eq!(past, Past { record: session.clone(), cut_off: false, notes });
    assert_eq!(store.past_one("outra", session.id).await, Ok(None));
}

#[tokio::test]
async fn the_history_is_searched_in_pages_newest_first() {
    let store = memory();
    let mut all = Vec::new();
    for n in 0..5 {
        let record = record("sol", if n % 2 == 0 { "ana" } else { "bia" }, 1000 - n);
        store.record(&record).await.unwrap();
        all.push(record.id);
    }
    store.record(&record("outra", "caio", 5000)).await.unwrap();
    assert_eq!(ids(&store, search("sol")).await, all);
    assert_eq!(ids(&store, Search { agent: Some("ana"), ..search("sol") }).await, [all[0], all[2], all[4]]);
    assert_eq!(ids(&store, Search { limit: 2, ..search("sol") }).await, all[..2]);
    assert_eq!(ids(&store, Search { before: Some(all[1]), ..search("sol") }).await, all[2..]);
    store.note(all[3], &Notes { text: "100% sure_ly".into(), outcome: None }).await.unwrap();
    for (text, found) in [
        ("SHOP", &all[..]),
        ("bia of", &[all[1], all[3]]),
        ("0% sure_", &[all[3]]),
        ("0%_sure", &[]),
        ("%", &[all[3]]),
        ("' OR 1=1 --", &[]),
    ] {
        assert_eq!(ids(&store, Search { text, ..search("sol") }).await, found, "{text}");
    }
}

#[tokio::test]
async fn what_is_old_and_over_is_forgotten() {
    let store = memory();
    let (old, young) = (record("sol", "ana", 100), record("sol", "ana", 1000));
    let going_on = Record { end: None, ..record("sol", "ana", 50) };
    for record in [&old, &young, &going_on] {
        store.record(record).await.unwrap();
    }
    assert_eq!(store.forget(at(900)).await, Ok(1));
    assert_eq!(ids(&store, search("sol")).await, [young.id, going_on.id]);
}

#[tokio::test]
async fn a_restart_keeps_everything_and_cuts_off_what_was_open() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("made/for/it/lado.db");
    let open = Record { end: None, ..record("sol", "ana", 100) };
    {
        let store = file(&path);
        store.record(&open).await.unwrap();
        assert!(!store.past_one("sol", open.id).await.unwrap().unwrap().cut_off);
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
    let past = file(&path).past_one("sol", open.id).await.unwrap().unwrap();
    assert!(past.cut_off);
    assert_eq!(past.record, open);
}

#[tokio::test]
async fn a_broken_disk_is_an_error_and_one_that_comes_back_is_used() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("disk");
    std::fs::write(&place, "not a folder").unwrap();
    let store = file(&place.join("lado.db"));
    assert!(matches!(store.open().await, Err(StoreError::Broken(_))));
    assert!(matches!(store.favourites(ANA).await, Err(StoreError::Broken(_))));
    std::fs::remove_file(&place).unwrap();
    assert_eq!(store.favourites(ANA).await, Ok(Vec::new()));
}

#[tokio::test]
async fn a_file_that_is_no_database_is_an_error_and_stays_as_it_is() {
    let file_of_another = tempfile::NamedTempFile::new().unwrap();
    let text = "nothing that SQLite knows\n".repeat(100);
    std::fs::write(file_of_another.path(), &text).unwrap();
    assert!(matches!(file(file_of_another.path()).open().await, Err(StoreError::Broken(_))));
    assert_eq!(std::fs::read_to_string(file_of_another.path()).unwrap(), text);
}
