//! Two writers at one document, through the contents API of the sandbox.

use jiff::Timestamp;
use regatta_engine::contents::GithubContents;
use regatta_kit::Release;
use regatta_kit::ids::{EventId, Writer};
use regatta_services::github::Repository;
use regatta_statebox::document::Metadata;
use regatta_statebox::event::{Body, Event};
use regatta_statebox::store::Store;
use regatta_statebox::store::contents::ContentsStore;
use scenarios::Story;
use std::sync::Arc;

const UPDATES: u64 = 1000;

fn event(writer: &str, number: u64, at: Timestamp, body: Body) -> Event {
    Event { id: EventId(Writer(writer.to_owned()), number), at, actor: writer.to_owned(), reason: None, body }
}

fn store(story: &Story) -> ContentsStore {
    let port = GithubContents::new(story.services(), Repository::release_tests());
    ContentsStore::new(Arc::new(port), Arc::new(story.clock().attach()))
}

async fn writes(store: ContentsStore, writer: &'static str, release: Release, from: Timestamp) {
    let mut base = store.load(release).await.unwrap();
    for number in 1..=UPDATES / 2 {
        let body = Body::Observed {
            subject: format!("{writer}-{number}"),
            value: number.into(),
            digest: number.to_string(),
        };
        let at = from.checked_add(jiff::SignedDuration::from_secs(i64::try_from(number).unwrap())).unwrap();
        // Stale bases on purpose: the store has to find that out.
        let written =
            store.append(release, base.as_ref(), vec![event(writer, number, at, body)]).await.unwrap();
        if number % 3 == 0 {
            base = Some(written);
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_thousand_interleaved_updates_and_none_is_lost() {
    let story = Story::of("4.20.1", 1);
    let release = story.release;
    let start = story.clock().now();
    let opening = store(&story);
    let body = Body::Opened { metadata: Metadata::default() };
    opening.append(release, None, vec![event("opener", 1, start, body)]).await.unwrap();
    // A driver that is attached and awake holds the clock; the writers' waits between tries need it to go on.
    drop(opening);

    tokio::join!(writes(store(&story), "ann", release, start), writes(store(&story), "bob", release, start));

    let state = store(&story).load(release).await.unwrap().unwrap().value;
    let history: Vec<_> = state.history().map(|e| e.id.clone()).collect();
    assert_eq!(history.len() as u64, UPDATES + 1);
    for writer in ["ann", "bob"] {
        for number in 1..=UPDATES / 2 {
            assert!(
                state.folded().observed.contains_key(&format!("{writer}-{number}")),
                "{writer}-{number} is lost"
            );
        }
    }
}
